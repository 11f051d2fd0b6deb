"""What mksquashfs has written is read as the directory that it was made of; what no program writes is damaged."""

import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard

from bundler.archives.filesystems.squashfs import Squashfs
from bundler.archives.stream import DamagedError
from tests.support.erofs_images import seen_by_bundler
from tests.support.file_system_images import Node, squashfs, squashfs_attribute
from tests.support.tree import differences, tree

DIRECTORY, FILE = 0o40755, 0o100644
BLOCK = 1 << 17
STORED = 1 << 24
NOISE = random.Random(1).randbytes(2 * BLOCK + 999)  # noqa: S311 -- the same each time
OPTIONS = ["-comp", "zstd", "-b", "131072", "-noappend", "-no-exports", "-no-progress", "-quiet", "-mem", "128M"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with all that squashfs can hold, each basic and with attributes."""
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    for number in range(600):
        (root / f"d/{number:04d}").write_bytes(b"%d" % number * (number % 7))
    (root / "noise").write_bytes(NOISE)
    (root / "text").write_bytes(b"text" * BLOCK)
    with (root / "holes").open("wb") as file:
        file.seek(BLOCK)
        file.write(b"x" * 5)
        file.seek(4 * BLOCK)
        file.write(b"the end of it")
    os.truncate(root / "holes", 6 * BLOCK + 7)
    (root / "zeros").write_bytes(bytes(3 * BLOCK))
    (root / "empty").touch()
    (root / "text-too").hardlink_to(root / "text")
    for name in ("", "-x"):
        (root / f"link{name}").symlink_to("target" * 300)
        os.mkfifo(root / f"fifo{name}")
        os.mknod(root / f"char{name}", 0o20644, os.makedev(4095, 255))
        os.mknod(root / f"block{name}", 0o60644, os.makedev(8, 70000))
        for path in (root / f"link{name}", root / f"fifo{name}", root / f"char{name}", root / f"block{name}"):
            if name:
                os.setxattr(path, "trusted.t", b"\0\1", follow_symlinks=False)
    os.setxattr(root / "d", "user.d", b"1")
    for name in ("text", "noise", "empty"):  # squashfs stores what is long once, in the place of the first
        os.setxattr(root / name, "user.long", b"long" * 100)
        os.setxattr(root / name, "user.of", name.encode())
    for path in [root, *root.rglob("*")]:
        os.chown(path, 7 + len(path.name) % 3, 70000, follow_symlinks=False)
        os.utime(path, (1, len(path.name)), follow_symlinks=False)
    return root


@pytest.mark.root
@pytest.mark.tool("mksquashfs")
@pytest.mark.parametrize("more", [[], ["-no-fragments"], ["-noI", "-noD", "-noF", "-noX"]], ids=" ".join)
def test_an_image_is_read_as_the_directory_it_was_made_of(folder: Path, tmp_path: Path, more: list[str]) -> None:
    before = tree(folder)
    subprocess.run(["mksquashfs", folder, tmp_path / "image", *OPTIONS, *more], check=True, capture_output=True)
    seen = seen_by_bundler(tmp_path / "image", Squashfs)
    assert differences(before, seen) == {}


def read(folder: Path, image: bytes) -> None:
    (folder / "image").write_bytes(image)
    seen_by_bundler(folder / "image", Squashfs)


SMALL = squashfs([Node(DIRECTORY, [(b"f", 1)]), Node(FILE)])
INODES = 96  # where the table begins: the size of a block, and the root's inode


def put(at: int, form: str, *values: int, image: bytes = SMALL) -> bytes:
    return image[:at] + struct.pack(form, *values) + image[at + struct.calcsize(form) :]


LARGE = zstandard.compress(bytes(9000))
SUPERBLOCKS = {
    "another version": (put(28, "<H", 3), "no squashfs superblock"),
    "gzip": (put(20, "<H", 1), "not compressed with zstd"),
    "a gigabyte in a block": (put(12, "<I", 1 << 30), "absurd size"),
    "a table behind the end": (put(64, "<Q", len(SMALL)), "ends too early"),
    "a table at no place of a file": (put(64, "<Q", 1 << 63), "ends too early"),
    "a kind that does not exist": (put(INODES + 2, "<H", 15), "unknown kind"),
    "a socket": (put(INODES + 2, "<H", 7), "unknown kind"),
    "an owner who is not listed": (put(INODES + 6, "<H", 1), "without an owner"),
    "an empty block": (put(INODES, "<H", 0x8000), "block of the squashfs image is damaged"),
    "no zstd": (put(INODES, "<H", len(SMALL) - 200), "squashfs image is damaged"),
    "a block that becomes larger": (
        put(72, "<Q", len(SMALL)) + struct.pack("<H", len(LARGE)) + LARGE,
        "block of the squashfs image is too large",
    ),
}


@pytest.mark.parametrize("damage", SUPERBLOCKS)
def test_what_is_no_image_of_pack_is_told(tmp_path: Path, damage: str) -> None:
    image, says = SUPERBLOCKS[damage]
    with pytest.raises(DamagedError, match=says):
        read(tmp_path, image)


FILES = {
    "a fragment that is not there": (Node(FILE, size=5, fragment=0), "lies in no fragment"),
    "a block that is too short": (Node(FILE, size=4096, inline=struct.pack("<I", 100 | STORED)), "size it states"),
    "a block that is not there": (
        Node(FILE, size=4096, start=1 << 40, inline=struct.pack("<I", 4096 | STORED)),
        "ends too early",
    ),
    "blocks without end": (Node(FILE, size=1 << 62), "ends too early|damaged"),
}


@pytest.mark.parametrize("damage", FILES)
def test_a_file_that_is_not_what_it_states_is_damaged(tmp_path: Path, damage: str) -> None:
    node, says = FILES[damage]
    with pytest.raises(DamagedError, match=says):
        read(tmp_path, squashfs([Node(DIRECTORY, [(b"f", 1)]), node]))


LISTS = {
    "no table": ([], b"", 0, "lacks its extended attributes"),
    "a list that is not there": ([(0, 1)], squashfs_attribute(b"a"), 1, "lacks an extended attribute"),
    "an unknown kind": ([(0, 1)], struct.pack("<HH", 3, 1) + b"a" + bytes(4), 0, "of an unknown kind"),
    "a value larger than Linux has": (
        [(0, 1)],
        struct.pack("<HH", 0, 1) + b"a" + struct.pack("<I", (1 << 16) + 1),
        0,
        "attribute that is too large",
    ),
}


@pytest.mark.parametrize("damage", LISTS)
def test_attributes_that_no_file_can_have_are_damaged(tmp_path: Path, damage: str) -> None:
    lists, attributes, number, says = LISTS[damage]
    with pytest.raises(DamagedError, match=says):
        read(tmp_path, squashfs([Node(DIRECTORY, [(b"f", 1)]), Node(FILE, xattrs=number)], lists, attributes))


def test_more_lists_than_are_kept_are_read_again(tmp_path: Path) -> None:
    """And one that is too long to be kept is read for each file."""
    attributes = b"".join(squashfs_attribute(b"%04d" % number) for number in range(1100)) + squashfs_attribute(
        b"long", b"x" * 5000
    )
    size = len(squashfs_attribute(b"0000"))
    lists = [(size * number, 1) for number in range(1101)]
    files = [Node(FILE, xattrs=number) for number in [*range(1101), 0, 1100]]
    image = squashfs([Node(DIRECTORY, [(b"%04d" % at, at + 1) for at in range(len(files))]), *files], lists, attributes)
    (tmp_path / "image").write_bytes(image)
    seen = seen_by_bundler(tmp_path / "image", Squashfs)
    assert [list(seen[name].xattrs) for name in ("1101", "1102", "0500")] == [
        ["user.0000"],
        ["user.long"],
        ["user.0500"],
    ]
