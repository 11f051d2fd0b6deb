"""Deltas that were made to do harm: each has the right digests, and is refused with nothing written anywhere."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from bundler.bundles.bundle import Bundle
from bundler.deltas import rebuilding
from bundler.deltas.applying import apply
from bundler.deltas.format import LENGTH, MAGIC, MOST, Section
from bundler.deltas.frames import compress
from bundler.deltas.gzip_program import fingerprint
from bundler.deltas.operations import Add, Again, Copy, Fresh, Gzip, Heads, Operation, Patch, Range, Small
from bundler.deltas.writing import delta
from bundler.errors import BundlerError, ImageError, LayerError, RequestError
from bundler.limits import DEFAULTS
from bundler.packing.packing import pack
from tests.support import fuzzed_deltas
from tests.support.bundles import make_bundle
from tests.support.deltas import section, written
from tests.support.tarballs import END, Member, directory, file, hard_link, symlink, tarball

pytestmark = pytest.mark.root

PLAIN = [directory("rootfs"), file("config.json", "{}")]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "made/b", file("a", b"a" * 5000), file("b", b"b" * 7000))


@pytest.fixture
def document(base: Path, tmp_path: Path) -> bytes:
    """What a delta for the base says of itself."""
    newer = make_bundle(tmp_path / "newer/b", file("c", b"c"))
    whole = delta(base, newer, tmp_path / "newer/d").path.read_bytes()
    (length,) = LENGTH.unpack(whole[len(MAGIC) : len(MAGIC) + LENGTH.size])
    return whole[len(MAGIC) + LENGTH.size :][:length]


def archive(*members: Member) -> Callable[[bytes], bytes]:
    """A delta that makes an archive of these members, all of it as heads."""
    content = tarball(*members)
    return lambda document: written(document, section([Heads(len(content))], heads=content), result=content)


def operations(*wanted: Operation, **parts: bytes) -> Callable[[bytes], bytes]:
    return lambda document: written(document, section(wanted, **parts))


def with_gzip(*wanted: Operation, **parts: bytes) -> Callable[[bytes], bytes]:
    """As the document of a delta says that was made with this machine's gzip."""

    def made(document: bytes) -> bytes:
        stated = json.loads(document) | {"gzip": fingerprint()}
        return written(json.dumps(stated).encode(), section(wanted, **parts))

    return made


def raw(content: bytes) -> Callable[[bytes], bytes]:
    return lambda document: written(document, section(content))


def bare(sizes: Section) -> Callable[[bytes], bytes]:
    return lambda document: written(document, sizes.encode())


def changed(**members: object) -> Callable[[bytes], bytes]:
    return lambda document: written(json.dumps(json.loads(document) | members).encode())


