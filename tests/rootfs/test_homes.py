"""A root filesystem in memory, or in an image, takes what one on disk takes, and refuses what the kernel refuses."""

import errno
import hashlib
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bundler.archives.entry import FileRow
from bundler.archives.filesystems.erofs_writer import ErofsWriter
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import Home
from bundler.rootfs.memory.image_tree import ImageTree
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.paths import PathError, join
from bundler.rootfs.tree import Tree
from tests.support.acls import GROUP, MASK, OTHER, USER, acl

pytestmark = pytest.mark.root
MODE = Attributes(mode=0o755)
LINK = Attributes(mode=None)
ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
NAMED = acl((USER, 7), (USER, 5, 99), (GROUP, 5), (MASK, 7), (OTHER, 0))
LONG = b"n" * 256
Homes = list[Home]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    """On disk, in memory, in an image: each with the same files."""
    (tmp_path / "root").mkdir()
    with ExitStack() as stack:
        image = stack.enter_context((tmp_path / "image").open("x+b"))
        made: Homes = [
            Outline(),
            ImageTree(ErofsWriter(image.fileno())),
            stack.enter_context(Tree.open(tmp_path / "root")),
        ]
        for home in made:
            home.make_directory(b"d/e", MODE)
            home.make_file(b"d/f", MODE, [b"con", b"tent"], size=7)
            home.make_file(b"sparse", MODE, [b"be", b"end"], size=9005, sparse=((0, 2), (9000, 3), (9005, 0)))
            home.make_symlink(b"l", b"d", LINK)
            home.make_symlink(b"far", b"/../d/./e", LINK)
            home.make_symlink(b"loop", b"loop", LINK)
            home.make_node(b"p", stat.S_IFIFO, (0, 0), MODE)
            home.make_hard_link(b"h", b"l/f")
        yield made


def listing(home: Home) -> dict[bytes, tuple[int, bytes]]:
    """Every path: its type, and the content of a file or the target of a symlink."""
    listed, pending = {}, [b""]
    while pending:
        path = pending.pop()
        found = home.look(path)
        assert found is not None
        assert found.kind == home.kind(path)
        content = home.read(path, 1 << 20) if found.kind == stat.S_IFREG else found.target
        listed[path] = found.kind, content
        if found.kind == stat.S_IFDIR:
            pending += [join(path, name) for name in home.names(path)]
    return listed


def with_xattrs(**xattrs: bytes) -> Attributes:
    return Attributes(mode=0o644, xattrs={name.replace("__", ".").encode(): value for name, value in xattrs.items()})


def row(name: bytes, uid: int = 0) -> FileRow:
    return name, 0o640, uid, 0, 3, 5, 0, hashlib.sha256(b"abc").hexdigest()


TAKEN: dict[str, Callable[[Home], object]] = {
    "nothing more": lambda _: None,
    "what lies through links": lambda home: [home.make_file(b"far/../x", MODE, ()), home.make_directory(b"l/e", MODE)],
    "files of a directory": lambda home: [
        home.make_row(b"l/new", row(b"%d" % n, uid=n), [b"a", b"bc"]) for n in range(2)
    ],
    "a name for a symlink": lambda home: home.make_hard_link(b"n", b"loop"),
    "a file in place of a directory": lambda home: [home.remove(b"d"), home.make_file(b"d", MODE, [b"x"], size=1)],
    "a directory in place of a link": lambda home: [home.remove(b"l"), home.make_directory(b"l/x/y", MODE)],
    "one name less": lambda home: home.remove(b"h"),
    "attributes of the root": lambda home: home.make_directory(b"", MODE),
    "what is above the root": lambda home: home.make_file(b"d/../../../x", MODE, ()),
    "attributes of other machines": lambda home: home.make_file(b"x", with_xattrs(system__nfs4_acl=b"x"), ()),
    "user. on a symlink": lambda home: home.make_symlink(b"x", b"y", Attributes(None, xattrs={b"user.a": b"x"})),
    "an ACL of a directory": lambda home: home.make_directory(b"x", Attributes(0o755, xattrs={DEFAULT: NAMED})),
    "an ACL on a symlink": lambda home: home.make_symlink(b"x", b"y", Attributes(None, xattrs={ACCESS: NAMED})),
}


@pytest.mark.parametrize("action", TAKEN)
def test_what_is_taken_is_the_same_everywhere(homes: Homes, action: str) -> None:
    for home in homes:
        TAKEN[action](home)
    in_memory, in_an_image, on_disk = map(listing, homes)
    assert in_memory == on_disk
    assert in_an_image == on_disk


@pytest.mark.parametrize(
    ("most", "offset"), [(2, 0), (4, 1), (100, 3), (100, 8990), (100, 9100), (100, 1 << 63), (0, 0)]
)
@pytest.mark.parametrize(
    ("path", "whole"), [(b"l/f", b"content"), (b"sparse", b"be" + bytes(8998) + b"end" + bytes(2))]
)
def test_a_part_of_a_file_is_read(homes: Homes, path: bytes, whole: bytes, most: int, offset: int) -> None:
    for home in homes:
        assert home.read(path, most, offset) == whole[offset : offset + most]


