"""What mkfs.erofs has written is read as the directory that it was made of; what no program writes is damaged."""

import os
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.archives.filesystems.erofs_format import INCOMPATIBLE_OFFSET, OFFSET
from bundler.archives.stream import DamagedError
from tests.support.erofs_images import seen_by_bundler
from tests.support.file_system_images import Node, erofs, erofs_attributes
from tests.support.tree import differences, tree

DIRECTORY, FILE = 0o40755, 0o100644
INODES = 2 * 4096
SECOND = 10**9


@pytest.mark.root
@pytest.mark.tool("mkfs.erofs")
@pytest.mark.parametrize("form", ["force-inode-compact", "force-inode-extended"])
def test_an_image_is_read_as_the_directory_it_was_made_of(tmp_path: Path, form: str) -> None:
    """In a compact inode there is no time: all files have that of the image. What many files have is stored once."""
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    for number in range(1200):
        (root / f"d/{number:04d}").write_bytes(b"%d" % number * (number % 50))
        os.setxattr(root / f"d/{number:04d}", "user.many", b"have this")
        os.setxattr(root / f"d/{number:04d}", "trusted.two", b"%d" % (number // 2))
    for number in range(2):
        (root / f"{number}").write_bytes(b"text" * 5000)
        os.setxattr(root / f"{number}", "user.long", b"long" * 700)
    os.mknod(root / "char", 0o20644, os.makedev(4095, 255))
    (root / "link").symlink_to("target")
    (root / "hard").hardlink_to(root / "0")
    subprocess.run(["mkfs.erofs", "-T7", "-x1", f"-E{form}", tmp_path / "image", root], check=True, capture_output=True)
    before = {name: replace(node, mtime_ns=7 * SECOND) for name, node in tree(root).items()}
    first = {node.same_as: node for node in before.values()}
    seen = {
        name: replace(node, same_as=before[name].same_as) for name, node in seen_by_bundler(tmp_path / "image").items()
    }
    assert differences(before, seen) == {}
    assert len(first) == len(before) - 1


SMALL = erofs([Node(DIRECTORY, [(b"f", 1)]), Node(FILE, content=b"x")])
ATTRIBUTES = erofs([Node(DIRECTORY, [(b"f", 1)]), Node(FILE, inline=erofs_attributes((b"a", b"b")))])
LIST = INODES + 32 + 32  # behind the inodes of the directory and of the file
CONTENT = INODES + 4096


def put(at: int, form: str, *values: int, image: bytes = SMALL) -> bytes:
    return image[:at] + struct.pack(form, *values) + image[at + struct.calcsize(form) :]


DAMAGES = {
    "no magic": (put(OFFSET, "<I", 1), "no erofs superblock"),
    "blocks of a gigabyte": (put(OFFSET + 12, "<B", 30), "no erofs superblock"),
    "compression": (put(INCOMPATIBLE_OFFSET, "<I", 1), "features that pack does not use"),
    "a compressed file": (put(INODES + 32, "<H", 3 << 1), "unknown kind"),
    "a root that is a file": (put(OFFSET + 14, "<H", 1), "root of the file system is not a directory"),
    "a directory of a byte": (put(INODES + 8, "<I", 1), "cut off"),
    "names in the entries": (put(CONTENT + 8, "<H", 5), "a directory of the erofs image is damaged"),
    "names behind the block": (put(CONTENT + 8, "<H", 12 * 400), "a directory of the erofs image is damaged"),
    "an attribute of no kind": (put(LIST + 13, "<B", 9, image=ATTRIBUTES), "extended attribute of the erofs image"),
    "an attribute of more than its list": (
        put(LIST + 14, "<H", 99, image=ATTRIBUTES),
        "extended attribute of the erofs",
    ),
    "more shared than there is room": (put(LIST + 4, "<B", 200, image=ATTRIBUTES), "extended attribute of the erofs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_image_of_pack_is_told(tmp_path: Path, damage: str) -> None:
    image, says = DAMAGES[damage]
    (tmp_path / "image").write_bytes(image)
    with pytest.raises(DamagedError, match=says):
        seen_by_bundler(tmp_path / "image")
