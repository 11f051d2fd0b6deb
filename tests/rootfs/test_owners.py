"""What becomes of owners: kept, shifted, written down."""

import concurrent.futures.thread  # noqa: F401 -- Python's own files may be root's alone
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.errors import LayerError, RequestError
from bundler.images.layer import LocalLayer
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import Owners, choose_owners, choose_owners_in_image, choose_owners_of_copies, record
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.unpack import UNPACKERS, unpack
from tests.support.acls import GROUP, MASK, OTHER, USER, acl
from tests.support.layers import layer
from tests.support.ordinary_user import USER as NOBODY
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import Member, character_device, directory, fifo, file, hard_link, symlink, whiteout
from tests.support.tree import Node, differences, tree

pytestmark = pytest.mark.root
S = 10**9
MAP = {"containerID": 0, "hostID": 100000, "size": 1000}
HIGH = {"containerID": 5000, "hostID": 500, "size": 10}
REVISION_2 = bytes.fromhex("0100000200040000000000000000000000000000")
REVISION_3_OF_ROOT = bytes.fromhex("010000030004000000000000000000000000000000000000")
REVISION_3_OF_100000 = bytes.fromhex("0100000300040000000000000000000000000000a0860100")


def shifting() -> Owners:
    return choose_owners(([MAP, HIGH], [MAP]), rootless=False)


def unpacked_with(owners: Owners, root: Path, *layers: LocalLayer, unpacker: str = "native") -> Path:
    root.mkdir()
    unpack(layers, root, owners=owners, unpacker=unpacker)
    return root


# --- shifted ---


def test_every_owner_is_shifted(tmp_path: Path) -> None:
    members = [
        file("d/f", owner=(1, 2)),
        directory("e", owner=(999, 3)),
        symlink("l", "x", owner=(4, 5)),
        fifo("p", owner=(5, 6)),
        character_device("c", 1, 3, owner=(5009, 7)),
        hard_link("h", "d/f"),
    ]
    found = tree(unpacked_with(shifting(), tmp_path / "root", layer(*members)))
    assert {name: node.owner for name, node in found.items()} == {
        ".": (100000, 100000),
        "d": (100000, 100000),
        "d/f": (100001, 100002),
        "h": (100001, 100002),
        "e": (100999, 100003),
        "l": (100004, 100005),
        "p": (100005, 100006),
        "c": (509, 100007),
    }


@pytest.mark.parametrize("owner", [(1000, 0), (0, 1000), (5010, 0), (4999, 0), (100000, 0)])
def test_an_owner_outside_of_the_map_is_refused(tmp_path: Path, owner: tuple[int, int]) -> None:
    with pytest.raises(LayerError, match=r"a/b: its (user|group) \d+ is in no range of the id map"):
        unpacked_with(shifting(), tmp_path / "root", layer(file("a/b", owner=owner)))


def test_a_map_without_root_is_refused() -> None:
    with pytest.raises(RequestError, match="no range for the container's root"):
        choose_owners(([HIGH], [MAP]), rootless=False)


@pytest.mark.parametrize("capability", [REVISION_2, REVISION_3_OF_ROOT], ids=["revision 2", "revision 3"])
def test_file_capabilities_count_in_the_container(tmp_path: Path, capability: bytes) -> None:
    root = unpacked_with(
        shifting(), tmp_path / "root", layer(file("ping", mode=0o755, xattrs={"security.capability": capability}))
    )
    assert os.getxattr(root / "ping", "security.capability") == REVISION_3_OF_100000


def test_named_users_and_groups_of_acls_are_shifted(tmp_path: Path) -> None:
    def of(first: int, second: int) -> bytes:
        return acl((USER, 7), (USER, 6, first), (GROUP, 5), (GROUP, 4, second), (MASK, 7), (OTHER, 0))

    attributes = {"system.posix_acl_access": of(33, 44), "system.posix_acl_default": of(55, 66)}
    root = unpacked_with(shifting(), tmp_path / "root", layer(directory("d", 0o770, xattrs=attributes)))
    assert os.getxattr(root / "d", "system.posix_acl_access") == of(100033, 100044)
    assert os.getxattr(root / "d", "system.posix_acl_default") == of(100055, 100066)


def test_a_volume_has_the_shifted_owners_once(tmp_path: Path) -> None:
    owners = shifting()
    root = unpacked_with(owners, tmp_path / "root", layer(file("v/f", owner=(7, 8)), directory("v", owner=(5, 5))))
    with Tree.open(root, owners) as rootfs:
        seed_volume(rootfs, b"/v", tmp_path / "volume", owners.as_they_are())
        seed_volume(rootfs, b"/absent", tmp_path / "absent", owners.as_they_are())
        rootfs.make_working_directory(b"/made/here")
    assert {name: node.owner for name, node in tree(tmp_path / "volume").items()} == {
        ".": (100005, 100005),
        "f": (100007, 100008),
    }
    assert tree(tmp_path / "absent")["."].owner == tree(root)["made/here"].owner == (100000, 100000)


