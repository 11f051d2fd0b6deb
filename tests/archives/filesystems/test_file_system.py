"""An image of a file system is hostile: it may share its parts in ways that would keep its reader busy for ever."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archives.entry import Entry
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.file_system import FileSystem, FileSystemReader
from bundler.archives.filesystems.squashfs import Squashfs
from bundler.archives.stream import DamagedError
from tests.support.file_system_images import Node, erofs, erofs_attributes, squashfs, squashfs_attribute
from tests.support.steps import grows_no_faster

DIRECTORY, FILE, SYMLINK = 0o40755, 0o100644, 0o120777


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[Entry]]:
    def entries(image: bytes) -> list[Entry]:
        (tmp_path / "image").write_bytes(image)
        with (tmp_path / "image").open("rb") as file:
            format_: type[FileSystem] = Squashfs if image.startswith(b"hsqs") else Erofs
            found = []
            reader = FileSystemReader(format_(file.fileno(), lambda _count: None))  # type: ignore[call-arg]
            for entry in reader:
                list(reader.content())
                found.append(entry)
            return found

    return entries


Read = Callable[[bytes], list[Entry]]


def with_attributes(count: int) -> bytes:
    attributes = b"".join(squashfs_attribute(b"%05d" % number) for number in range(count))
    return squashfs([Node(DIRECTORY, [(b"f", 1)]), Node(FILE, xattrs=0)], [(0, count)], attributes)


def test_images_of_these_builders_are_read(read: Read) -> None:
    nodes = [Node(DIRECTORY, [(b"d", 1), (b"f", 2)]), Node(DIRECTORY, [(b"g", 3)]), Node(FILE), Node(FILE)]
    for image in (squashfs(nodes), erofs(nodes)):
        assert [entry.name for entry in read(image)] == [b".", b"d", b"d/g", b"f"]
    assert len(read(with_attributes(100))[1].xattrs) == 100
    link = Node(SYMLINK, content=b"target", inline=erofs_attributes((b"a", b"b")))
    entry = read(erofs([Node(DIRECTORY, [(b"l", 1)]), link]))[1]
    assert (entry.link_name, entry.xattrs) == (b"target", {b"user.a": b"b"})


@pytest.mark.parametrize("write", [squashfs, erofs])
@pytest.mark.parametrize(
    "nodes",
    [
        [Node(DIRECTORY, [(b"a", 1), (b"b", 1)]), Node(DIRECTORY)],
        [Node(DIRECTORY, [(b"a", 1)]), Node(DIRECTORY, [(b"b", 1)])],
        [Node(DIRECTORY, [(b"a", 0)])],
        [*(Node(DIRECTORY, [(b"a", level), (b"b", level)]) for level in range(1, 40)), Node(DIRECTORY)],
    ],
    ids=["side by side", "in itself", "the root in itself", "millions"],
)
def test_a_directory_in_two_places_is_refused(read: Read, write: Callable[..., bytes], nodes: list[Node]) -> None:
    with pytest.raises(DamagedError, match="a directory is in the file system twice"):
        read(write(nodes))


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([Node(SYMLINK, content=b"a\0b")], "the target of a symlink holds a NUL"),
        ([Node(FILE, inline=erofs_attributes((b"a\0b", b"")))], "attribute of a wrong name"),
        ([Node(FILE, inline=erofs_attributes((b"", b"")))], "attribute of a wrong name"),
        ([Node(FILE, inline=erofs_attributes((b"a", b"1"), (b"a", b"2")))], "or one twice"),
    ],
    ids=["target", "attribute", "empty", "twice"],
)
def test_what_linux_could_not_have_is_damaged(read: Read, nodes: list[Node], says: str) -> None:
    with pytest.raises(DamagedError, match=says):
        read(erofs([Node(DIRECTORY, [(b"f", 1)]), *nodes]))


@pytest.mark.parametrize("name", [b"a\0b", b""])
def test_an_attribute_of_squashfs_has_a_name_of_linux(read: Read, name: bytes) -> None:
    nodes = [Node(DIRECTORY, [(b"f", 1)]), Node(FILE, xattrs=0)]
    with pytest.raises(DamagedError, match="attribute of a wrong name"):
        read(squashfs(nodes, [(0, 1)], squashfs_attribute(name)))


def test_twice_as_many_attributes_are_twice_the_work(read: Read) -> None:
    assert grows_no_faster(lambda: read(with_attributes(2500)), lambda: read(with_attributes(5000)), 2)


def test_more_attributes_than_linux_lists_are_refused(read: Read) -> None:
    with pytest.raises(DamagedError, match="more extended attributes than Linux allows"):
        read(with_attributes(20_000))


def test_lists_of_attributes_that_lie_in_each_other_are_not_read_for_each_file(read: Read) -> None:
    """A row of the table is 16 bytes, and would cost the whole list."""
    attributes = b"".join(squashfs_attribute(b"%04d" % number) for number in range(2000))
    size = len(squashfs_attribute(b"0000"))
    lists = [(size * number, 2000 - number) for number in range(400)]
    names = [(b"%04d" % number, number + 1) for number in range(400)]
    nodes = [Node(DIRECTORY, names), *(Node(FILE, xattrs=number) for number in range(400))]
    with pytest.raises(DamagedError, match="read over and over"):
        read(squashfs(nodes, lists, attributes))


def test_files_that_share_their_attributes_are_read(read: Read) -> None:
    attributes = b"".join(squashfs_attribute(b"%04d" % number) for number in range(100))
    names = [(b"%04d" % number, number + 1) for number in range(2000)]
    nodes = [Node(DIRECTORY, names), *(Node(FILE, xattrs=0) for _ in range(2000))]
    assert {len(entry.xattrs) for entry in read(squashfs(nodes, [(0, 100)], attributes))[1:]} == {100}
