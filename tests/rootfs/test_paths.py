"""Names in layers, before the file system sees them."""

import contextlib
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.rootfs.paths import PathError, Whiteout, ancestors, clean, is_bookkeeping, join, parse_whiteout, split

NAMES = st.lists(st.sampled_from([b"a", b"b", b"..", b".", b"", b"...", b" ", b"\xff"])).map(b"/".join)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"etc/passwd", b"etc/passwd"),
        (b"./etc/passwd", b"etc/passwd"),
        (b"/etc/passwd", b"etc/passwd"),
        (b"//etc//passwd/", b"etc/passwd"),
        (b"a/./b/.", b"a/b"),
        (b"a/../b", b"b"),
        (b"a/b/../..", b""),
        (b"", b""),
        (b".", b""),
        (b"/", b""),
        (b"./", b""),
        (b"...", b"..."),
        (b"a/..b/c..", b"a/..b/c.."),
    ],
)
def test_a_name_stands_for_one_path(name: bytes, path: bytes) -> None:
    assert clean(name) == path


@pytest.mark.parametrize("name", [b"..", b"../x", b"/..", b"a/../..", b"./../x", b"a/../../a", b"/../etc/passwd"])
def test_a_name_that_climbs_above_the_root_is_refused(name: bytes) -> None:
    with pytest.raises(PathError, match="leads out"):
        clean(name)


@given(NAMES)
def test_a_path_is_what_posix_normalises_the_name_to(name: bytes) -> None:
    normal = posixpath.normpath(b"./" + name.lstrip(b"/"))
    if normal.split(b"/")[0] == b"..":
        with pytest.raises(PathError):
            clean(name)
    else:
        with contextlib.suppress(PathError):  # `a/../../b/..` leads out and comes back
            assert clean(name) == normal.removeprefix(b".").removeprefix(b"/") or normal.startswith(b"..")


@given(NAMES)
def test_no_path_has_a_component_that_leads_elsewhere(name: bytes) -> None:
    try:
        path = clean(name)
    except PathError:
        return
    assert path == b"" or not {b"", b".", b".."} & set(path.split(b"/"))


@pytest.mark.parametrize(
    ("path", "whiteout"),
    [
        (b".wh.a", Whiteout(b"", b"a")),
        (b"d/e/.wh.a.txt", Whiteout(b"d/e", b"a.txt")),
        (b"d/.wh....", Whiteout(b"d", b"...")),
        (b"d/.wh..wh..opq", Whiteout(b"d", None)),
        (b".wh..wh..opq", Whiteout(b"", None)),
        (b"d/a.wh.b", None),
        (b"d/.w", None),
        (b"", None),
    ],
)
def test_whiteouts_are_told_from_files(path: bytes, whiteout: Whiteout | None) -> None:
    assert parse_whiteout(path) == whiteout


@pytest.mark.parametrize("path", [b".wh.", b"d/.wh.", b"d/.wh..", b".wh...", b"d/.wh..."])
def test_a_whiteout_of_nothing_or_of_the_directory_above_is_refused(path: bytes) -> None:
    with pytest.raises(PathError, match="does not name a file"):
        parse_whiteout(path)


def test_nothing_lies_below_a_whiteout() -> None:
    with pytest.raises(PathError, match="cannot hold files"):
        parse_whiteout(b"d/.wh.a/b")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b".wh..wh.plnk", True),
        (b".wh..wh.plnk/12.34", True),
        (b"d/.wh..wh.aufs", True),
        (b".wh..wh..opq", False),
        (b".wh.a", False),
        (b"etc/passwd", False),
    ],
)
def test_files_of_aufs_are_known(path: bytes, expected: bool) -> None:
    assert is_bookkeeping(path) is expected


def test_split_and_join_are_each_others_inverse() -> None:
    assert (split(b"a/b/c"), join(b"a/b", b"c")) == ((b"a/b", b"c"), b"a/b/c")
    assert (split(b"a"), join(b"", b"a")) == ((b"", b"a"), b"a")


def test_the_directories_above_are_told_from_the_nearest_to_the_root() -> None:
    assert list(ancestors(b"a/b/c")) == [b"a/b", b"a", b""]
    assert list(ancestors(b"")) == []