FRAME = compress(b"x" * 5000, b"", 3)
TINY = compress(b"x" * 9, b"", 3)
NOTHING = compress(b"", b"", 3)
# A frame that says it has 64 MiB, of which the library would make room for all.
BOMB = zstandard.ZstdCompressor(write_content_size=True).compress(bytes(1 << 26))
HOSTILE = {
    "a name that climbs": (archive(*PLAIN, file("../x", "x")), LayerError, "outside|climb|above|\\.\\."),
    "a name below a symlink": (archive(*PLAIN, symlink("u", "/tmp"), file("u/x", "x")), LayerError, "symlink"),
    "a hard link out of its part": (archive(*PLAIN, hard_link("rootfs/x", "config.json")), LayerError, "hard link"),
    "what is no bundle": (archive(file("f", "x")), ImageError, "holds no bundle"),
    "a file that the base has not got": (operations(Copy(99)), ImageError, "has not got"),
    "a file before the first": (raw(b"\x02\x09"), ImageError, "has not got"),
    "more than a file has": (operations(Range(0, 0, 1 << 60)), ImageError, "more than a file"),
    "behind the end of a file": (operations(Range(0, 1 << 60, 1)), ImageError, "more than a file"),
    "a dictionary behind the end": (operations(Patch(0, 4999, 2, 5000, len(FRAME)), frames=FRAME), ImageError, "more"),
    "a dictionary that is too large": (
        operations(Patch(0, 0, 1 << 20, 1, len(FRAME)), frames=FRAME),
        ImageError,
        "larger than its content is worth",
    ),
    "a frame of another size": (operations(Fresh(4999, len(FRAME)), frames=FRAME), ImageError, "size that is stated"),
    "a frame that grows": (operations(Fresh(1000, len(BOMB)), frames=BOMB), ImageError, "larger|size that is stated"),
    "a frame that says it is vast": (operations(Fresh(1 << 26, len(BOMB)), frames=BOMB), ImageError, "larger than any"),
    "a frame with something behind": (
        operations(Fresh(5000, len(FRAME) + 1), frames=FRAME + b"x"),
        ImageError,
        "damaged",
    ),
    "frames that no operation asks for": (operations(Copy(0), frames=FRAME), ImageError, "not as large"),
    "a frame that is not there": (operations(Fresh(5000, 400)), ImageError, "ends too early|damaged"),
    "a frame again before it was there": (operations(Again(0, 0, 0, 5000, 10, 0)), ImageError, "not there"),
    "a few bytes of a frame, without end": (
        operations(Fresh(9, len(TINY)), *[Again(0, 0, 0, 9, len(TINY), 0)] * 100, frames=TINY),
        ImageError,
        "too small for that",
    ),
    "nothing of a frame, without end": (
        operations(*[Again(0, 0, 5000, 0, 9, 0)] * 100, frames=FRAME),
        ImageError,
        "makes nothing",
    ),
    "nothing of a file, without end": (operations(*[Range(0, 0, 0)] * 100), ImageError, "makes nothing"),
    "a frame of nothing": (operations(Fresh(0, len(NOTHING)), frames=NOTHING), ImageError, "makes nothing"),
    "differences that are not there": (operations(Add(0, 0, 9), differences=b"x"), ImageError, "has not got"),
    "differences that are left": (operations(Copy(0), differences=b"x"), ImageError, "no operation asks for"),
    "differences from behind the end": (operations(Add(0, 4999, 2), differences=b"xx"), ImageError, "more than a file"),
    "differences of terabytes": (operations(Add(0, 0, 1 << 40), differences=b"x"), ImageError, "more than a file"),
    "gzip that it does not speak of": (
        operations(Gzip(0, 0, 0, 5000, len(FRAME)), frames=FRAME),
        ImageError,
        "does not say so",
    ),
    "gzip with a header beyond the end": (
        with_gzip(Gzip(0, 0, 5001, 5000, len(FRAME)), frames=FRAME),
        ImageError,
        "makes no sense",
    ),
    "gzip with what is no text of it": (
        with_gzip(Gzip(0, 9, 0, 5000, len(FRAME)), frames=FRAME),
        ImageError,
        "more than a file",
    ),
    "gzip with a dictionary that is too large": (
        with_gzip(Gzip(0, MOST, 0, 5000, len(FRAME)), frames=FRAME),
        ImageError,
        "larger than its content is worth",
    ),
    "small files that are not there": (operations(Small(1)), ImageError, "has not got"),
    "small files that are left": (operations(Copy(0), small=b"x"), ImageError, "no operation asks for"),
    "heads of no bytes, without end": (operations(*[Heads(0)] * 100), ImageError, "has not got"),
    "an operation that there is not": (raw(b"\x63"), ImageError, "operation 99"),
    "a number without end": (raw(b"\x05" + b"\xff" * 100), ImageError, "no end"),
    "a number that is cut off": (raw(b"\x05"), ImageError, "no end"),
    "heads of four gigabytes": (bare(Section(heads=MOST + 1, operations=1)), ImageError, "larger than any"),
    "operations of four gigabytes": (bare(Section(operations=(1 << 32) - 1)), ImageError, "larger than any"),
    "heads of the base that are not there": (
        bare(Section(heads=1 << 20, heads_stored=10, known_at=1 << 40, known=10, operations=1)),
        ImageError,
        "more than the base has",
    ),
    "heads of the base at a place that no file has": (
        bare(Section(heads=5, heads_stored=10, known_at=(1 << 64) - 1, operations=1)),
        ImageError,
        "more than the base has",
    ),
    "another format": (changed(format=2), RequestError, "format 2"),
    "a document without a base": (changed(base=None), ImageError, "makes no sense"),
    "digests that are none": (changed(base={"record": 1, "heads": 2, "image": 3}), ImageError, "makes no sense"),
    "something else than it says": (
        lambda document: written(document, section([Copy(0)]), result=b"b" * 5000),
        ImageError,
        "not what it says|tar archive",
    ),
}


