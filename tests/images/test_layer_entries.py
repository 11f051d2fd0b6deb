"""The entries of a layer are the same whichever process reads them, and so is what is wrong with it."""

import gzip
import hashlib
import os
import random
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest

from bundler.archives.entry import Entry, FileBatch
from bundler.archives.stream import Content
from bundler.errors import BundlerError, ImageError, LayerError
from bundler.images import layer_entries
from bundler.images.digest import Digest
from bundler.images.layer import Blob, LocalLayer
from bundler.images.layer_entries import LayerEntries, open_layers
from bundler.images.layer_reader import LARGEST_WHOLE
from bundler.images.layer_stream import Count
from bundler.limits import DEFAULTS, Limits
from tests.support.forked_workers import forked_workers
from tests.support.layers import InMemory
from tests.support.tarballs import directory, file, hard_link, symlink, tarball

pytestmark = pytest.mark.timeout(120)

LARGE = bytes(range(251)) * (3 * LARGEST_WHOLE // 251)
MEMBERS = (
    directory("etc"),
    file("etc/empty", b""),
    file("etc/motd", b"hello\n"),
    file("large", LARGE),
    file("largest that is whole", LARGE[:LARGEST_WHOLE]),
    hard_link("again", "etc/motd"),
    symlink("link", "large"),
    file("capable", b"x", xattrs={"security.capability": "v"}),
)
TAR = tarball(*MEMBERS)


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[Callable[[], set[str]]]:
    with forked_workers() as running:
        yield running


@pytest.fixture(params=["here", "apart"], autouse=True)
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(layer_entries, "SMALLEST_APART", {"here": 1 << 60, "apart": 0}[request.param])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})
    return str(request.param)


def layer_of(tar: bytes, stored: bytes | None = None) -> LocalLayer:
    content = gzip.compress(tar, 1) if stored is None else stored
    return LocalLayer(Blob("", len(content), Digest.of(content)), Digest.of(tar), InMemory(content), "layer")


def ignore(_stored: int, _size: int) -> None:
    pass


@contextmanager
def open_entries(layer: LocalLayer, count: Count, limits: Limits, *, hashed: bool = False) -> Iterator[LayerEntries]:
    """Those of a single layer."""
    with open_layers([layer], limits, hashed=hashed) as readers, readers.entries(layer, count) as entries:
        yield entries


def one_by_one(entries: LayerEntries) -> Iterator[tuple[Entry, Iterable[Content]]]:
    """Each entry with its content, also those that come as files of one directory."""
    for found in entries:
        if isinstance(found, FileBatch):
            yield from ((entry, entries.content_at(entry.offset, entry.size)) for entry in found.entries())
        else:
            yield found, entries.content()


def test_entries_and_their_content_are_what_the_archive_holds() -> None:
    found: dict[bytes, tuple[Entry, bytes]] = {}
    with open_entries(layer_of(TAR), ignore, DEFAULTS, hashed=True) as entries:
        for entry, content in one_by_one(entries):
            digest = entry.digest  # who makes the file has it before the content, and asks for its value afterwards
            found[entry.name] = (entry, b"".join(map(bytes, content)))
            assert entry.digest is digest
    assert [*found] == [
        *(b"etc", b"etc/empty", b"etc/motd", b"large", b"largest that is whole", b"again", b"link", b"capable")
    ]
    assert found[b"large"][1] == LARGE
    assert found[b"largest that is whole"][1] == LARGE[:LARGEST_WHOLE]
    assert found[b"etc/motd"][1] == b"hello\n"
    assert found[b"again"][0].link_name == b"etc/motd"
    assert found[b"capable"][0].xattrs == {b"security.capability": b"v"}
    for entry, held in found.values():
        assert entry.digest is None or entry.digest.hexdigest() == hashlib.sha256(held).hexdigest()


@pytest.mark.parametrize("seed", range(4))
def test_content_is_right_whatever_its_size_and_wherever_it_lies_in_the_shared_memory(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- the same each time
    noise = chance.randbytes(5 << 20)
    sizes = [chance.choice((0, 1, 511, 512, 5000, LARGEST_WHOLE, LARGEST_WHOLE + 1, 3 << 20)) for _ in range(40)]
    files = {f"{chance.choice(('a/', 'b/c/', ''))}{number}": noise[number:][:size] for number, size in enumerate(sizes)}
    tar = tarball(*(file(name, content) for name, content in files.items()))
    with open_entries(layer_of(tar, tar), ignore, DEFAULTS, hashed=True) as entries:
        found = {entry.name.decode(): b"".join(map(bytes, content)) for entry, content in one_by_one(entries)}
    assert found == files


def test_layers_follow_one_another_and_each_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_entries, "_MOST_OPEN", 3)  # so that workers follow one another, too
    tars = [tarball(file("size", b"x" * number), file("large", LARGE[number:])) for number in range(5)]
    layers = [layer_of(tar) for tar in [*tars, tarball()]]
    with open_layers(layers, DEFAULTS, hashed=True) as readers:
        for number, layer in enumerate(layers):
            counts = [0, 0]

            def count(stored: int, size: int, counts: list[int] = counts) -> None:
                counts[0] += stored
                counts[1] += size

            with readers.entries(layer, count) as entries:
                found = {entry.name: b"".join(map(bytes, content)) for entry, content in one_by_one(entries)}
            wanted = {b"size": b"x" * number, b"large": LARGE[number:]} if number < 5 else {}
            assert found == wanted
            assert counts == [layer.blob.size, len(tars[number]) if number < 5 else len(tarball())]


