"""A root filesystem that is there, read in the order of a manifest: all of it, a part, as one who may not read all."""

import hashlib
import stat
from pathlib import Path

import pytest

from bundler.rootfs.inventory import Inventory
from bundler.rootfs.mtree import encode_path
from bundler.rootfs.scan import hash_ahead, hash_file, manifest_entry, take_stock, walk
from bundler.rootfs.tree import Tree
from tests.support.layers import layer, unpacked
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import character_device, directory, file, hard_link, symlink

pytestmark = pytest.mark.root
NAMES = [b"", b"a", b"a/b", b"a/b/c", b"a/d", b"a-", b"b", b"c", b"c/x"]
MEMBERS = [file("a/b/c"), file("a/d"), file("a-"), file("b"), file("c/x")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpacked(tmp_path / "root", layer(*MEMBERS))


@pytest.mark.parametrize(("begin", "end"), [(at, to) for at in range(len(NAMES)) for to in range(at, len(NAMES) + 1)])
def test_any_part_is_what_it_is_of_the_whole(root: Path, begin: int, end: int) -> None:
    last = NAMES[end] if end < len(NAMES) else None
    with Tree(root) as tree:
        assert [found.path for found in walk(tree, NAMES[begin], last)] == NAMES[begin:end]


def test_a_part_may_begin_where_there_is_nothing(root: Path) -> None:
    with Tree(root) as tree:
        assert [found.path for found in walk(tree, b"a/c", b"aa")] == [b"a/d", b"a-"]


def test_some_names_come_before_the_others(root: Path) -> None:
    with Tree(root) as tree:
        paths = [found.path for found in walk(tree, ahead=(b"c", b"x"))]
    assert paths == [b"", b"c", b"c/x", *NAMES[1:-2]]


def test_what_goes_away_meanwhile_is_not_there(root: Path) -> None:
    with Tree(root) as tree:
        seen = []
        for found in walk(tree):
            seen.append(found.path)
            if found.path == b"a":
                (root / "a/d").unlink()
                (root / "b").unlink()
    assert seen == [b"", b"a", b"a/b", b"a/b/c", b"a-", b"c", b"c/x"]


def test_a_file_is_hashed_to_its_size_as_it_was(root: Path) -> None:
    """Another process may be adding to it."""
    (root / "b").write_bytes(b"content")
    with Tree(root) as tree:
        found = tree.look(b"b")
        assert found is not None
        with (root / "b").open("ab") as more:
            more.write(b"more")
        assert hash_file(tree, found) == hashlib.sha256(b"content").hexdigest()
        items = [*walk(tree)] * 10  # more than are read ahead
        hashed = dict(hash_ahead(tree, range(len(items)), lambda at: items[at] if items[at].path == b"b" else None))
    assert {digest for at, digest in hashed.items() if items[at].path != b"b"} == {None}
    assert None not in {digest for at, digest in hashed.items() if items[at].path == b"b"}


def test_each_file_is_told_in_full(tmp_path: Path) -> None:
    members = [
        file("f", b"x", 0o4755, owner=(1, 2), mtime=3, xattrs={"user.a": b"b"}),
        hard_link("g", "f"),
        symlink("l", "a b"),
        character_device("null", 1, 3),
    ]
    told = {}
    with Tree(unpacked(tmp_path / "root", layer(*members))) as tree:
        for found in walk(tree):
            first = b"f" if found.path == b"g" else None
            told[found.path] = manifest_entry(found, "ab" if found.kind == stat.S_IFREG else None, first)
        link = tree.look(b"l")
        assert link is not None
        renamed = manifest_entry(link, None, None, name=encode_path(b"n n"), owned=False)
    assert told[b""] == b". type=dir mode=0755 uid=0 gid=0 time=0.000000000\n"
    common = b"type=file mode=4755 uid=1 gid=2 size=1 time=0.000000003 sha256digest=ab nlink=2\n"
    assert told[b"f"] == b"./f " + common + b"# ./f xattr.user.a=62\n"
    assert told[b"g"] == b"./g " + common + b"# ./g hardlink=./f xattr.user.a=62\n"
    assert told[b"null"].endswith(b" device=native,1,3 nlink=1\n")
    assert renamed == rb"./n\040n type=link time=0.000000000 link=a\040b nlink=1" + b"\n"


def test_a_manifest_of_what_is_there_is_that_of_what_was_unpacked(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    members = [*MEMBERS, directory("e", 0o700, xattrs={"user.e": b"1"}), hard_link("h", "b"), symlink("l", "x")]
    lines = []
    root = unpacked(tmp_path / "there", layer(*members))
    with Inventory(tmp_path) as inventory, Tree(root) as tree:
        take_stock(tree, inventory)
        lines = list(inventory.lines())
    assert len(lines) > len(members)
    assert any(b"hardlink=./b" in line for line in lines)


def test_what_a_user_may_not_read_is_closed() -> None:
    with folder_of_a_user() as folder:
        root = unpacked(
            folder / "root", layer(directory("shut", 0o700), file("shut/x"), file("secret", b"x", 0o600), file("f"))
        )
        root.chmod(0o755)

        def work() -> tuple[list[tuple[bytes, bool]], list[str | None]]:
            with Tree(root) as tree:
                found = list(walk(tree))
                digests = [hash_file(tree, each) for each in found if each.kind == stat.S_IFREG]
                return [(each.path, each.closed) for each in found], digests

        closed, digests = as_user(work)
    assert dict(closed)[b"shut"]
    assert not dict(closed)[b"f"]
    assert b"shut/x" not in dict(closed)
    assert [digest is None for digest in digests] == [False, True]