def test_where_paths_lead_is_the_same_everywhere(homes: Homes) -> None:
    for home in homes:
        assert home.resolve(b"far/../f") == b"d/f"
        assert home.resolve(b"l") == b"l"
        assert home.follow(b"far/..") == b"d"
        assert home.resolve(b"l/new/x", create=True) == b"d/new/x"
        assert (home.look(b"gone"), home.kind(b"l/gone")) == (None, 0)


REFUSED: dict[str, Callable[[Home], object]] = {
    "a file where one is": lambda home: home.make_file(b"d/f", MODE, ()),
    "a row where a file is": lambda home: home.make_row(b"d", row(b"f"), [b"abc"]),
    "a row in a file": lambda home: home.make_row(b"d/f", row(b"x"), [b"abc"]),
    "a row of a name too long": lambda home: home.make_row(b"d", row(LONG), [b"abc"]),
    "a symlink where one is": lambda home: home.make_symlink(b"l", b"x", LINK),
    "a fifo where one is": lambda home: home.make_node(b"p", stat.S_IFIFO, (0, 0), MODE),
    "a directory where a file is": lambda home: home.make_directory(b"d/f", MODE),
    "a directory where a link is": lambda home: home.make_directory(b"l", MODE),
    "a file in a file": lambda home: home.make_file(b"d/f/x", MODE, ()),
    "a directory in a fifo": lambda home: home.make_directory(b"p/x", MODE),
    "the root as a file": lambda home: home.make_file(b"", MODE, ()),
    "the root as a symlink": lambda home: home.make_symlink(b"", b"x", LINK),
    "no root": lambda home: home.remove(b""),
    "a name for a directory": lambda home: home.make_hard_link(b"x", b"d"),
    "a name for the root": lambda home: home.make_hard_link(b"x", b""),
    "a name for nothing": lambda home: home.make_hard_link(b"x", b"gone"),
    "a name that is taken": lambda home: home.make_hard_link(b"p", b"d/f"),
    "a name too long": lambda home: home.make_file(LONG, MODE, ()),
    "a directory's name too long": lambda home: home.make_directory(LONG, MODE),
    "a name too long on the way": lambda home: home.make_file(LONG + b"/x", MODE, ()),
    "a path too long": lambda home: home.make_directory(b"/".join([b"n" * 200] * 30), MODE),
    "names of a file": lambda home: home.names(b"d/f"),
    "names of nothing": lambda home: home.names(b"gone"),
    "below nothing": lambda home: home.look(b"gone/x/y") or home.read(b"gone/x/y", 1),
    "links in a circle": lambda home: home.names(b"loop"),
    "the target of a file": lambda home: home.read_link(b"d/f"),
    "the target of a directory": lambda home: home.read_link(b"d"),
    "the content of a directory": lambda home: home.read(b"d", 1),
    "the content of a link": lambda home: home.read(b"l", 1),
    "the content of a fifo": lambda home: home.read(b"p", 1),
    "a symlink to nothing": lambda home: home.make_symlink(b"x", b"", LINK),
    "a symlink to too much": lambda home: home.make_symlink(b"x", b"t" * 4096, LINK),
    "a value too large": lambda home: home.make_file(b"x", with_xattrs(user__a=b"x" * 65537), ()),
    "an attribute without a name": lambda home: home.make_file(b"x", with_xattrs(user__=b"x"), ()),
    "an attribute's name too long": lambda home: home.make_file(b"x", with_xattrs(**{"user__" + "a" * 251: b"x"}), ()),
    "a capability that is none": lambda home: home.make_file(b"x", with_xattrs(security__capability=b"x"), ()),
    "an ACL that is none": lambda home: home.make_file(b"x", Attributes(0o644, xattrs={ACCESS: NAMED[:13]}), ()),
    "an ACL without a mask": lambda home: home.make_file(
        b"x", Attributes(0o644, xattrs={ACCESS: acl((USER, 7), (USER, 5, 99), (GROUP, 5), (OTHER, 0))}), ()
    ),
    "an ACL of more bits": lambda home: home.make_file(
        b"x", Attributes(0o644, xattrs={ACCESS: acl((USER, 15), (GROUP, 5), (OTHER, 0))}), ()
    ),
    "an ACL of no one": lambda home: home.make_file(
        b"x",
        Attributes(0o644, xattrs={ACCESS: acl((USER, 7), (USER, 5, (1 << 32) - 1), (GROUP, 5), (MASK, 7), (OTHER, 0))}),
        (),
    ),
    "a directory's ACL on a file": lambda home: home.make_file(b"x", Attributes(0o644, xattrs={DEFAULT: NAMED}), ()),
}


def refusal(home: Home, action: str) -> tuple[type[Exception], int | None]:
    try:
        REFUSED[action](home)
    except (OSError, PathError) as error:
        return type(error), getattr(error, "errno", None)
    pytest.fail(f"{type(home).__name__} takes {action}")


@pytest.mark.parametrize("action", REFUSED)
def test_what_the_kernel_refuses_is_refused_everywhere(homes: Homes, action: str) -> None:
    in_memory, in_an_image, on_disk = (refusal(home, action) for home in homes)
    assert in_memory == on_disk
    assert in_an_image == on_disk
    assert on_disk[1] != errno.ENOSYS
