import gzip
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError, RequestError
from bundler.images.transports.archive_files import Archive, open_archive
from bundler.images.transports.files import read_file
from tests.support.compressors import COMPRESSORS
from tests.support.tarballs import Member, directory, fifo, file, hard_link, symlink, tarball

LISTING = tarball(
    directory("blobs"),
    file("blobs/a", b"first"),
    file("./b", b"second" * 1000),
    symlink("c", "blobs/a"),
    symlink("blobs/d", "../b"),
    hard_link("e", "blobs/a"),
)


@contextmanager
def archive(tmp_path: Path, content: bytes) -> Iterator[Archive]:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with open_archive(path, tmp_path) as files:
        yield files


@contextmanager
def standard_input(monkeypatch: pytest.MonkeyPatch, descriptor: int) -> Iterator[None]:
    with os.fdopen(descriptor, "rb") as stream:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        yield


def contents(files: Archive) -> list[bytes]:
    return [read_file(files, name, 10_000) for name in ("blobs/a", "b", "c", "blobs/d", "e", "./blobs/a")]


EXPECTED = [b"first", b"second" * 1000, b"first", b"second" * 1000, b"first", b"first"]
WRAPPINGS = {"plain": bytes, **COMPRESSORS}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_members_and_links_are_read_whatever_is_around_the_archive(
    tmp_path: Path, wrap: Callable[[bytes], bytes]
) -> None:
    with archive(tmp_path, wrap(LISTING)) as files:
        assert contents(files) == EXPECTED
        assert [path.name for path in tmp_path.iterdir()] == ["image.tar"]


def test_a_plain_archive_is_read_where_it_is(tmp_path: Path) -> None:
    nowhere = tmp_path / "no such folder"
    path = tmp_path / "image.tar"
    path.write_bytes(LISTING)
    with open_archive(path, nowhere) as files:
        assert contents(files) == EXPECTED


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_pipe_on_standard_input_is_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[bytes], bytes]
) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(wrap(LISTING))

    writer = threading.Thread(target=write)
    writer.start()
    with standard_input(monkeypatch, reading), open_archive(None, tmp_path) as files:
        assert contents(files) == EXPECTED
    writer.join()


def test_a_file_on_standard_input_is_read_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(LISTING)
    with (
        standard_input(monkeypatch, os.open(path, os.O_RDONLY)),
        open_archive(None, tmp_path / "no such folder") as files,
    ):
        assert contents(files) == EXPECTED


def test_a_terminal_on_standard_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, terminal = os.openpty()
    with (
        standard_input(monkeypatch, terminal),
        pytest.raises(RequestError, match="a terminal"),
        open_archive(None, tmp_path),
    ):
        pass
    os.close(master)


def test_a_closed_standard_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(RequestError, match="standard input is closed"), open_archive(None, tmp_path):
        pass


CHAIN = [symlink("x", "0"), *(symlink(f"{number}", f"{number + 1}") for number in range(50)), file("50")]
MEMBERS: dict[str, tuple[list[Member], str]] = {
    "missing": ([], "is missing"),
    "fifo": ([fifo("x")], "is not an ordinary file"),
    "folder": ([directory("x")], "is missing"),
    "link to itself": ([symlink("x", "x")], "is not an ordinary file"),
    "links in a circle": ([symlink("x", "y"), symlink("y", "x")], "is not an ordinary file"),
    "hard link to itself": ([hard_link("x", "x")], "is not an ordinary file"),
    "links to links without end": (CHAIN, "is not an ordinary file"),
    "link that dangles": ([symlink("x", "gone")], "leads to gone, which is missing"),
    "link out of the archive": ([symlink("x", "../../etc/passwd")], "is not an ordinary file"),
    "link to an absolute path": ([symlink("x", "/etc/passwd")], "is not an ordinary file"),
    "hard link out of the archive": ([hard_link("x", "../etc/passwd")], "is not an ordinary file"),
    "twice": ([file("x", b"1"), file("x", b"2")], "is in the archive more than once"),
    "twice by other spellings": ([file("x", b"1"), file("./x", b"2")], "is in the archive more than once"),
    "a link and a file": ([symlink("x", "y"), file("y"), file("x", b"2")], "is in the archive more than once"),
    "link to what is there twice": (
        [symlink("x", "y"), file("y", b"1"), file("y", b"2")],
        "is in the archive more than once",
    ),
    "name that leads out": ([file("../x", b"1")], "is missing"),
}


@pytest.mark.parametrize(("members", "says"), MEMBERS.values(), ids=MEMBERS)
def test_what_is_no_file_of_the_archive_is_refused(tmp_path: Path, members: list[Member], says: str) -> None:
    with archive(tmp_path, tarball(*members)) as files, pytest.raises(ImageError) as raised:
        read_file(files, "x", 100)
    assert raised.value.what == f"{tmp_path}/image.tar: x {says}"


@pytest.mark.parametrize("name", ["", "..", "../x", "/x", "a\0b"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with archive(tmp_path, tarball(file("x"))) as files:
        assert not files.has(name)
        with pytest.raises(ImageError, match="no name of a file inside"):
            files.size(name)


DAMAGE: dict[str, tuple[bytes, str]] = {
    "no archive": (b"x" * 2000, "checksum"),
    "cut inside a header": (LISTING[:700], "inside a header"),
    "cut inside a file": (tarball(file("a", b"x" * 2000))[:1500], "inside a file"),
    "cut gzip": (gzip.compress(LISTING)[:-20], ""),
    "a kilobyte of gzip rubbish": (gzip.compress(LISTING)[:20] + b"\xff" * 1000, ""),
}


@pytest.mark.parametrize(("content", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_archive_is_an_image_error(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ImageError) as raised, archive(tmp_path, content):
        pass
    assert raised.value.what.startswith(f"{tmp_path}/image.tar: ")
    assert says in raised.value.what


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bundler.images.transports.archive_files._MAX_MEMBERS", 5)
    with pytest.raises(ImageError, match="more than 5 files"), archive(tmp_path, tarball(*map(file, "abcdef"))):
        pass


def test_names_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bundler.images.transports.archive_files._MAX_NAMES", 1000)
    with pytest.raises(ImageError, match="more than 1000 bytes"), archive(tmp_path, tarball(file("n" * 1001))):
        pass


def test_a_fifo_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tar")
    with pytest.raises(ImageError, match="not a file") as raised, open_archive(tmp_path / "pipe.tar", tmp_path):
        pass
    assert raised.value.hint == "an archive in a pipe is given on standard input, as: -"


@pytest.mark.parametrize("name", ["gone.tar", "image.tar/x"])
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "image.tar").touch()
    with pytest.raises(BundlerError, match="directory"), open_archive(tmp_path / name, tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_nothing_is_called_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.tar").write_bytes(content)
    with pytest.raises(ImageError, match="is empty"), open_archive(tmp_path / "image.tar", tmp_path):
        pass
