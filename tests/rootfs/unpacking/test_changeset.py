"""What a layer may do to those below it, whatever keeps the tree: here in memory, where any user can try it."""

import os
import stat

import pytest

from bundler.archives.entry import GLOBAL
from bundler.errors import LayerError
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.paths import join
from bundler.rootfs.unpacking.unpack_partially import unpack_partially
from tests.support.layers import layer
from tests.support.tarballs import Member, directory, extension, file, hard_link, opaque, pax_record, symlink, whiteout

Layer = list[Member | bytes]
LOWER: Layer = [directory("d/e"), file("d/e/f", b"1"), file("d/g", b"2"), symlink("l", "d"), file("passwd", b"3")]


def paths(outline: Outline) -> list[str]:
    """All that is no directory, and what empty directories there are."""
    found, pending = [], [b""]
    while pending:
        path = pending.pop()
        names = outline.names(path) if outline.kind(path) == stat.S_IFDIR else []
        pending += [join(path, name) for name in names]
        if not names:
            found.append(os.fsdecode(path))
    return sorted(found)


def unpacked(*upper: Layer) -> list[str]:
    return paths(unpack_partially([layer(*LOWER), *(layer(*members) for members in upper)], {b"passwd"}))


HIDDEN: dict[str, tuple[list[Layer], list[str]]] = {
    "a file": ([[whiteout("d/g")]], ["d/e/f", "l", "passwd"]),
    "a directory": ([[whiteout("d")]], ["l", "passwd"]),
    "what is not there": (
        [[whiteout("gone"), whiteout("no/such/x"), whiteout("passwd/x")]],
        ["d/e/f", "d/g", "l", "passwd"],
    ),
    "through a link": ([[whiteout("l/g")]], ["d/e/f", "l", "passwd"]),
    "all in a directory": ([[opaque("d")]], ["d", "l", "passwd"]),
    "but not what the layer has itself": ([[file("d/n"), opaque("d"), file("d/m")]], ["d/m", "d/n", "l", "passwd"]),
    "but not a name of the layer's own": ([[file("d/g"), whiteout("d/g")]], ["d/e/f", "d/g", "l", "passwd"]),
    "nor below one": ([[file("d/e/n"), opaque("d")]], ["d/e/n", "l", "passwd"]),
    "a directory of the layer's own": (
        [[whiteout("d"), directory("d"), file("d/n"), opaque("d")]],
        ["d/n", "l", "passwd"],
    ),
    "twice": ([[opaque("d"), opaque("d/e"), opaque("d")]], ["d", "l", "passwd"]),
    "in the lowest layer": ([], ["d/e/f", "d/g", "l", "passwd"]),
    "layer after layer": ([[whiteout("d/g")], [file("d/g")], [whiteout("d/e")]], ["d/g", "l", "passwd"]),
    "what aufs kept for itself": ([[file(".wh..wh.plnk/x"), file("d/.wh..wh.aufs")]], ["d/e/f", "d/g", "l", "passwd"]),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_whiteouts_hide_what_lies_below(case: str) -> None:
    upper, left = HIDDEN[case]
    assert unpacked(*upper) == left


def test_what_a_layer_brings_replaces_what_is_there() -> None:
    upper: Layer = [file("d", b"x"), directory("passwd"), symlink("new", "x"), hard_link("l", "new")]
    assert unpacked(upper) == ["d", "l", "new", "passwd"]
    outline = unpack_partially([layer(*LOWER), layer(file("passwd", b"new"))], {b"passwd"})
    assert outline.read(b"passwd", 10) == b"new"


def global_header(name: str) -> bytes:
    return extension(GLOBAL, pax_record("comment", "x"), name)


REFUSED: dict[str, tuple[Layer, str]] = {
    "an owner that is none": ([file("x", owner=((1 << 32) - 1, 0))], "x: owner 4294967295:0 does not exist"),
    "one among many": ([file("d/a"), file("d/b"), file("d/c", owner=(0, 1 << 40))], "d/c: owner"),
    "a file in a file": ([file("passwd/x")], "passwd/x: .*not a directory"),
    "a name that is too long": ([file("n" * 300)], "too long"),
    "a whiteout of nothing": ([file("d/.wh.")], "whiteout"),
    "a global header of a file's name": ([global_header("d/g")], "d/g: a global PAX header has the name of a file"),
    "a way out": ([file("../x")], "leads out"),
    "a way out for a link": ([hard_link("x", "../../y")], "leads out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_layer_may_not_do_is_refused_with_its_name(case: str) -> None:
    members, says = REFUSED[case]
    with pytest.raises(LayerError, match=f"^layer .*{says}"):
        unpacked(members)


def test_a_global_header_makes_no_file_but_may_not_have_the_name_of_one() -> None:
    """Docker and containerd make none, but remove what has its name."""
    assert unpacked([global_header("x"), file("n")]) == ["d/e/f", "d/g", "l", "n", "passwd"]
