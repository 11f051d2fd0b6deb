import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.stream import DamagedError
from bundler.errors import ImageError
from bundler.images.digest import Digest
from bundler.images.layer import Blob, FileSlice, LocalLayer
from bundler.images.layer_stream import open_blob, open_layer
from tests.support.layers import InMemory
from tests.support.tarballs import file, tarball

TAR = tarball(file("a", bytes(range(256)) * 40))
OTHER = tarball(file("b", b"other"))


class Piecewise(FileSlice):
    """A file of which at most `piece` bytes are read at a time."""

    piece = 1 << 20

    def read(self, size: int, /) -> bytes:
        return super().read(min(size, self.piece))


@dataclass(frozen=True)
class InPieces(InMemory):
    piece: int = 1 << 20

    @contextmanager
    def open(self, name: str) -> Iterator[FileSlice]:
        with super().open(name) as whole:
            source = Piecewise(whole.descriptor, whole.offset, whole.size)
            source.piece = self.piece
            yield source


def layer_of(stored: bytes, *, piece: int = 1 << 20) -> LocalLayer:
    """An honest layer whose uncompressed bytes are TAR."""
    files = InPieces(stored, piece=piece)
    return LocalLayer(Blob("", len(stored), Digest.of(stored)), Digest.of(TAR), files, "layer")


def serve(layer: LocalLayer, stored: bytes) -> LocalLayer:
    """`layer`, where other bytes are stored than it says."""
    return replace(layer, place=InMemory(stored))


def read(layer: LocalLayer, size: int = 1 << 16) -> bytes:
    with open_layer(layer, lambda _count: None) as stream:
        parts = []
        while part := stream.read(size):
            parts.append(part)
        stream.finish()
    return b"".join(parts)


FORMS = {
    "plain": TAR,
    "gzip": gzip.compress(TAR),
    "zstd": zstandard.compress(TAR),
    "two gzip members": gzip.compress(TAR[:700]) + gzip.compress(TAR[700:]),
    "two zstd frames": zstandard.compress(TAR[:700]) + zstandard.compress(TAR[700:]),
}


