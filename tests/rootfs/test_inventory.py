"""The manifest that is written while layers are unpacked says what is on disk."""

import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.images.layer import LocalLayer
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.unpack import UNPACKERS, unpack
from tests.support.acls import GROUP, MASK, OTHER, USER, acl
from tests.support.layers import layer
from tests.support.tarballs import (
    Member,
    block_device,
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

pytestmark = pytest.mark.root
NAMES = (b"d", b"d/e", b"d/a", b"d/b", b"d/e/c", b"f")
FILES = frozenset(NAMES[2:])
S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
ACL = {"system.posix_acl_access": acl((USER, 7), (USER, 6, 33), (GROUP, 0), (MASK, 4), (OTHER, 0))}
BASE_ACL = {"system.posix_acl_access": acl((USER, 6), (GROUP, 0), (OTHER, 0))}
DEFAULT_ACL = {"system.posix_acl_default": acl((USER, 7), (USER, 7, 33), (GROUP, 5), (MASK, 7), (OTHER, 5))}
EVERY_BYTE = bytes(number for number in range(1, 256) if number != ord("/"))

LAYERS: dict[str, list[list[Member | bytes]]] = {
    "every type": [
        [
            directory("d", 0o3750, owner=(1, 2), mtime=5 * S + 7),
            file("d/f", b"content", 0o4755, owner=(3, 4), mtime=9 * S, xattrs=CAPABLE | {"user.a=b c": b"\0"}),
            hard_link("d/g", "d/f"),
            symlink("l", "/a target/with spaces#", owner=(1, 1), xattrs={"user.x": b"not kept"}),
            fifo("p", mode=0o600),
            character_device("c", 1, 3),
            block_device("b", 300, 70000),
        ]
    ],
    "every byte": [[file(EVERY_BYTE, b"x"), symlink("l", EVERY_BYTE), directory(b"d" + EVERY_BYTE)]],
    "names that sort between": [[file("a/b"), file("a-b"), file("a.b"), file("a\x01"), directory("a")], [file("a b")]],
    "replaced": [
        [file("d/a/x"), file("d/b"), file("f", b"1")],
        [file("d", b"now a file"), directory("f"), file("f/y")],
    ],
    "hidden": [[file("d/a"), file("d/b"), file("e/f")], [opaque("d"), file("d/c"), whiteout("e")]],
    "described again": [[file("d/f"), directory("d", 0o700)], [directory("d", 0o755, mtime=S, owner=(5, 5))]],
    "links whose target went": [[file("a", b"1"), hard_link("b", "a"), hard_link("c", "b")], [whiteout("a")]],
    "links to what was linked before": [
        [file("a", b"1"), hard_link("b", "a"), file("a", b"2"), hard_link("c", "a")],
        [hard_link("d", "b"), symlink("s", "x"), hard_link("t", "s")],
    ],
    "links through directories": [[file("real/f", b"1"), symlink("l", "real"), hard_link("l/g", "l/f")]],
    "sparse": [
        [
            pax_header(
                {"GNU.sparse.size": str(5 << 20), "GNU.sparse.numblocks": "2", "GNU.sparse.map": "1000,3,2000000,3"}
            ),
            file("s", b"onetwo"),
        ]
    ],
    "attributes that Linux has no namespace for": [
        [
            file("f", xattrs={"com.apple.provenance": b"x", "system.other": b"x", "plain": b"x", "user.kept": b"x"}),
            directory("d", xattrs={"org.openbsd": b"x", "trusted.kept": b"x"}),
            symlink("l", "t", xattrs=ACL | {"com.apple.FinderInfo": b"x"}),
        ]
    ],
    "ACLs": [
        [
            file("f", mode=0o777, xattrs=ACL),
            file("base", mode=0o777, xattrs=BASE_ACL),
            directory("d", 0o755, xattrs=DEFAULT_ACL),
            file("d/inherits"),
            directory("d/e"),
            fifo("d/p"),
        ]
    ],
    "empty": [[]],
}


def manifest(workspace: Path, fill: Callable[[Inventory], None], largest: int = 1 << 20) -> bytes:
    """What an inventory says after `fill` was called with it."""
    with Inventory(workspace, largest=largest) as inventory:
        fill(inventory)
        path = workspace / "rootfs.mtree"
        write_manifest(inventory, path)
    content = path.read_bytes()
    path.unlink()
    return content


def recorded(tmp_path: Path, layers: Sequence[LocalLayer], unpacker: str = "native", largest: int = 1 << 20) -> bytes:
    root = tmp_path / "root"
    root.mkdir()
    return manifest(tmp_path, lambda inventory: unpack(layers, root, unpacker=unpacker, inventory=inventory), largest)


def on_disk(tmp_path: Path) -> bytes:
    with Tree.open(tmp_path / "root") as tree:
        return manifest(tmp_path, lambda inventory: take_stock(tree, inventory))


# How much is kept in memory: all, a few files, nothing.
@pytest.mark.parametrize("largest", [1 << 20, 1000, 0])
@pytest.mark.parametrize("name", LAYERS)
def test_what_was_recorded_is_what_is_there(tmp_path: Path, name: str, largest: int) -> None:
    said = recorded(tmp_path, [layer(*members) for members in LAYERS[name]], largest=largest)
    assert said.splitlines() == on_disk(tmp_path).splitlines()


@pytest.mark.tool("mtree")
@pytest.mark.parametrize("name", LAYERS)
def test_the_program_mtree_agrees(tmp_path: Path, name: str) -> None:
    (tmp_path / "rootfs.mtree").write_bytes(recorded(tmp_path, [layer(*members) for members in LAYERS[name]]))
    command: list[str | Path] = ["mtree", "-f", tmp_path / "rootfs.mtree", "-p", tmp_path / "root"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.tool("umoci")
def test_the_tree_is_read_where_umoci_unpacks(tmp_path: Path) -> None:
    said = {}
    for unpacker in UNPACKERS:
        (tmp_path / unpacker).mkdir()
        # umoci gives the root a time of its own unless a layer states one.
        # umoci fails on a symlink with an attribute that no symlink can have.
        members: list[Member | bytes] = [
            directory("."),
            *(member for member in LAYERS["every type"][0] if b"/a target" not in bytes(member)),
        ]
        said[unpacker] = recorded(tmp_path / unpacker, [layer(*members)], unpacker)
    assert said["native"].splitlines() == said["umoci"].splitlines()


def test_holes_that_nobody_could_hash_are_left_out(tmp_path: Path) -> None:
    records = {"GNU.sparse.size": str(1 << 43), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "1000,3"}
    lines = recorded(tmp_path, [layer(pax_header(records), file("s", b"one"))]).splitlines()
    assert [line for line in lines if line.startswith(b"./s")] == [
        b"./s type=file mode=0644 uid=0 gid=0 size=8796093022208 time=0.000000000 nlink=1"
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove", "link"]), st.sampled_from(NAMES), st.sampled_from(NAMES))),
    st.integers(0, 3000),
)
def test_it_says_the_same_however_much_is_kept_in_memory(steps: list[tuple[str, bytes, bytes]], largest: int) -> None:
    def fill(inventory: Inventory) -> None:
        there: set[bytes] = set()
        for number, (step, name, other) in enumerate(steps):
            if step == "remove" and name in there:
                there -= {path for path in there if path == name or path.startswith(name + b"/")}
                inventory.remove(name)
            elif step == "link" and other in FILES & there and name in FILES - there:
                there.add(name)
                inventory.link(name, other)
            elif step == "add" and (name not in there or name not in FILES):
                there.add(name)
                kind = stat.S_IFREG if name in FILES else stat.S_IFDIR
                inventory.add(name, kind, Attributes(mode=0o644, mtime=number))

    with TemporaryDirectory() as folder:
        assert manifest(Path(folder), fill, largest) == manifest(Path(folder), fill, 1 << 30)


def test_nothing_is_left_of_the_table(tmp_path: Path) -> None:
    recorded(tmp_path, [layer(file("a"))])
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