def everything(folder: Path) -> Iterator[tuple[str, float]]:
    for path in sorted(folder.rglob("*")):
        yield os.fspath(path), path.lstat().st_mtime


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["out", "out.tar"])
def test_it_is_refused_and_nothing_is_written(
    name: str, place: str, base: Path, document: bytes, tmp_path: Path
) -> None:
    make, error, words = HOSTILE[name]
    (tmp_path / "d").write_bytes(make(document))
    before = [*everything(tmp_path)]
    expected = (error, BundlerError) if place == "out.tar" else error  # of which each is one line with a hint
    with pytest.raises(expected, match=None if place == "out.tar" else words):
        apply(tmp_path / "d", base, tmp_path / place)
    assert [*everything(tmp_path)] == before


def test_copies_without_end_end_at_the_limit(base: Path, document: bytes, tmp_path: Path) -> None:
    head = tarball(file("f", bytes(0)))[:512]
    (tmp_path / "d").write_bytes(written(document, section([Heads(512), *[Copy(0)] * 100_000], heads=head)))
    limits = DEFAULTS.changed(("unpacked-size=10m",))
    for place in ("out", "out.tar"):
        with pytest.raises((LayerError, ImageError)):
            apply(tmp_path / "d", base, tmp_path / place, limits=limits)
        assert not (tmp_path / place).exists()


def test_a_right_one_of_the_same_making_is_applied(base: Path, tmp_path: Path) -> None:
    """So that the others are refused for what is wrong with them."""
    newer = make_bundle(tmp_path / "newer/b", file("c", b"c"))
    whole = delta(base, newer, tmp_path / "newer/d").path.read_bytes()
    (length,) = LENGTH.unpack(whole[len(MAGIC) : len(MAGIC) + LENGTH.size])
    document = whole[len(MAGIC) + LENGTH.size :][:length]
    content = pack(Bundle.open(newer), tmp_path / "newer.tar").path.read_bytes()
    assert content.endswith(END)
    (tmp_path / "d").write_bytes(written(document, section([Heads(len(content))], heads=content), result=content))
    apply(tmp_path / "d", base, tmp_path / "out")
    assert (tmp_path / "out/rootfs/c").read_bytes() == b"c"


def test_an_operation_of_each_kind_is_done() -> None:
    """These sections are what the fuzzer begins with."""
    first, second, third, fourth = fuzzed_deltas.seeds()
    assert fuzzed_deltas.read(first + second) == b"heads" + b"a" * 5000 + b"b" * 9 + b"tiny" + b"x" * 10_000
    assert fuzzed_deltas.read(third) == b"x" * 5000
    assert fuzzed_deltas.read(fourth) == b"b`ac\xe2\xe2"


@pytest.mark.parametrize("name", ["a file that the base has not got", "a frame of another size", "something else"])
def test_a_process_of_its_own_refuses_the_same(
    name: str, base: Path, document: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_SMALLEST_APART", 0)
    make, error, words = next(row for row_name, row in HOSTILE.items() if row_name.startswith(name))
    (tmp_path / "d").write_bytes(make(document))
    packed = pack(Bundle.open(base), tmp_path / "base.tar").path
    before = [*everything(tmp_path)]
    for there in (base, packed):
        with pytest.raises(error, match=rf"^{tmp_path}/d: .*({words})"):
            apply(tmp_path / "d", there, tmp_path / "out")
    assert [*everything(tmp_path)] == before
