"""One byte is changed, anywhere in what a signature of an image depends on: then nothing is taken, with exit code 6."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bundler.carrying.importing import Import
from bundler.carrying.source import Source
from bundler.errors import DifferenceError
from bundler.limits import DEFAULTS
from bundler.overrides.load import Overrides
from bundler.progress import SILENT
from bundler.request import BuildRequest
from bundler.trust.keys import load_image_key, load_trusted_key
from bundler.trust.policy import by_keys
from tests.support.command import bundler, call_bundler
from tests.support.image_signatures import GENERATED, Pair
from tests.support.signed_images import signed_store
from tests.support.signing_keys import MINISIGN, SIGNIFY, SSH

pytestmark = pytest.mark.tool("openssl")
BITS = (0x01, 0x20, 0x80)  # another letter, the other case, no letter


class Signed:
    """A store with an image, and the key that it is signed by."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.pair = Pair(folder, GENERATED[kind])
        self.key = folder / "key.pub"
        self.key.write_bytes(self.pair.public)
        self.store = folder / "store"
        self.name = signed_store(self.store, self.pair)

    def open(self) -> None:
        """Raises DifferenceError for what the key has not signed."""
        policy = by_keys((load_image_key(self.key),), "--verify-key")
        request = BuildRequest(image=self.name, store=self.store, trust=policy)
        with request.open(Overrides(), self.store.parent, SILENT) as image:
            assert image.signed is not None


@pytest.fixture(scope="module", params=GENERATED)
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    signed = Signed(tmp_path_factory.mktemp("signed"), request.param)
    signed.open()
    return signed


def files(signed: Signed) -> Iterator[Path]:
    """But for the layer, which is not read to open an image, and for what nothing is read from."""
    yield signed.key
    if not signed.pair.key.kind.startswith("ecdsa"):
        return  # the same store, and another key
    for blob in sorted((signed.store / "blobs/sha256").iterdir()):
        content = blob.read_bytes()
        if content.startswith(b"{") and content != b"{}":
            yield blob


@contextmanager
def changed(path: Path, position: int, bit: int) -> Iterator[None]:
    content = path.read_bytes()
    path.write_bytes(content[:position] + bytes([content[position] ^ bit]) + content[position + 1 :])
    try:
        yield
    finally:
        path.write_bytes(content)


def test_every_byte_counts_of_key_signature_payload_manifest_and_config(signed: Signed) -> None:
    paths = list(files(signed))
    assert len(paths) in (1, 5)
    for path in paths:
        for position in range(path.stat().st_size):
            with changed(path, position, BITS[position % len(BITS)]), pytest.raises(DifferenceError):
                signed.open()
    signed.open()


def test_what_is_cut_off_is_found(signed: Signed) -> None:
    for path in files(signed):
        content = path.read_bytes()
        for left in (b"", content[:-1], content[: len(content) // 2], content + b"\n", content + b"\0"):
            if path == signed.key and len(left) < 27:
                continue  # that is no key, and was never one
            path.write_bytes(left)
            with pytest.raises(DifferenceError):
                signed.open()
        path.write_bytes(content)


def test_a_layer_that_was_changed_is_found_when_it_is_read(signed: Signed, tmp_path: Path) -> None:
    shutil.copytree(signed.store, tmp_path / "store")
    for blob in (tmp_path / "store/blobs/sha256").iterdir():
        content = blob.read_bytes()
        if not content.startswith(b"{"):
            blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    words = ["build", signed.name, "--offline", "--rootless", "-o", "web", "--store", "store"]
    done = call_bundler(*words, "--verify-key", signed.key, cwd=tmp_path)
    assert (done.returncode, (tmp_path / "web").exists()) == (6, False), done.stderr


def test_every_byte_counts_of_what_is_imported(signed: Signed, tmp_path: Path) -> None:
    """Of documents, signature and layer, every few bytes; what the archive has around them is no part of an image."""
    file = tmp_path / "image.tar"
    bundler("export", signed.name, "-o", file, "--store", signed.store)
    policy = by_keys((load_image_key(signed.key),), "--verify-key")
    importing = Import(limits=DEFAULTS, progress=SILENT, trust=policy)
    content = file.read_bytes()
    for blob in sorted((signed.store / "blobs/sha256").iterdir()):
        start, size = content.index(blob.read_bytes()), blob.stat().st_size
        for position in range(start, start + size, 17 if signed.pair.key.kind.startswith("ecdsa") else 1000):
            store = tmp_path / f"store-{position}"
            with changed(file, position, BITS[position % len(BITS)]), pytest.raises(DifferenceError):
                importing.into(store, Source.parse(str(file)))
            assert not (store / "index.json").exists() or b"registry" not in (store / "index.json").read_bytes()
    importing.into(tmp_path / "store", Source.parse(str(file)))


KEYS: dict[str, tuple[bytes, Callable[[bytes], range]]] = {
    "minisign": (MINISIGN, lambda content: range(content.index(b"\n") + 1, len(content))),
    "signify": (SIGNIFY, lambda content: range(content.index(b"\n") + 1, len(content))),
    "ssh": (SSH, lambda content: range(content.index(b" of-a-test"))),
}


@pytest.mark.parametrize("kind", KEYS)
def test_every_byte_of_a_key_of_files_counts(tmp_path: Path, kind: str) -> None:
    """But for comments: it is another key then, or none."""
    content, counting = KEYS[kind]
    path = tmp_path / "key.pub"
    path.write_bytes(content)
    key = load_trusted_key(path).key
    for position in (*range(8), *counting(content)):
        with changed(path, position, BITS[position % len(BITS)]), suppress(DifferenceError):
            assert load_trusted_key(path).key != key
