"""Every type in place of every other, in one layer and over two: nothing is written into what was there."""

from collections.abc import Iterator

from tests.attacks.attack import Attack, Attacks, accepted, refused
from tests.support.tarballs import (
    Member,
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)

# What `x` is before, and what is on disk of it after a directory `x` with a file `new` was put there.
BEFORE: dict[str, list[Member]] = {
    "nothing": [],
    "a directory with a file": [directory("x", 0o700), file("x/old", b"old")],
    "a file": [file("x", b"old")],
    "a symlink out": [symlink("x", "{outside}")],
    "a symlink to a file out": [symlink("x", "{outside}/canary")],
    "a symlink to a directory": [directory("t"), symlink("x", "t")],
    "a hard link": [hard_link("x", "other")],
    "a fifo": [fifo("x")],
    "a device": [character_device("x", 1, 3)],
}
AFTER: dict[str, tuple[list[Member], list[str]]] = {
    "a directory": ([directory("x"), file("x/new", b"new")], ["x/new=new"]),
    "a file": ([file("x", b"new")], ["x=new"]),
    "a symlink out": ([symlink("x", "{outside}")], ["x -> {outside}"]),
    "a hard link": ([hard_link("x", "other")], ["x == other"]),
    "a fifo": ([fifo("x")], ["x|"]),
    "a device": ([block_device("x", 8, 0)], ["x b 8:0"]),
}
OTHER = file("other", b"other")


def replacements() -> Iterator[tuple[str, Attack]]:
    for old, before in BEFORE.items():
        for new, (after, on_disk) in AFTER.items():
            beside = ["other=other", *(["t/"] if "to a directory" in old else [])]
            stays = ["x/old=old"] if "directory with" in old and new == "a directory" else []
            left = sorted([*beside, *stays, *on_disk])
            yield f"{new} in place of {old}", accepted([OTHER, *before, *after], on_disk=left)
            yield f"{new} in place of {old} of a lower layer", accepted([OTHER, *before], after, on_disk=left)


TYPES: Attacks = {
    **dict(replacements()),
    "a file below a file": refused([file("f"), file("f/x")], says="/f: it is not a directory"),
    "a file below a fifo": refused([fifo("f"), file("f/x")], says="/f: it is not a directory"),
    "a file below a device": refused([character_device("f", 1, 3)], [file("f/x")], says="/f: it is not a directory"),
    "a file below a hard link": refused([OTHER, hard_link("f", "other"), file("f/x")], says="it is not a directory"),
    "a directory that comes after its file": accepted([file("d/f", b"x"), directory("d", 0)], on_disk=["d/f=x"]),
    "back and forth": accepted(
        [file("x"), directory("x"), file("x/a"), symlink("x", "y"), directory("x"), file("x/b", b"b")],
        on_disk=["x/b=b"],
    ),
    "a device out of range": refused([character_device("c", 1 << 12, 0)], says="do not exist on Linux"),
    "a minor number out of range": refused([block_device("c", 1, 1 << 20)], says="do not exist on Linux"),
    "a negative device": refused([block_device("b", -1, 0)], says="do not exist on Linux"),
    "the largest device": accepted([block_device("b", (1 << 12) - 1, (1 << 20) - 1)], on_disk=["b b 4095:1048575"]),
}
