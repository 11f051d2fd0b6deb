"""Mount points in images that have something else in mind for them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bundler.bundles.mount_points import MountPoints, PointInside, make_inside, make_mount_points
from bundler.conversion.convert import convert
from bundler.conversion.mounts.mount_points import DOCKERS, Mounted, MountNode, mounted
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.owners import IdMap, kept, shifted
from bundler.rootfs.scan import take_stock
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.unpack import unpack
from tests.attacks.attack import Listing, filled, leaves
from tests.support.inputs import inputs
from tests.support.layers import layer
from tests.support.tarballs import character_device, directory, fifo, file, hard_link, symlink
from tests.support.tree import tree

DEFAULT = mounted(inputs(), convert(inputs()))
OWN = sorted(path[1:] for path in DOCKERS)
# What there is when all is made, but for the three files of etc.
REST = ["dev/console=", "dev/pts/", "dev/shm/", "etc/mtab -> /proc/mounts", "proc/", "sys/"]
FILES = ["etc/hostname=", "etc/hosts=", "etc/resolv.conf="]
IN_ETC = [leaf for leaf in [*REST, *FILES] if leaf.startswith("etc/")]
ELSEWHERE = [leaf for leaf in REST if leaf not in IN_ETC]


def made(
    bundle: Path, members: Listing, mounts: Sequence[Mounted] = DEFAULT, nodes: Sequence[MountNode] = ()
) -> MountPoints:
    """In the rootfs of a new bundle; what is written down of it is what is on disk."""
    root = bundle / "rootfs"
    root.mkdir(parents=True)
    with Inventory(bundle.parent) as inventory:
        unpack([layer(*members)], root, inventory=inventory)
        with Tree.open(root, kept(), inventory) as opened:
            points = make_mount_points(opened, mounts, nodes)
        (bundle.parent / "again").mkdir()
        with Inventory(bundle.parent / "again") as again:
            with Tree(root) as opened:
                take_stock(opened, again)
            assert list(inventory.lines()) == list(again.lines())
    return points


@dataclass(frozen=True)
class Case:
    """What an image has, and what there is in the end, as `leaves` gives it."""

    members: Listing
    on_disk: Sequence[str]


CASES = {
    "an empty image": Case([], [*REST, *FILES]),
    "all there": Case(
        [file("etc/hosts", "own"), file("etc/mtab", "own"), character_device("dev/console", 5, 1)],
        [*REST[1:3], "dev/console c 5:1", "etc/mtab=own", "proc/", "sys/", "etc/hosts=own", FILES[0], FILES[2]],
    ),
    "links to what the machine has": Case(
        [symlink("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"), symlink("etc/hosts", "{outside}/file")],
        [*REST, *FILES],
    ),
    "links for the rest": Case(
        [symlink("etc/mtab", "../proc/self/mounts"), symlink("etc/hostname", "hostname")],
        [*(leaf for leaf in REST if "mtab" not in leaf), "etc/mtab -> ../proc/self/mounts", *FILES],
    ),
    "etc is a link inside": Case(
        [symlink("etc", "usr/etc"), file("usr/etc/passwd", "x")],
        ["etc -> usr/etc", "usr/etc/passwd=x", *ELSEWHERE, *(f"usr/{leaf}" for leaf in IN_ETC)],
    ),
    "etc is a link out": Case(
        [symlink("etc", "{outside}")],
        ["etc -> {outside}", *ELSEWHERE, *("{outside}" + leaf[3:] for leaf in IN_ETC)],
    ),
    "etc is a loop": Case(
        [symlink("etc", "etc")], ["etc -> etc", *ELSEWHERE]
    ),
    "etc is a file": Case([file("etc", "x")], [*REST, *FILES]),
    "dev is a link": Case([symlink("dev", "/tmp"), file("tmp/x", "x")], [*REST, *FILES, "tmp/x=x"]),
    "proc and sys are files": Case([file("proc", "x"), fifo("sys")], [*REST, *FILES]),
    "sys is a link out": Case([symlink("sys", "{outside}")], [*REST, *FILES]),
    "hosts is a fifo": Case([fifo("etc/hosts")], [*REST, *FILES]),
    "hosts is a device": Case([character_device("etc/hosts", 1, 3)], [*REST, *FILES]),
    "hosts is a directory": Case(
        [directory("etc/hosts")], [*REST, "etc/hosts/", *(leaf for leaf in FILES if "hosts=" not in leaf)]
    ),
    "hosts has another name": Case(
        [file("etc/shadow", "x"), hard_link("etc/hosts", "etc/shadow")],
        [*REST, "etc/hostname=", "etc/resolv.conf=", "etc/hosts=x", "etc/shadow == etc/hosts"],
    ),
}  # fmt: skip


@pytest.mark.root
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_image_gets_what_it_lacks_and_nothing_outside(tmp_path: Path, case: Case) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("canary")
    inside = str(outside)[1:]
    made(tmp_path / "bundle", [filled(member, os.fsencode(outside)) for member in case.members])
    expected = [leaf.replace(" {outside}", f" {outside}").replace("{outside}", inside) for leaf in case.on_disk]
    assert sorted(leaves(tmp_path / "bundle/rootfs")) == sorted(expected)
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "canary"


@pytest.mark.root
def test_what_was_made_is_named_and_what_was_there_is_not(tmp_path: Path) -> None:
    members = [directory("proc"), file("etc/hosts"), symlink("etc/resolv.conf", "x")]
    points = made(tmp_path / "bundle", members, [*DEFAULT, Mounted("/srv/a", "directory"), Mounted("/srv/b", None)])
    expected = {*OWN, "srv/a"} - {"proc", "etc", "etc/hosts"}
    assert {path.decode() for path in points.made} == expected


@pytest.mark.root
def test_what_lies_on_another_mount_is_not_made_in_the_rootfs(tmp_path: Path) -> None:
    mounts = [
        Mounted("/run", "directory"),
        Mounted("/var/run/x", "file"),
        Mounted("/data", "directory", "volumes/data"),
        Mounted("/data/cache", "directory", mode=0o1777),
        Mounted("/data/cache/x", "directory"),
        Mounted("/data/f", "file"),
        Mounted("/data", "directory", "volumes/other"),
        Mounted("/data/later", "directory"),
    ]
    points = made(tmp_path / "bundle", [symlink("var/run", "../run")], mounts)
    assert sorted(set(leaves(tmp_path / "bundle/rootfs")) - {*REST, *FILES}) == ["data/", "run/", "var/run -> ../run"]
    assert points.inside == [
        PointInside("volumes/data", b"cache", "directory", 0o1777),
        PointInside("volumes/data", b"f", "file"),
        PointInside("volumes/other", b"later", "directory"),
    ]


@pytest.mark.root
def test_what_a_tmpfs_is_mounted_onto_has_its_mode_where_the_image_has_nothing(tmp_path: Path) -> None:
    mounts = [Mounted(path, "directory", mode=0o1777) for path in ("/own", "/new/deep", "/dev")]
    made(tmp_path / "bundle", [directory("own", 0o750)], [*DEFAULT, *mounts])
    nodes = tree(tmp_path / "bundle/rootfs")
    modes = {path: nodes[path].mode for path in ("own", "new", "new/deep", "dev")}
    assert modes == {"own": "0750", "new": "0755", "new/deep": "1777", "dev": "0755"}


@pytest.mark.root
def test_a_device_is_made_where_no_mount_is(tmp_path: Path) -> None:
    named = ("/dev/fuse", "/opt/new/fuse", "/l/tun", "/there", "/data/x")
    nodes = [MountNode(path, "c", (10, 229), 0o640, 3, 4) for path in named]
    mounts = [*DEFAULT, Mounted("/data", "directory", "volumes/data")]
    made(tmp_path / "bundle", [symlink("l", "/srv"), file("there", "x")], mounts, nodes)
    found = tree(tmp_path / "bundle/rootfs")
    devices = {path: node for path, node in found.items() if node.type == "character device"}
    assert sorted(devices) == ["opt/new/fuse", "srv/tun"]
    assert {(node.mode, node.owner, node.content, node.mtime_ns) for node in devices.values()} == {
        ("0640", (3, 4), "10:229", 0)
    }


@pytest.mark.root
def test_in_a_volume_no_symlink_is_followed(tmp_path: Path) -> None:
    volume = tmp_path / "volumes/data"
    (volume / "there").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (volume / "out").symlink_to(tmp_path / "secret")
    (volume / "up").symlink_to("../../secret")
    points = MountPoints(
        inside=[
            *(
                PointInside("volumes/data", path, "directory")
                for path in (b"out/x", b"up/x", b"up", b"there/y/z", b"new")
            ),
            PointInside("volumes/data", b"there/tmpfs", "directory", 0o1777),
        ]
    )
    make_inside(tmp_path, points, shifted(*(IdMap(kind, ((0, 1000, 10),)) for kind in ("user", "group"))))
    assert list((tmp_path / "secret").iterdir()) == []
    nodes = tree(volume)
    assert sorted(nodes) == [".", "new", "out", "there", "there/tmpfs", "there/y", "there/y/z", "up"]
    assert (nodes["new"].owner, nodes["new"].mode, nodes["there/y/z"].owner) == ((1000, 1000), "0755", (1000, 1000))
    assert nodes["there/tmpfs"].mode == "1777"


@pytest.mark.root
def test_where_etc_files_keeps_the_image_s_nothing_is_made_or_replaced(tmp_path: Path) -> None:
    given = inputs("etc_files: {hosts: image, resolv_conf: image}")
    members = [symlink("etc/resolv.conf", "/run/resolv.conf")]
    made(tmp_path / "bundle", members, mounted(given, convert(given)))
    assert sorted(leaves(tmp_path / "bundle/rootfs")) == sorted(
        [*REST, "etc/hostname=", "etc/resolv.conf -> /run/resolv.conf"]
    )