@pytest.mark.tool("umoci")
def test_umoci_shifts_the_same(tmp_path: Path) -> None:
    members = [directory("."), file("f", owner=(1, 2)), symlink("l", "x", owner=(5001, 3)), hard_link("h", "f")]
    native, by_umoci = (
        tree(unpacked_with(shifting(), tmp_path / name, layer(*members), unpacker=name)) for name in UNPACKERS
    )
    assert differences(native, by_umoci) == {}


# --- written down ---


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        ((1, 2), "08011002"),
        ((1, 0), "080110ffffffff0f"),
        ((0, 2), "08ffffffff0f1002"),
        ((127, 128), "087f108001"),
        ((65536, 4294967294), "0880800410feffffff0f"),
    ],
)
def test_the_record_is_a_protobuf_message(owner: tuple[int, int], message: str) -> None:
    assert record(*owner).hex() == message


LOWER: list[Member | bytes] = [
    directory(".", mtime=9 * S),
    directory("closed", 0, owner=(5, 6), mtime=8 * S),
    file("closed/f", b"f", 0, owner=(7, 8), mtime=7 * S),
    directory("read-only", 0o555, mtime=6 * S),
    file("read-only/a/b", b"ab", 0o444, owner=(0, 42), mtime=S),
    directory("read-only/a", 0o500, mtime=5 * S),
    file("suid", b"", 0o4755, owner=(1, 1), mtime=S),
    symlink("l", "x", owner=(3, 3), mtime=S),
    fifo("p", mode=0o600, owner=(2, 2), mtime=S),
    hard_link("h", "closed/f"),
]
UPPER: list[Member | bytes] = [
    file("closed/g", b"g", owner=(9, 9), mtime=S),
    whiteout("read-only/a/b"),
    file("read-only/c", mtime=S),
    directory("read-only", 0o511, owner=(4, 4), mtime=4 * S),
]


def unpacked_as_user(folder: Path, name: str, layers: Sequence[LocalLayer], unpacker: str) -> dict[str, int]:
    def work() -> dict[str, int]:
        owners = choose_owners(([MAP], [MAP]), rootless=True)
        unpacked_with(owners, folder / name, *layers, unpacker=unpacker)
        return dict(owners.skipped)

    return as_user(work)


