"""Layers in an image of a file system: entry by entry what they would be on disk."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.errors import LayerError
from bundler.images import layer_entries
from bundler.images.layer import LocalLayer
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.owners import IdMap, shifted
from bundler.rootfs.scan import walk
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.unpack import unpack
from bundler.rootfs.unpacking.unpack_into_image import unpack_into_image
from tests.support.acls import GROUP, MASK, OTHER, USER, acl
from tests.support.erofs_images import complaints, image_of, mounted, seen_by_bundler, seen_by_the_kernel
from tests.support.layers import layer, plain, unpacked, zipped
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import (
    Member,
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    sparse,
    symlink,
    whiteout,
)
from tests.support.tree import differences, tree

S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
ACL = {"system.posix_acl_access": acl((USER, 6), (USER, 4, 77), (GROUP, 4), (MASK, 4), (OTHER, 4))}
DEFAULT_ACL = {"system.posix_acl_default": acl((USER, 7), (USER, 7, 33), (GROUP, 5), (MASK, 7), (OTHER, 5))}
BLOCK = 4096
MIB = 1 << 20
SIZES = sorted(
    {at for k in range(4) for at in (k * BLOCK - 1, k * BLOCK, k * BLOCK + 1, k * BLOCK - 64, k * BLOCK - 63)}
)

Listing = list[Member | bytes]

ATTRIBUTES: Listing = [
    directory(".", 0o1775, owner=(3, 4), mtime=9 * S + 7, xattrs={"user.root": b"1", **DEFAULT_ACL}),
    directory("d", 0o1770, owner=(1, 2), mtime=5 * S + 123456789, xattrs={"user.d": b"1"}),
    file("d/f", b"content", 0o6755, owner=(33, 44), mtime=7 * S + 1, xattrs=CAPABLE),
    file("acl", b"x", 0o670, xattrs={**ACL, "trusted.t": b"\0" * 40, "user.u": b"u" * 700}),
    file("long", b"x" * 5000, xattrs={"user.long": b"v" * 2000}),
    file("owners", b"x", owner=((1 << 32) - 2, 70000)),
    symlink("l", "/d/f", owner=(5, 6), mtime=3 * S, xattrs={"trusted.l": b"\0", "user.no": b"dropped"}),
    fifo("p", mode=0o622, owner=(7, 8), mtime=2 * S, xattrs={"trusted.p": b"2"}),
    character_device("null", 1, 3, mode=0o666, owner=(9, 9), mtime=S),
    block_device("sda", 8, 0, mode=0o660, mtime=-S // 2),
    block_device("large", 4095, (1 << 20) - 1),
]
LINKS: list[Listing] = [
    [file("a", b"a" * 9000), hard_link("b", "a"), hard_link("d/c", "a"), symlink("s", "a"), hard_link("t", "s")],
    [file("a", b"new"), hard_link("e", "d/c"), whiteout("t"), fifo("p"), hard_link("q", "p")],
]
WHITEOUTS: list[Listing] = [
    [*(file(f"d/{name}", name.encode() * 5000) for name in "abc"), symlink("lib", "usr/lib"), file("lib/x", b"x")],
    [opaque("d"), file("d/a", b"again"), file("lib/y", b"y"), whiteout("lib/x")],
    [whiteout("d"), directory("d", mtime=S), file("usr/lib", b"no directory any more")],
]
NAMES: Listing = [
    *(
        file(name, b"x")
        for name in ("-", "!", ".a", "..a", "a\nb", "ü", "\udcff\udc80", "x" * 255, "A", "a", "a.b", "a-b")
    ),
    *(file(f"{'deep/' * 40}{number}") for number in range(3)),
    symlink("far", "t" * 4000),
    symlink("farther", "t" * 4095),
]


CASES: dict[str, list[Listing]] = {
    "nothing": [[]],
    "attributes": [ATTRIBUTES],
    "attributes of a later layer": [ATTRIBUTES, [directory("d", 0o700, mtime=S), directory(".", 0o711)]],
    "hard links over layers": LINKS,
    "whiteouts": WHITEOUTS,
    "names": [NAMES],
    "two thousand in one directory": [[file(f"d/{number:05d}", b"x" * (number % 70)) for number in range(2_000)]],
    "many directories": [[file(f"{a}/{b}/f", b"x" * b) for a in range(40) for b in range(40)]],
    "sizes about whole blocks": [[file(f"{size:06d}", os.urandom(1) * size) for size in SIZES if size >= 0]],
    "sizes about whole blocks, with attributes": [
        [file(f"{size:06d}", b"x" * size, xattrs={"user.a": b"v" * 100}) for size in SIZES if size >= 0]
    ],
    "holes": [
        [
            sparse([(5 * MIB, b"one"), (5 * MIB + 5000, b"two" * 4000)], 9 * MIB + 1),
            sparse([(0, b"begins")], BLOCK + 5, "begins"),
            sparse([(BLOCK - 3, b"across")], BLOCK + 100, "across"),
            sparse([], 3 * BLOCK, "empty"),
        ]
    ],
    "holes of many blocks": [
        [
            sparse([(33 * MIB, b"middle"), (64 * MIB - 3, b"end")], 64 * MIB, "large"),
            sparse([(0, b"begins"), (50 * MIB, b"x" * 70_000)], 64 * MIB + 7, "tail"),
            sparse([(4 * MIB, b"x" * 9000)], 64 * MIB, "removed"),
            sparse([], 64 * MIB, "nothing"),
        ],
        [whiteout("removed"), hard_link("h", "tail")],
    ],
    "many holes": [[sparse([(number * 10_000, b"%d" % number) for number in range(3000)], 40_000_000, "many")]],
    "a directory of just a block": [[file(f"{number:0116d}") for number in range(32)]],
}


def layers_of(listings: list[Listing]) -> list[LocalLayer]:
    return [layer(*listing) for listing in listings]


@pytest.mark.root
@pytest.mark.parametrize("listings", CASES.values(), ids=CASES)
def test_an_image_holds_what_a_directory_would(tmp_path: Path, listings: list[Listing]) -> None:
    layers = layers_of(listings)
    on_disk = tree(unpacked(tmp_path / "root", *layers))
    file = image_of(tmp_path / "image", layers)
    assert differences(on_disk, seen_by_bundler(file)) == {}
    assert differences(on_disk, seen_by_the_kernel(file)) == {}
    assert complaints(file) == ""


@pytest.mark.root
@pytest.mark.parametrize("listings", CASES.values(), ids=CASES)
def test_an_image_has_the_manifest_of_a_directory(tmp_path: Path, listings: list[Listing]) -> None:
    layers = layers_of(listings)
    manifests = []
    for name in ("disk", "image"):
        (tmp_path / name).mkdir()
        with Inventory(tmp_path / name) as inventory:
            if name == "disk":
                (tmp_path / "root").mkdir()
                unpack(layers, tmp_path / "root", inventory=inventory)
            else:
                image_of(tmp_path / "file", layers, inventory=inventory)
            manifests.append(list(inventory.lines()))
    assert manifests[0] == manifests[1]


ALL = [*LINKS, *WHITEOUTS, ATTRIBUTES, *CASES["holes"]]


@pytest.mark.root
def test_an_ordinary_user_makes_the_same_bytes() -> None:
    with folder_of_a_user() as folder:
        layers = layers_of(ALL)
        roots = image_of(folder / "roots", layers).read_bytes()
        assert as_user(lambda: image_of(folder / "users", layers).read_bytes()) == roots


@pytest.mark.parametrize("way", ["apart", "gzip", "with a manifest", "apart with a manifest"])
def test_how_layers_are_read_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    expected = image_of(tmp_path / "expected", layers_of(ALL)).read_bytes()
    compress = zipped if way == "gzip" else plain
    if "apart" in way:
        monkeypatch.setattr(layer_entries, "SMALLEST_APART", 0)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})
    with Inventory(tmp_path) as inventory:
        more = {"inventory": inventory} if "manifest" in way else {}
        layers = [layer(*listing, compress=compress) for listing in ALL]
        assert image_of(tmp_path / "image", layers, **more).read_bytes() == expected


def test_owners_are_shifted_in_the_image(tmp_path: Path) -> None:
    owners = shifted(IdMap("user", ((0, 100000, 70000),)), IdMap("group", ((0, 200000, 70000),)))
    members = [directory("d", owner=(1, 2)), file("d/f", b"x", owner=(33, 44), xattrs=ACL), file("g", b"x")]
    seen = seen_by_bundler(image_of(tmp_path / "image", [layer(*members)], owners=owners))
    assert {name: node.owner for name, node in seen.items()} == {
        ".": (100000, 200000),
        "d": (100001, 200002),
        "d/f": (100033, 200044),
        "g": (100000, 200000),
    }
    assert (100077).to_bytes(4, "little") in seen["d/f"].xattrs["system.posix_acl_access"]


@pytest.mark.root
def test_holes_are_stored_nowhere(tmp_path: Path) -> None:
    end = 1 << 44
    listing = [sparse([(1 << 33, b"middle"), (end - 3, b"end")], end, "huge"), sparse([], 1 << 43, "nothing")]
    image = image_of(tmp_path / "image", [layer(*listing)])
    assert image.stat().st_size < 64 * MIB
    with mounted(image) as where, (where / "huge").open("rb") as huge:
        for at, content in ((0, bytes(9)), (1 << 33, b"middle\0\0"), (end - 5, b"\0\0end")):
            assert os.pread(huge.fileno(), len(content), at) == content
        assert (where / "nothing").stat().st_size == 1 << 43
    assert complaints(image) == ""


def test_holes_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="File too large: its holes take more room"):
        image_of(tmp_path / "image", [layer(sparse([(number << 32, b"x") for number in range(4000)], 1 << 44))])
    assert (tmp_path / "image").stat().st_size < MIB


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (file("f", xattrs={"system.posix_acl_access": acl((USER, 6), (GROUP, 9), (OTHER, 4))}), "Invalid argument"),
        (file("f", xattrs={"system.posix_acl_access": b"\2\0\0\0xyz"}), "Invalid argument"),
        (file("f", xattrs={"user.": b"x"}), "Invalid argument"),
        (file("f", xattrs={"user.a": b"x" * 65536}), "Argument list too long"),
    ],
)
def test_attributes_that_no_kernel_takes_are_refused(tmp_path: Path, member: Member, says: str) -> None:
    with pytest.raises(LayerError, match=says):
        image_of(tmp_path / "image", [layer(member)])


@pytest.mark.root
def test_what_is_in_it_can_be_looked_at_while_it_grows(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(*ATTRIBUTES), layer(*LINKS[0]))
    with (
        Tree.open(root) as on_disk,
        unpack_into_image([layer(*ATTRIBUTES), layer(*LINKS[0])], tmp_path / "image") as tree,
    ):
        for found in walk(on_disk):
            seen = tree.look(found.path)
            assert seen is not None
            attributes = replace(found.attributes, atime=found.attributes.mtime)
            same = replace(
                found, attributes=attributes, inode=None, links=seen.links if not found.inode else found.links
            )
            assert replace(seen, attributes=replace(seen.attributes, atime=seen.attributes.mtime), inode=None) == same
            if found.kind == stat.S_IFREG:
                for offset, most in ((0, 10), (4090, 20), (8999, 5), (1 << 62, 1)):
                    assert tree.read(found.path, most, offset) == on_disk.read(found.path, most, offset)
        assert tree.look(b"d/none") is None
