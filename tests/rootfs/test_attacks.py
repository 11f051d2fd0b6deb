"""Layers that try to reach out of the root filesystem, with canaries where they would land."""

import contextlib
import os
import stat
from pathlib import Path

import pytest

from bundler.errors import BundlerError
from bundler.images.image import Layer
from bundler.rootfs.remove import remove_tree
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpack import sketch, unpack
from tests.support.layers import layer
from tests.support.tarballs import (
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    pax_header,
    symlink,
    whiteout,
)
from tests.support.tree import tree

# Where the attacks aim at: beside the root, and absolute.
OUTSIDE = "outside"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the root, with things worth overwriting, linking to, and deleting."""
    directory = tmp_path / OUTSIDE
    (directory / "sub").mkdir(parents=True)
    (directory / "canary").write_text("alive")
    (directory / "sub/canary").write_text("alive")
    (directory / "link").symlink_to("canary")
    (tmp_path / "canary").write_text("alive")
    return directory


UP = "../" * 12
# What is written as {outside} is the absolute path of the directory.
ATTACKS: dict[str, list[list[object]]] = {
    "name that climbs": [[file("../outside/canary", b"dead")]],
    "name that climbs late": [[file("a/b/../../../outside/canary", b"dead")]],
    "absolute name": [[file("{outside}/canary", b"dead")]],
    "pax name that climbs": [[pax_header({"path": "../outside/canary"}), file("x", b"dead")]],
    "symlink up and write through": [[symlink("l", UP + "{outside}"), file("l/canary", b"dead")]],
    "relative symlink and write through": [[symlink("l", "../outside"), file("l/canary", b"dead")]],
    "absolute symlink and write through": [[symlink("l", "{outside}"), file("l/canary", b"dead")]],
    "symlink of a lower layer": [[symlink("l", "{outside}")], [file("l/canary", b"dead")]],
    "write onto a symlink": [[symlink("l", "{outside}/canary")], [file("l", b"dead")]],
    "write onto a symlink in one layer": [[symlink("l", "{outside}/canary"), file("l", b"dead")]],
    "chain of symlinks": [
        [symlink("a", "b/.."), symlink("b", "c"), symlink("c", "{outside}/sub")],
        [file("a/canary", b"dead")],
    ],
    "symlink to the directory above": [[symlink("l", ".."), symlink("l/m", "outside"), file("l/m/canary", b"dead")]],
    "symlink with dots after a symlink": [[symlink("l", "{outside}/sub"), file("l/../canary", b"dead")]],
    "target with dots after a symlink": [[symlink("l", "{outside}/sub"), symlink("m", "l/.."), file("m/canary", b"x")]],
    "directory replaced by a symlink": [[file("d/x")], [symlink("d", "{outside}"), file("d/canary", b"dead")]],
    "open directory replaced by a symlink": [[file("d/e/x"), symlink("d/e", "{outside}"), file("d/e/canary", b"dead")]],
    "symlink known to lead inside, replaced": [
        [directory("in"), symlink("l", "in"), file("l/x"), symlink("l", "{outside}"), file("l/canary", b"dead")]
    ],
    "directory above replaced by a symlink": [
        [file("a/b/c/x"), symlink("a", "{outside}"), file("a/canary", b"dead"), file("a/b/c/x")]
    ],
    "directory entry onto a symlink": [[symlink("l", "{outside}"), directory("l", 0o777, owner=(1, 1)), file("l/x")]],
    "mode through a symlink": [[symlink("l", "{outside}/canary"), hard_link("h", "l", mode=0o777, owner=(1, 1))]],
    "xattr through a symlink": [[symlink("l", "{outside}/canary", xattrs={"user.x": b"dead", "trusted.x": b"dead"})]],
    "times through a symlink": [[symlink("l", "{outside}/canary", mtime=1)]],
    "hard link to outside": [[hard_link("h", "../outside/canary"), file("h", b"dead")]],
    "hard link to an absolute path": [[hard_link("h", "{outside}/canary"), file("h", b"dead")]],
    "hard link through a symlink": [[symlink("l", "{outside}"), hard_link("h", "l/canary"), file("h", b"dead")]],
    "hard link to a symlink, then written to": [
        [symlink("l", "{outside}/canary"), hard_link("h", "l")],
        [file("h", b"dead")],
    ],
    "hard link into a directory outside": [[file("f", b"dead"), symlink("l", "{outside}"), hard_link("l/canary", "f")]],
    "whiteout above": [[file("a")], [whiteout("../canary")]],
    "whiteout of the directory above": [[file("a")], [file(".wh...")]],
    "whiteout of the directory above, deep": [[file("a/b/c")], [file("a/.wh...")]],
    "whiteout through a symlink": [[symlink("l", "{outside}")], [whiteout("l/canary"), whiteout("l/sub")]],
    "whiteout of a symlink": [[symlink("l", "{outside}")], [whiteout("l")]],
    "whiteout of a directory that holds a symlink": [[symlink("d/l", "{outside}")], [whiteout("d")]],
    "opaque through a symlink": [[symlink("l", "{outside}")], [opaque("l")]],
    "opaque above": [[file("a")], [file("../.wh..wh..opq")]],
    "opaque in a symlink to the directory above": [[symlink("l", "..")], [opaque("l")]],
    "directory with a symlink replaced": [[symlink("d/l", "{outside}")], [file("d")]],
    "implied directory through a symlink": [[symlink("l", "{outside}"), file("l/new/x")]],
    "device through a symlink": [[symlink("l", "{outside}"), character_device("l/null", 1, 3)]],
    "fifo through a symlink": [[symlink("l", "{outside}"), fifo("l/fifo")]],
    "symlink through a symlink": [[symlink("l", "{outside}"), symlink("l/s", "x")]],
    "loop of symlinks": [[symlink("a", "b"), symlink("b", "a"), file("a/x")]],
    "symlink through proc": [[symlink("l", "/proc/self/cwd"), file("l/canary", b"dead")]],
    "symlink to the root of the machine": [[symlink("l", "/"), file("l{outside}/canary", b"dead")]],
    "write into a fifo": [[fifo("f")], [file("f", b"x")]],
    "write below a fifo": [[fifo("f"), file("f/x")]],
    "write into a device": [[character_device("d", 1, 3)], [file("d", b"x")]],
    "directory onto a fifo": [[fifo("f"), directory("f"), file("f/x")]],
    "hard link to a fifo": [[fifo("f"), hard_link("h", "f"), file("h", b"x")]],
}


def written_out(outside: Path, layers: list[list[object]]) -> list[Layer]:
    """The layers with {outside} filled in, wherever it stands in an entry."""
    place = str(outside).encode()
    return [
        layer(*(_filled(member, place) for member in members))  # type: ignore[arg-type]
        for members in layers
    ]


def _filled(member: object, place: bytes) -> object:
    if isinstance(member, bytes):
        return member
    changes = {}
    for name in ("name", "link_name"):
        value = getattr(member, name)
        value = value.encode() if isinstance(value, str) else value
        changes[name] = value.replace(b"{outside}", place)
    return type(member)(**{key: getattr(member, key) for key in type(member).__dataclass_fields__} | changes)  # type: ignore[attr-defined]


@pytest.mark.root
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_outside_changes(tmp_path: Path, outside: Path, name: str) -> None:
    before = tree(outside), (tmp_path / "canary").read_text(), os.umask(0o022)
    root = tmp_path / "root"
    root.mkdir()
    with contextlib.suppress(BundlerError):
        unpack(written_out(outside, ATTACKS[name]), root)
    assert (tree(outside), (tmp_path / "canary").read_text(), os.umask(0o022)) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary", "outside", "root"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ATTACKS)
def test_a_sketch_changes_nothing_outside_either(tmp_path: Path, outside: Path, name: str) -> None:
    before = tree(outside)
    root = tmp_path / "root"
    root.mkdir()
    with contextlib.suppress(BundlerError):
        sketch(written_out(outside, ATTACKS[name]), root, {b"canary", b"x", b"f", b"h", b"l"})
    assert tree(outside) == before
    assert (tmp_path / "canary").read_text() == "alive"


@pytest.mark.root
@pytest.mark.parametrize(
    ("members", "landed"),
    [
        ([symlink("l", "{outside}"), file("l/canary", b"x")], "{outside}/canary"),
        ([symlink("l", UP + "etc"), file("l/canary", b"x")], "etc/canary"),
        ([symlink("a/l", ".."), file("a/l/canary", b"x")], "canary"),
        ([symlink("a/l", "../.."), file("a/l/canary", b"x")], "canary"),
        ([symlink("l", "/"), file("l/l/canary", b"x")], "canary"),
        ([directory("d/e"), symlink("l", "d/e/.."), file("l/canary", b"x")], "d/canary"),
    ],
    ids=["absolute", "up", "parent", "above the root", "to the root", "down and up"],
)
def test_links_lead_to_where_a_container_would_see_them(
    tmp_path: Path, outside: Path, members: list[object], landed: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    unpack(written_out(outside, [members]), root)
    assert (root / landed.format(outside=str(outside).lstrip("/"))).read_text() == "x"


@pytest.mark.root
def test_a_path_of_a_thousand_directories_is_made_and_removed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    deep = "/".join("d" * 1500)
    unpack([layer(file(f"{deep}/f")), layer(whiteout("d"), file("left"))], root)
    assert [path.name for path in root.iterdir()] == ["left"]


@pytest.mark.root
def test_a_layer_hides_deep_below_what_it_has_put_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    deep = "/".join("d" * 1500)
    unpack([layer(file(f"{deep}/old")), layer(file(f"{deep}/new"), opaque("."))], root)
    with Tree.open(root) as unpacked:
        assert unpacked.names(deep.encode()) == [b"new"]
    remove_tree(root)  # too deep for pytest to do it


@pytest.mark.root
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number, members in enumerate(([file("a/b/c")], [file("a"), file("a/b")])):
        root = tmp_path / str(number)
        root.mkdir()
        try:
            unpack([layer(*members)], root)
        except BundlerError:
            assert number == 1
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.root
def test_setuid_files_are_never_anybodys_but_their_owners(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    unpack([layer(file("su", b"x", 0o4755, owner=(1234, 1234)))], root)
    status = (root / "su").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o4755, 1234)