@pytest.mark.parametrize("stored", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", [1, 511, 1 << 20])
@pytest.mark.parametrize("piece", [1, 1000, 1 << 20])
def test_an_honest_layer_is_read(stored: bytes, size: int, piece: int) -> None:
    assert read(layer_of(stored, piece=piece), size) == TAR


@pytest.mark.parametrize("stored", FORMS.values(), ids=FORMS)
def test_a_layer_without_a_stated_digest_is_checked_by_its_diff_id(stored: bytes) -> None:
    layer = layer_of(stored)
    silent = replace(layer, blob=replace(layer.blob, digest=None))
    assert read(silent) == TAR
    with pytest.raises(ImageError, match="its diff_id is"):
        read(replace(silent, diff_id=Digest.of(OTHER)))


@pytest.mark.parametrize("stored", FORMS.values(), ids=FORMS)
def test_digests_of_another_algorithm_count_too(stored: bytes) -> None:
    layer = layer_of(stored)
    blob = replace(layer.blob, digest=Digest.of(stored, "sha512"))
    strong = replace(layer, blob=blob, diff_id=Digest.of(TAR, "sha512"))
    assert read(strong) == TAR


GZIP = gzip.compress(TAR, mtime=0)
FLIPPED = GZIP[:40] + bytes([GZIP[40] ^ 1]) + GZIP[41:]
LIES: dict[str, tuple[LocalLayer, str]] = {
    "one bit of the stored bytes": (serve(layer_of(GZIP), FLIPPED), "its digest is"),
    "one bit of a plain layer": (serve(layer_of(TAR), TAR[:-1] + b"x"), "its digest is"),
    "another layer of the same size": (serve(layer_of(TAR), OTHER.ljust(len(TAR), b"\0")), "its digest is"),
    "another layer": (serve(layer_of(GZIP), gzip.compress(OTHER)), "are stated"),
    "cut short": (serve(layer_of(GZIP), GZIP[:-1]), f"{len(GZIP) - 1} bytes, but {len(GZIP)} are stated"),
    "nothing at all": (serve(layer_of(GZIP), b""), f"0 bytes, but {len(GZIP)} are stated"),
    "one byte more": (serve(layer_of(GZIP), GZIP + b"\0"), f"more bytes than the {len(GZIP)} that are stated"),
    "a plain layer and more": (serve(layer_of(TAR), TAR + b"\0"), "more bytes than"),
    "another diff_id": (replace(layer_of(GZIP), diff_id=Digest.of(OTHER)), f"not the one stated {Digest.of(OTHER)}"),
    "another diff_id of a plain layer": (replace(layer_of(TAR), diff_id=Digest.of(OTHER)), "its diff_id is"),
    "rubbish after the compressed bytes": (layer_of(GZIP + b"rubbish"), "layer sha256:"),
    "a compressed stream that is cut": (layer_of(GZIP[:-9]), "layer sha256:"),
    "a compressed stream that is damaged": (layer_of(FLIPPED), "layer sha256:"),
    "another compressed member": (layer_of(GZIP + gzip.compress(b"more")), "its diff_id is"),
    "zstd that is cut": (layer_of(zstandard.compress(TAR)[:-3]), "layer sha256:"),
}


@pytest.mark.parametrize(("layer", "says"), LIES.values(), ids=LIES)
def test_a_layer_that_is_not_what_the_image_states_is_refused(layer: LocalLayer, says: str) -> None:
    with pytest.raises(ImageError) as raised:
        read(layer)
    assert says in raised.value.what
    assert raised.value.what.startswith(f"layer {layer.blob.digest}: ")


@pytest.mark.parametrize(("layer", "says"), LIES.values(), ids=LIES)
def test_it_is_refused_even_if_its_reader_stops_early(layer: LocalLayer, says: str) -> None:
    def read_a_little() -> None:
        with open_layer(layer, lambda _count: None) as stream:
            stream.read(1)
            stream.finish()

    with pytest.raises(ImageError) as raised:
        read_a_little()
    assert says in raised.value.what


def test_a_file_that_is_longer_is_left_after_one_byte_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []

    def read_counted(source: FileSlice, size: int) -> bytes:
        taken.append(FileSlice.read(source, size))
        return taken[-1]

    monkeypatch.setattr(Piecewise, "read", read_counted)
    with pytest.raises(ImageError, match="more bytes than"):
        read(replace(layer_of(TAR), place=InPieces(TAR + bytes(1 << 22))))
    assert sum(map(len, taken)) == len(TAR) + 1


def test_that_the_digest_is_wrong_explains_a_damaged_archive_better() -> None:
    def find_damage(layer: LocalLayer) -> None:
        with open_layer(layer, lambda _count: None) as stream:
            stream.read(512)
            raise DamagedError("not a tar archive")

    with pytest.raises(ImageError, match="its digest is"):
        find_damage(serve(layer_of(TAR), TAR[:-1] + b"x"))
    with pytest.raises(ImageError, match=r"layer sha256:\w+: not a tar archive"):
        find_damage(layer_of(TAR))


def test_the_meter_counts_the_stored_bytes() -> None:
    counts: list[int] = []
    with open_layer(layer_of(GZIP, piece=100), counts.append) as stream:
        stream.finish()
    assert sum(counts) == len(GZIP)


@pytest.mark.parametrize(
    ("stored", "says"), [(GZIP + b"x", "more bytes"), (GZIP[:-1], "are stated"), (FLIPPED, "its digest is")]
)
def test_a_blob_is_read_as_it_is_stored_and_checked(stored: bytes, says: str) -> None:
    with open_blob(layer_of(GZIP), lambda _count: None) as stream:
        assert stream.read(1 << 20) == GZIP
        stream.finish()
    with pytest.raises(ImageError, match=says), open_blob(serve(layer_of(GZIP), stored), lambda _: None) as stream:
        stream.finish()


@given(st.integers(0, len(GZIP) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(position: int, change: int) -> None:
    changed = GZIP[:position] + bytes([GZIP[position] ^ change]) + GZIP[position + 1 :]
    with pytest.raises(ImageError):
        read(serve(layer_of(GZIP), changed))