def test_offsets_are_those_in_the_layer() -> None:
    layers = [layer_of(TAR), layer_of(tarball(file("a", b"1"), file("b", LARGE)))]
    offsets: dict[bytes, int] = {}
    with open_layers(layers, DEFAULTS, hashed=True) as readers:
        for layer in layers:
            with readers.entries(layer, ignore) as entries:
                offsets = {entry.name: entry.offset for entry, _ in one_by_one(entries)}
    assert offsets == {b"a": 512, b"b": 1536}


def test_what_is_not_read_of_a_layer_is_passed_over() -> None:
    layers = [layer_of(TAR), layer_of(tarball(file("next")))]
    with open_layers(layers, DEFAULTS) as readers:
        with readers.entries(layers[0], ignore) as entries:
            next(iter(entries))
        with readers.entries(layers[1], ignore) as entries:
            assert [entry.name for entry, _ in one_by_one(entries)] == [b"next"]


def test_what_is_wrong_with_a_layer_is_said_when_it_is_its_turn() -> None:
    layers = [layer_of(TAR), layer_of(TAR, gzip.compress(TAR + b"more"))]
    with open_layers(layers, DEFAULTS) as readers:
        with readers.entries(layers[0], ignore) as entries:
            assert len(list(entries)) == len(MEMBERS)
        with pytest.raises(ImageError, match="diff_id"), readers.entries(layers[1], ignore) as entries:
            list(entries)


def test_files_are_hashed_by_the_process_that_reads_them_if_somebody_asks(where: str) -> None:
    for hashed in (True, False):
        with open_entries(layer_of(TAR), ignore, DEFAULTS, hashed=hashed) as entries:
            known = {entry.name for entry, _ in one_by_one(entries) if entry.digest is not None}
        expected = {b"etc/empty", b"etc/motd", b"large", b"largest that is whole", b"capable"}
        assert known == (expected if hashed and where == "apart" else set())


def test_content_may_be_left_unread() -> None:
    with open_entries(layer_of(TAR), ignore, DEFAULTS) as entries:
        assert len(list(entries)) == len(MEMBERS)


def test_content_may_be_left_in_the_middle() -> None:
    tar = tarball(file("large", LARGE), file("next", b"content"))
    with open_entries(layer_of(tar), ignore, DEFAULTS) as entries:
        found = one_by_one(entries)
        next(iter(next(found)[1]))
        entry, content = next(found)
        assert entry.name == b"next"
        assert b"".join(map(bytes, content)) == b"content"
        assert list(entries.content()) == []
        assert next(found, None) is None


def test_every_byte_is_counted() -> None:
    counts = [0, 0]

    def count(stored: int, size: int) -> None:
        counts[0] += stored
        counts[1] += size

    layer = layer_of(TAR + bytes(5 << 20))
    with open_entries(layer, count, DEFAULTS) as entries:
        for _ in entries:
            pass
    assert counts == [layer.blob.size, len(TAR) + (5 << 20)]


def test_who_counts_may_end_it() -> None:
    def refuse(_stored: int, size: int) -> None:
        if size:
            raise LayerError("too much")

    with pytest.raises(LayerError, match="too much"), open_entries(layer_of(TAR), refuse, DEFAULTS) as entries:
        list(entries)


@pytest.mark.parametrize("which", [0, 1], ids=["the filler", "the reader"])
def test_a_process_that_is_killed_is_no_end_of_the_layer(
    which: int, where: str, workers: Callable[[], set[str]]
) -> None:
    layer = layer_of(tarball(*(file(f"{number}", LARGE) for number in range(8))))
    with open_entries(layer, ignore, DEFAULTS, hashed=True) as entries:
        found = iter(entries)
        next(found)
        apart = sorted(workers(), key=int)
        assert len(apart) == (2 if where == "apart" else 0)
        if apart:
            os.kill(int(apart[which]), signal.SIGKILL)
            with pytest.raises(BundlerError, match="was killed"):
                list(found)
    assert workers() == set()


@pytest.mark.parametrize(
    ("tar", "stored", "says"),
    [
        pytest.param(TAR, gzip.compress(TAR)[:-30] + bytes(22), "gzip data", id="damaged"),
        pytest.param(TAR, gzip.compress(TAR + b"more"), "diff_id", id="not what is stated"),
        pytest.param(b"no archive" * 100, None, "not a tar archive", id="no archive"),
        pytest.param(TAR[:-2000], None, "ends inside", id="cut off"),
    ],
)
def test_what_is_wrong_with_the_layer_is_said(tar: bytes, stored: bytes | None, says: str) -> None:
    with pytest.raises(ImageError, match=says), open_entries(layer_of(tar, stored), ignore, DEFAULTS) as entries:
        assert [list(entries.content()) for _ in entries]
