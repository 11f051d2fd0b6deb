"""What the pipeline asks of a tree once it is unpacked."""

import os
import stat
from pathlib import Path

import pytest

from bundler.errors import ImageError
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.scan import hash_file
from bundler.rootfs.tree import Tree
from tests.support.layers import layer, unpacked
from tests.support.tarballs import Member, character_device, directory, fifo, file, symlink
from tests.support.tree import tree

pytestmark = pytest.mark.root
S = 10**9


def read(tmp_path: Path, *members: Member, limit: int = 100) -> bytes | None:
    with Tree.open(unpacked(tmp_path / "root", layer(*members))) as rootfs:
        return rootfs.read_regular(b"etc/passwd", limit)


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, file("etc/passwd", b"x" * 100)) == b"x" * 100


def test_directories_above_it_may_be_links_inside_the_image(tmp_path: Path) -> None:
    assert read(tmp_path, symlink("etc", "/../usr/etc"), file("usr/etc/passwd", b"root")) == b"root"


@pytest.mark.parametrize("members", [[], [directory("etc")], [file("etc")], [symlink("etc", "missing")]])
def test_an_absent_file_is_none(tmp_path: Path, members: list[Member]) -> None:
    assert read(tmp_path, *members) is None


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("member", "message"),
    [
        (symlink("etc/passwd", "/etc/shadow"), "is a symlink, not a regular file"),
        (fifo("etc/passwd"), "is a fifo"),
        (character_device("etc/passwd", 1, 5), "is a device"),
        (directory("etc/passwd"), "is a directory"),
        (file("etc/passwd", b"x" * 101), "larger than 100 bytes"),
        (symlink("etc", "etc"), "too many symlinks"),
    ],
)
def test_anything_else_is_refused_and_not_opened(tmp_path: Path, member: Member, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read(tmp_path, member)


def test_a_working_directory_is_made_as_docker_makes_it(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(directory("srv", 0o700, owner=(5, 5), mtime=9 * S), symlink("l", "/srv")))
    with Tree.open(root) as rootfs:
        rootfs.make_working_directory(b"/l/a/b")
    found = {name: (node.mode, node.owner, node.mtime_ns) for name, node in tree(root).items() if name != "l"}
    assert found == {
        ".": ("0755", (0, 0), 0),
        "srv": ("0700", (5, 5), 9 * S),
        "srv/a": ("0755", (0, 0), 0),
        "srv/a/b": ("0755", (0, 0), 0),
    }


@pytest.mark.parametrize("path", [b"/", b"/srv", b"/srv/../srv/."])
def test_a_working_directory_that_is_there_stays_as_it_is(tmp_path: Path, path: bytes) -> None:
    root = unpacked(tmp_path / "root", layer(directory("srv", 0o700, mtime=9 * S)))
    before = tree(root)
    with Tree.open(root) as rootfs:
        rootfs.make_working_directory(path)
    assert tree(root) == before


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (b"/f", "working directory /f: /f in the image is not a directory"),
        (b"/f/below", "/f in the image is not a directory"),
        (b"/loop", "too many symlinks"),
        (b"/" + b"n" * 256, "File name too long"),
        (b"/../..", "leads out"),
    ],
)
def test_a_working_directory_that_cannot_be_is_refused(tmp_path: Path, path: bytes, message: str) -> None:
    root = unpacked(tmp_path / "root", layer(file("f"), symlink("loop", "loop")))
    with pytest.raises(ImageError, match=message), Tree.open(root) as rootfs:
        rootfs.make_working_directory(path)


def test_any_number_of_other_places_may_be_looked_at_in_between(tmp_path: Path) -> None:
    """More directories than stay open: what is done to a path does not depend on what was done to others before it."""
    (tmp_path / "root").mkdir()
    attributes = Attributes(mode=0o755)
    others = [b"other/%03d" % number for number in range(100)]
    with Tree(tmp_path / "root") as rootfs:
        rootfs.make_file(b"etc/hosts", attributes, [b"a"])
        for path in others:
            rootfs.make_directory(path, attributes)
            assert rootfs.read(b"etc/hosts", 1) == b"a"
        kind, status = rootfs.kind(b"etc/hosts"), rootfs.status(b"etc/hosts")
        assert all(rootfs.names(path) == [] for path in others)
        os.close(rootfs.open_file(b"etc/hosts", kind))
        assert rootfs.attributes(b"etc/hosts", status).mode == 0o755
        rootfs.make_hard_link(b"/".join(others) + b"/hosts", b"etc/hosts")
        assert rootfs.names(b"/".join(others)) == [b"hosts"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR], ids=["a fifo", "a device"])
def test_what_became_a_device_since_it_was_looked_at_is_not_read(tmp_path: Path, kind: int) -> None:
    """A container may go on while its files are copied: it can make a device, and only bundler could read that."""
    (tmp_path / "file").write_bytes(b"content")
    with Tree(tmp_path) as rootfs:
        found = rootfs.look(b"file")
        assert found is not None
        (tmp_path / "file").unlink()
        os.mknod(tmp_path / "file", kind | 0o600, os.makedev(1, 5))
        with pytest.raises(OSError, match="it is not a regular file"), rootfs.pieces(found):
            pass
        with pytest.raises(OSError, match="it is not a regular file"):
            hash_file(rootfs, found)
