"""Where a container's mounts are, whatever symlinks the image has; and what is made there."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.rootfs.attributes import Attributes
from bundler.rootfs.mount_points import DeviceNode, Mounts, MountSpot, make
from bundler.rootfs.tree import Tree
from tests.support.layers import layer, unpacked
from tests.support.tarballs import directory, file, symlink
from tests.support.tree import tree

LINKS = [
    directory("run"),
    symlink("var/run", "/run"),
    symlink("up", "../../../../run"),
    symlink("loop", "loop"),
    symlink("a/dangling", "../nowhere/deep"),
    symlink("through", "/run/../srv"),
    symlink("missing-and-back", "/not/there/../srv"),
    file("f"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpacked(tmp_path / "root", layer(*LINKS))


@pytest.mark.parametrize(
    ("destination", "spot"),
    [
        ("/srv/www", MountSpot(b"srv/www", None)),
        ("srv//www/.", MountSpot(b"srv/www", None)),
        ("/a/../srv", MountSpot(b"srv", None)),
        ("/up/x", MountSpot(b"run/x", b"run")),
        ("/var/run", MountSpot(b"run", b"run")),
        ("/var/run/a/b", MountSpot(b"run/a/b", b"run")),
        ("/run/inner/x", MountSpot(b"run/inner/x", b"run/inner")),
        ("/a/dangling/x", MountSpot(b"nowhere/deep/x", None)),
        ("/through", MountSpot(b"srv", None)),
        ("/missing-and-back/x", MountSpot(b"not/srv/x", None)),
        ("/", MountSpot(b"", None)),
        ("/loop/x", None),
        ("/f/x", None),
        ("/../x", None),
        ("/nul\0", None),
        ("/half \ud800", None),
        ("/" + "n" * 5000, None),
        ("/" + "n" * 300, None),
        ("/latin-\udce9", MountSpot(b"latin-\xe9", None)),
    ],
)
def test_a_destination_is_followed_until_an_earlier_mount(root: Path, destination: str, spot: MountSpot | None) -> None:
    with Tree(root) as opened:
        mounts = Mounts(opened)
        for earlier in ("/run", "/run/inner"):
            located = mounts.locate(earlier)
            assert located is not None
            mounts.add(located)
        assert mounts.locate(destination) == spot


def test_a_long_way_through_directories_that_are_not_there_is_short(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[bytes] = []
    kind = Tree.kind

    def noting(opened: Tree, path: bytes) -> int:
        looked_at.append(path)
        return kind(opened, path)

    monkeypatch.setattr(Tree, "kind", noting)
    with Tree(root) as opened:
        assert Mounts(opened).locate("/d" * 2000) == MountSpot(b"/".join([b"d"] * 2000), None)
    assert looked_at == [b"d"]


@pytest.mark.root
@pytest.mark.parametrize(
    ("kind", "described"),
    [
        ("directory", ("directory", "0755", "")),
        ("file", ("file", "0755", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
        ("/proc/mounts", ("symlink", "0777", "/proc/mounts")),
    ],
)
def test_what_is_made_is_roots_and_dated_like_all_that_bundler_makes(
    tmp_path: Path, kind: str, described: tuple[str, str, str]
) -> None:
    root = unpacked(tmp_path / "root", layer(directory("etc", 0o700, owner=(3, 4), mtime=5)))
    with Tree.open(root) as opened:
        assert make(opened, b"etc/a/b", kind) == b"etc/a/b"
        assert make(opened, b"etc/a/b", "file") is None
    nodes = tree(root)
    node = nodes["etc/a/b"]
    assert (node.type, node.mode, node.content) == described
    assert (node.owner, node.mtime_ns, node.xattrs) == ((0, 0), 0, {})
    assert (nodes["etc/a"].mode, nodes["etc/a"].mtime_ns, nodes["etc"].mtime_ns) == ("0755", 0, 5)


def test_where_something_is_in_the_way_nothing_is_made(root: Path) -> None:
    with Tree(root) as opened:
        assert make(opened, b"f/x", "directory") is None
        assert make(opened, b"n" * 300, "file") is None
        assert make(opened, b"loop/x", "directory") is None


@pytest.mark.root
def test_a_device_is_made_and_what_is_in_the_way_replaced(root: Path) -> None:
    null = DeviceNode(stat.S_IFCHR, (1, 3), Attributes(mode=0o666, uid=7, gid=8))
    with Tree.open(root) as opened:
        assert make(opened, b"f", null) is None
        assert make(opened, b"f", null, replaced=lambda kind: kind == stat.S_IFREG) == b"f"
        assert make(opened, b"var/run/null", null, replaced=lambda _kind: False) == b"run/null"
        assert make(opened, b"n" * 300, null) is None
    nodes = tree(root)
    assert (nodes["f"].type, nodes["f"].content, nodes["f"].mode, nodes["f"].owner) == (
        "character device",
        "1:3",
        "0666",
        (7, 8),
    )
    assert nodes["run/null"] == replace(nodes["f"], same_as="run/null")


def test_what_the_machine_cannot_do_is_an_error(root: Path, tmp_path: Path) -> None:
    """Not to be taken for a place where nothing can be."""
    opened = Tree(root)
    with opened:
        pass  # and it is closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        Mounts(opened).locate("/srv/x")
    with pytest.raises(OSError, match="Bad file descriptor"):
        make(opened, b"new", "file")
