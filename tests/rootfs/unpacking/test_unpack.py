"""What layers leave on disk."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.errors import ImageError, LayerError
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.layers import layer, stored_layer, unpacked, zipped
from tests.support.tarballs import (
    Member,
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    header,
    opaque,
    pax_header,
    symlink,
    tarball,
    whiteout,
)
from tests.support.tree import tree

pytestmark = pytest.mark.root
S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}  # net_bind_service=ep


def listing(root: Path) -> list[str]:
    """Every path below `root`; a directory ends with a slash."""
    return sorted(
        f"{path.relative_to(root)}{'/' if path.is_dir() and not path.is_symlink() else ''}" for path in root.rglob("*")
    )


# --- attributes ---


def test_every_attribute_is_kept(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        layer(
            directory(".", 0o755, mtime=9 * S),
            directory("d", 0o1770, owner=(1, 2), mtime=5 * S + 123456789, xattrs={"user.d": b"1"}),
            file("d/f", b"content", 0o6755, owner=(33, 44), mtime=7 * S + 1, xattrs=CAPABLE),
            symlink("l", "/d/f", owner=(5, 6), mtime=3 * S, xattrs={"trusted.l": b"\0"}),
            fifo("p", mode=0o622, owner=(7, 8), mtime=2 * S, xattrs={"trusted.p": b"2"}),
            character_device("null", 1, 3, mode=0o666, owner=(9, 9), mtime=S),
            block_device("sda", 8, 0, mode=0o660, mtime=-S // 2),
        ),
    )
    found = {
        name: (node.mode, node.owner, node.mtime_ns, node.content, node.xattrs) for name, node in tree(root).items()
    }
    content = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert found == {
        ".": ("0755", (0, 0), 9 * S, "", {}),
        "d": ("1770", (1, 2), 5 * S + 123456789, "", {"user.d": b"1"}),
        "d/f": ("6755", (33, 44), 7 * S + 1, content, CAPABLE),
        "l": ("0777", (5, 6), 3 * S, "/d/f", {"trusted.l": b"\0"}),
        "p": ("0622", (7, 8), 2 * S, "", {"trusted.p": b"2"}),
        "null": ("0666", (9, 9), S, "1:3", {}),
        "sda": ("0660", (0, 0), -S // 2, "8:0", {}),
    }


def test_directories_keep_their_times_though_they_are_written_to_later(tmp_path: Path) -> None:
    many = [file(f"d/{number}/f") for number in range(100)]
    root = unpacked(
        tmp_path / "root", layer(directory("d", mtime=5 * S), *many), layer(file("d/late"), whiteout("d/5"))
    )
    assert (root / "d").stat().st_mtime == 5


def test_a_directory_that_no_entry_describes_is_the_same_every_time(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = unpacked(tmp_path / "root", layer(file("a/b/f")))
    finally:
        os.umask(before)
    for path in (root, root / "a", root / "a/b"):
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime) == (0o755, 0, 0, 0)


def test_what_the_destination_inherits_from_the_machine_is_not_in_the_image(tmp_path: Path) -> None:
    entries = (1, 7, -1), (2, 7, 12345), (4, 5, -1), (16, 7, -1), (32, 5, -1)
    acl = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, rights, who in entries
    )
    os.setxattr(tmp_path, "system.posix_acl_default", acl)
    tmp_path.chmod(0o2755)
    os.chown(tmp_path, 0, 77)
    root = unpacked(tmp_path / "root", layer(file("a/f", mode=0o640)))
    assert [node.xattrs for node in tree(root).values()] == [{}, {}, {}]
    assert {node.owner for node in tree(root).values()} == {(0, 0)}
    assert tree(root)["a/f"].mode == "0640"


def test_a_default_acl_of_the_image_is_not_handed_down(tmp_path: Path) -> None:
    acl = bytes.fromhex("02000000 01000700ffffffff 02000700d2040000 04000500ffffffff 10000700ffffffff 20000500ffffffff")
    root = unpacked(
        tmp_path / "root",
        layer(directory("d", xattrs={"system.posix_acl_default": acl}), file("d/f"), directory("d/e")),
    )
    assert [sorted(tree(root)[name].xattrs) for name in ("d", "d/e", "d/f")] == [["system.posix_acl_default"], [], []]


def test_an_xattr_of_an_older_layer_goes_with_its_entry(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        layer(directory("d", xattrs={"user.old": b"1"}), file("d/f")),
        layer(directory("d", 0o700, xattrs={"user.new": b"2"})),
    )
    assert tree(root)["d"].xattrs == {"user.new": b"2"}
    assert listing(root) == ["d/", "d/f"]


def test_xattrs_that_cannot_be_are_left_out(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        layer(
            symlink("l", "t", xattrs={"user.on-a-symlink": b"1"}),
            file("f", xattrs={"no-namespace": b"1", "security.selinux": b"label"}),
        ),
    )
    assert [node.xattrs for node in tree(root).values()] == [{}, {}, {}]


def test_hard_links_stay_links_and_change_nothing(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        layer(
            file("a", b"x", 0o640, owner=(1, 1), mtime=5 * S),
            hard_link("d/b", "/a", mode=0o777, owner=(2, 2), mtime=6 * S),
            symlink("l", "nowhere", mtime=3 * S),
            hard_link("l2", "l"),
        ),
        layer(hard_link("c", "a")),
    )
    found = tree(root)
    assert found["a"].same_as == found["c"].same_as == found["d/b"].same_as == "a"
    assert (found["a"].mode, found["a"].owner, found["a"].mtime_ns) == ("0640", (1, 1), 5 * S)
    assert (found["l2"].type, found["l2"].content, found["l2"].same_as) == ("symlink", "nowhere", "l")


def test_a_sparse_file_stays_sparse(tmp_path: Path) -> None:
    records = {
        "GNU.sparse.size": str(1 << 30),
        "GNU.sparse.numblocks": "3",
        "GNU.sparse.map": f"1000,3,{1 << 29},3,{1 << 30},0",
    }
    root = unpacked(tmp_path / "root", layer(pax_header(records), file("s", b"onetwo", mtime=5 * S)))
    status = (root / "s").stat()
    assert (status.st_size, status.st_mtime) == (1 << 30, 5)
    assert status.st_blocks * 512 < 1 << 20
    with (root / "s").open("rb") as content:
        assert content.read(1004) == bytes(1000) + b"one\0"
        content.seek(1 << 29)
        assert content.read(4) == b"two\0"


def test_names_need_not_be_text(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(file(b"\xff\n\x1b", b"x"), symlink(b"l", b"\xfe")))
    assert sorted(os.fsencode(path.name) for path in root.iterdir()) == [b"l", b"\xff\n\x1b"]


# --- layers on layers ---

EVERYTHING = ["d/", "d/sub/", "d/sub/z", "d/x", "d/y", "f"]
LOWER = [directory("d", 0o700), file("d/x"), file("d/y"), directory("d/sub"), file("d/sub/z"), file("f")]


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ([whiteout("f")], ["d/", "d/sub/", "d/sub/z", "d/x", "d/y"]),
        ([whiteout("d")], ["f"]),
        ([whiteout("d/x"), whiteout("missing/x")], ["d/", "d/sub/", "d/sub/z", "d/y", "f"]),
        ([opaque("d")], ["d/", "f"]),
        ([opaque(".")], []),
        ([opaque("missing")], EVERYTHING),
        ([file("d/new"), opaque("d")], ["d/", "d/new", "f"]),
        ([opaque("d"), file("d/new")], ["d/", "d/new", "f"]),
        ([file("d/sub/new"), opaque("d")], ["d/", "d/sub/", "d/sub/new", "f"]),
        ([file("d/x"), whiteout("d/x")], EVERYTHING),
        ([whiteout("d/x"), file("d/x")], EVERYTHING),
        ([file("d/new"), whiteout("d")], ["d/", "d/new", "f"]),
        ([directory("d"), whiteout("d")], ["d/", "f"]),
        (
            [directory("new"), file("new/a"), opaque("new"), whiteout("new/a")],
            [*EVERYTHING, "new/", "new/a"],
        ),
        ([file("d"), directory("d"), file("d/x"), opaque("d")], ["d/", "d/x", "f"]),
        ([symlink("l", "d"), whiteout("l/x")], ["d/", "d/sub/", "d/sub/z", "d/y", "f", "l"]),
        ([symlink("l", "d"), file("l/new"), opaque("d")], ["d/", "d/new", "f", "l"]),
        ([symlink("l", "d"), whiteout("l")], [*EVERYTHING, "l"]),
        ([file("d")], ["d", "f"]),
        ([symlink("d", "f")], ["d", "f"]),
        ([directory("f"), file("f/a")], ["d/", "d/sub/", "d/sub/z", "d/x", "d/y", "f/", "f/a"]),
        ([fifo("d")], ["d", "f"]),
        (
            [directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs")],
            ["d/", "d/sub/", "d/sub/z", "d/x", "d/y", "f"],
        ),
        ([whiteout("f/below-a-file")], EVERYTHING),
    ],
    ids=[
        "whiteout of a file",
        "whiteout of a directory",
        "whiteout in a directory, and in a missing one",
        "opaque directory",
        "opaque root",
        "opaque missing directory",
        "opaque after its new file",
        "opaque before its new file",
        "opaque keeps new files deep below",
        "whiteout after the same name",
        "whiteout before the same name",
        "whiteout of a directory with a new file",
        "whiteout of a directory of both layers",
        "whiteouts of the layer's own directory",
        "directory replaced twice, then opaque",
        "whiteout through a symlink",
        "new file through a symlink, opaque without",
        "whiteout of the layer's own symlink",
        "file over directory",
        "symlink over directory",
        "directory over file",
        "fifo over directory",
        "bookkeeping of aufs",
        "whiteout below a file",
    ],
)
def test_the_upper_layer_hides_and_replaces(tmp_path: Path, upper: list[Member], expected: list[str]) -> None:
    assert listing(unpacked(tmp_path / "root", layer(*LOWER), layer(*upper))) == expected


def test_a_whiteout_in_the_lowest_layer_hides_nothing(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(file("d/a"), whiteout("d/a"), opaque("d"), whiteout("d")))
    assert listing(root) == ["d/", "d/a"]


def test_a_directory_over_a_symlink_replaces_the_symlink(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(directory("t"), symlink("l", "t")), layer(directory("l"), file("l/x")))
    assert listing(root) == ["l/", "l/x", "t/"]


def test_merged_usr_is_written_through(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path / "root",
        layer(directory("usr/lib", mtime=5 * S), symlink("lib", "usr/lib")),
        layer(file("lib/x"), file("usr/lib/y"), symlink("lib64", "/lib"), file("lib64/z")),
    )
    assert listing(root) == ["lib", "lib64", "usr/", "usr/lib/", "usr/lib/x", "usr/lib/y", "usr/lib/z"]
    assert (root / "usr/lib").stat().st_mtime == 5


def test_a_file_of_a_lower_layer_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(file("a", b"old"), hard_link("b", "a")), layer(file("a", b"new")))
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"new", b"old")


# --- layers that are no good ---


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    bad = stored_layer(tarball(file("a", b"x" * 2000))[:1500], compress=zipped)
    with pytest.raises(ImageError, match=f"layer {bad.blob.digest}: the tar archive ends inside a file"):
        unpacked(tmp_path / "root", bad)


def test_bytes_after_the_archive_are_checked_too(tmp_path: Path) -> None:
    good = stored_layer(tarball(file("a")) + b"trailing")
    wrong = replace(good, diff_id=layer(file("a")).diff_id)
    with pytest.raises(ImageError, match="diff_id"):
        unpacked(tmp_path / "root", wrong)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([file("../x")], "leads out of the root filesystem"),
        ([file("a"), file("a/b")], "/a: it is not a directory"),
        ([hard_link("a", "missing")], "hard link to missing, which does not exist"),
        ([file("a"), hard_link("a", "a")], "hard link to a, which does not exist"),
        ([directory("d"), hard_link("a", "d")], "/d: a directory cannot have two names"),
        ([file("n" * 256)], "File name too long"),
        ([file("/".join(["n" * 255] * 18))], "path is too long"),
        ([symlink("a", "b"), symlink("b", "a"), file("a/x")], "too many symlinks"),
        ([symlink("a", "")], "No such file or directory"),
        ([symlink("a", "t" * 5000)], "File name too long"),
        ([file(".")], "can only be a directory"),
        ([symlink("/", "/tmp")], "can only be a directory"),
        ([hard_link(".", "a")], "can only be a directory"),
        ([whiteout("..")], "does not name a file"),
        ([character_device("c", 1 << 13, 0)], "do not exist on Linux"),
        ([block_device("b", -1, 0)], "do not exist on Linux"),
        ([file("f", owner=((1 << 32) - 1, 0))], "does not exist on Linux"),
        ([file("f", owner=(-1, 0))], "does not exist on Linux"),
        ([file("f", xattrs={"user." + "n" * 300: b"v"})], "out of range"),
        (
            [
                pax_header(
                    {"GNU.sparse.size": str((1 << 63) - 1), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1"}
                ),
                file("f", b"x"),
            ],
            "File too large",
        ),
        ([header("h", b"1")], "/: a directory cannot have two names"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layer_that_cannot_be_applied_is_refused(tmp_path: Path, members: list[Member], message: str) -> None:
    bad = layer(*members)
    with pytest.raises(LayerError) as refused:
        unpacked(tmp_path / "root", bad)
    assert message in refused.value.what
    assert refused.value.what.startswith(f"layer {bad.blob.digest}: ")
    assert refused.value.what.isprintable()


def test_a_name_in_a_message_cannot_talk_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(LayerError) as refused:
        unpacked(tmp_path / "root", layer(file("a"), file("a/\x1b[2J\n")))
    assert refused.value.what.isprintable()


def test_an_unknown_root_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="No such file"):
        unpack([layer()], tmp_path / "missing")