def test_an_ordinary_user_fills_what_is_closed_to_him() -> None:
    with folder_of_a_user() as folder:
        skipped = unpacked_as_user(folder, "root", [layer(*LOWER), layer(*UPPER)], "native")
        found = tree(folder / "root")
    assert skipped == {}
    assert {node.owner for node in found.values()} == {(NOBODY, NOBODY)}
    assert {name: (node.mode, node.mtime_ns // S, owner_of(node)) for name, node in found.items()} == {
        ".": ("0755", 9, ""),
        "closed": ("0000", 8, record(5, 6).hex()),
        "closed/f": ("0000", 7, record(7, 8).hex()),
        "closed/g": ("0644", 1, record(9, 9).hex()),
        "h": ("0000", 7, record(7, 8).hex()),
        "l": ("0777", 1, ""),  # symlinks and fifos have no such attributes
        "p": ("0600", 1, ""),
        "read-only": ("0511", 4, record(4, 4).hex()),
        "read-only/a": ("0500", 5, ""),
        "read-only/c": ("0644", 1, ""),
        "suid": ("4755", 1, record(1, 1).hex()),
    }


def owner_of(node: Node) -> str:
    return node.xattrs.get("user.rootlesscontainers", b"").hex()


def test_what_takes_privileges_is_counted_and_left_out() -> None:
    members = [
        character_device("dev/null", 1, 3, mode=0o666),
        hard_link("dev/zero", "dev/null"),
        character_device("dev/tty", 5, 0),
        file("ping", mode=0o755, xattrs={"security.capability": REVISION_2, "user.kept": b"1"}),
        file("f", xattrs={"trusted.x": b"1", "user.rootlesscontainers": b"a lie"}),
    ]
    with folder_of_a_user() as folder:
        skipped = unpacked_as_user(folder, "root", [layer(*members)], "native")
        found = tree(folder / "root")
    assert skipped == {"devices": 2, "file capabilities": 1, "extended attributes": 1}
    assert (found["dev/null"].type, found["dev/null"].mode, found["dev/zero"].same_as) == ("file", "0666", "dev/null")
    assert (found["ping"].xattrs, found["f"].xattrs) == ({"user.kept": b"1"}, {})


@pytest.mark.tool("umoci")
def test_umoci_writes_the_same_down() -> None:
    # umoci loses the owner of what its user may not write to.
    members = [
        directory(".", mtime=S),
        file("f", owner=(1, 2), mtime=S),
        file("user", owner=(1000, 0), mtime=S),
        file("group", owner=(0, 70000), mtime=S),
        directory("read-only", 0o555, mtime=S),
        file("read-only/a", b"a", 0o444, mtime=S),
        directory("d", 0o700, owner=(3, 3), mtime=S),
        hard_link("h", "f"),
        symlink("l", "x", owner=(3, 3), mtime=S),
        character_device("c", 1, 3, mode=0o666, owner=(0, 5), mtime=S),
    ]
    with folder_of_a_user() as folder:
        for unpacker in UNPACKERS:
            unpacked_as_user(folder, unpacker, [layer(*members)], unpacker)
        native, by_umoci = (tree(folder / name) for name in UNPACKERS)
    assert differences(native, by_umoci) == {}


def test_the_manifest_of_an_ordinary_user_is_what_he_finds() -> None:
    with folder_of_a_user() as folder:

        def work() -> tuple[bytes, bytes]:
            root = folder / "root"
            root.mkdir()
            owners = choose_owners(([MAP], [MAP]), rootless=True)
            with Inventory(folder, owned=False) as inventory:
                unpack([layer(*LOWER), layer(*UPPER)], root, owners=owners, inventory=inventory)
                write_manifest(inventory, folder / "said")
            with Inventory(folder, owned=False) as inventory, Tree(root, owners.as_they_are()) as opened:
                take_stock(opened, inventory)
                write_manifest(inventory, folder / "found")
            return (folder / "said").read_bytes(), (folder / "found").read_bytes()

        said, found = as_user(work)
    assert said.splitlines() == found.splitlines()
    assert b"uid=" not in said


def test_an_ordinary_user_s_volume_is_an_exact_copy_of_what_is_closed() -> None:
    with folder_of_a_user() as folder:

        def work() -> None:
            root = folder / "root"
            owners = choose_owners(([MAP], [MAP]), rootless=True)
            unpacked_with(owners, root, layer(*LOWER))
            with Tree.open(root, owners) as rootfs:
                seed_volume(rootfs, b"/closed", folder / "volume", rootfs.owners.as_they_are())

        as_user(work)
        assert tree(folder / "volume") == {
            name.removeprefix("closed/").replace("closed", "."): replace(
                node, same_as=node.same_as.removeprefix("closed/").replace("closed", ".")
            )
            for name, node in tree(folder / "root").items()
            if name.startswith("closed")
        }


def test_in_an_image_that_a_user_mounts_ids_that_the_container_has_not_got_are_root_s() -> None:
    owners = choose_owners_in_image(choose_owners(([MAP], [MAP]), rootless=True), ([MAP], [MAP]))
    capable = {b"security.capability": REVISION_2}
    assert owners.adapt(Attributes(0o755, 33, 999, xattrs=capable)) == Attributes(0o755, 33, 999, xattrs=capable)
    lies = {b"user.rootlesscontainers": record(5, 5)}
    assert owners.adapt(Attributes(0o755, 0, 0, xattrs=lies)) == Attributes(0o755)
    strange = owners.adapt(Attributes(0o755, 33, 1000, xattrs=lies))
    assert strange == Attributes(0o755, 33, 0, xattrs={b"user.rootlesscontainers": record(33, 1000)})
    assert choose_owners_in_image(shifting(), ([MAP, HIGH], [MAP])).maps


def test_copies_from_an_image_have_their_owners_or_say_them() -> None:
    kept, confined = choose_owners(None, rootless=False), choose_owners(([MAP], [MAP]), rootless=True)
    of_web = Attributes(0o755, 33, 44, xattrs={b"security.capability": REVISION_2})
    assert choose_owners_of_copies(kept, privileged=True).adapt(of_web) == of_web
    stated = Attributes(0o755, 33, 44, xattrs={b"user.rootlesscontainers": record(33, 44)})
    assert choose_owners_of_copies(kept, privileged=False).adapt(of_web) == stated
    in_image = choose_owners_in_image(confined, ([MAP], [MAP]))
    of_a_stranger = Attributes(0o755, 0, 0, xattrs={b"user.rootlesscontainers": record(33, 5000)})
    assert choose_owners_of_copies(in_image, privileged=True).adapt(of_a_stranger) == of_a_stranger
