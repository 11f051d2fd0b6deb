"""Symlinks and hard links that lead out, in every order and over layers."""

from tests.attacks.attack import Attacks, accepted, contained, refused
from tests.support.tarballs import character_device, directory, fifo, file, hard_link, opaque, symlink, whiteout

UP = "../" * 12
TO_OUTSIDE = symlink("l", "{outside}")
LED = ["l -> {outside}"]
CANARY = ["{outside}/canary=x"]

SYMLINKS: Attacks = {
    "absolute, then through it": contained([TO_OUTSIDE, file("l/canary", b"x")], on_disk=CANARY + LED),
    "in a lower layer": contained([TO_OUTSIDE], [file("l/canary", b"x")], on_disk=CANARY + LED),
    "relative, then through it": contained(
        [symlink("l", "../outside"), file("l/canary", b"x")], on_disk=["l -> ../outside", "outside/canary=x"]
    ),
    "far up, then through it": contained(
        [symlink("l", UP + "etc"), file("l/canary", b"x")], on_disk=["etc/canary=x", f"l -> {UP}etc"]
    ),
    "to the directory above the root": contained(
        [symlink("l", ".."), symlink("l/m", "outside"), file("l/m/canary", b"x")],
        on_disk=["l -> ..", "m -> outside", "outside/canary=x"],
    ),
    "to its own directory's parent": contained(
        [symlink("a/l", ".."), file("a/l/f", b"x")], on_disk=["a/l -> ..", "f=x"]
    ),
    "to the root": contained([symlink("l", "/"), file("l/l/f", b"x")], on_disk=["f=x", "l -> /"]),
    "to the root of the machine": contained(
        [symlink("l", "/"), file("l{outside}/canary", b"x")], on_disk=["l -> /", "{outside}/canary=x"]
    ),
    "down and up": contained(
        [directory("d/e"), symlink("l", "d/e/.."), file("l/f", b"x")], on_disk=["d/e/", "d/f=x", "l -> d/e/.."]
    ),
    "a chain": contained(
        [symlink("a", "b/.."), symlink("b", "c"), symlink("c", "{outside}/sub")],
        [file("a/canary", b"x")],
        on_disk=["a -> b/..", "b -> c", "c -> {outside}/sub", "{outside}/canary=x", "{outside}/sub/"],
        umoci="it makes no directory that is left again",
    ),
    "a chain over four layers": contained(
        [symlink("a", "b")],
        [symlink("b", "c")],
        [symlink("c", "../{outside}")],
        [file("a/canary", b"x")],
        on_disk=["a -> b", "b -> c", "c -> ../{outside}", "{outside}/canary=x"],
    ),
    "dots after it, in a name": accepted([TO_OUTSIDE, file("l/../canary", b"x")], on_disk=["canary=x", *LED]),
    "dots after it, in a target": contained(
        [symlink("l", "{outside}/sub"), symlink("m", "l/.."), file("m/canary", b"x")],
        on_disk=["l -> {outside}/sub", "m -> l/..", "{outside}/canary=x", "{outside}/sub/"],
        umoci="it makes no directory that is left again",
    ),
    "written onto": contained([symlink("l", "{outside}/canary")], [file("l", b"x")], on_disk=["l=x"]),
    "written onto in one layer": contained([symlink("l", "{outside}/canary"), file("l", b"x")], on_disk=["l=x"]),
    "a directory onto it": contained(
        [TO_OUTSIDE, directory("l", 0o777, owner=(1, 1)), file("l/x", b"x")], on_disk=["l/x=x"]
    ),
    "in place of a directory": contained(
        [file("d/x")], [symlink("d", "{outside}"), file("d/canary", b"x")], on_disk=["d -> {outside}", *CANARY]
    ),
    "in place of an open directory": contained(
        [file("d/e/x"), symlink("d/e", "{outside}"), file("d/e/canary", b"x")], on_disk=["d/e -> {outside}", *CANARY]
    ),
    "known to lead inside, then replaced": contained(
        [directory("in"), symlink("l", "in"), file("l/x"), TO_OUTSIDE, file("l/canary", b"x")],
        on_disk=["in/x=", *LED, *CANARY],
    ),
    "its target replaced by a way out": contained(
        [directory("in"), symlink("l", "in"), file("l/x"), symlink("in", "{outside}"), file("l/canary", b"x")],
        on_disk=["in -> {outside}", "l -> in", *CANARY],
    ),
    "in place of a directory far above": contained(
        [file("a/b/c/x"), symlink("a", "{outside}"), file("a/canary", b"x"), file("a/b/c/x", b"y")],
        on_disk=["a -> {outside}", "{outside}/b/c/x=y", *CANARY],
    ),
    "implied directories through it": contained(
        [TO_OUTSIDE, file("l/new/x", b"x")], on_disk=[*LED, "{outside}/new/x=x"]
    ),
    "a device through it": contained(
        [TO_OUTSIDE, character_device("l/null", 1, 3)], on_disk=[*LED, "{outside}/null c 1:3"]
    ),
    "a fifo through it": contained([TO_OUTSIDE, fifo("l/fifo")], on_disk=[*LED, "{outside}/fifo|"]),
    "a symlink through it": contained([TO_OUTSIDE, symlink("l/s", "x")], on_disk=[*LED, "{outside}/s -> x"]),
    "a loop": refused([symlink("a", "b"), symlink("b", "a"), file("a/x")], says="too many symlinks"),
    "to itself": refused([symlink("a", "a/b"), file("a/x")], says="too many symlinks"),
    "forty-one in a row": refused(
        [*(symlink(f"l{number}", f"l{number + 1}") for number in range(41)), directory("l41"), file("l0/x")],
        says="too many symlinks",
    ),
    "forty in a row": accepted(
        [*(symlink(f"l{number}", f"l{number + 1}") for number in range(40)), directory("l40"), file("l0/x", b"x")],
        on_disk=["l40/x=x", *(f"l{number} -> l{number + 1}" for number in range(40))],
    ),
    "through proc": contained(
        [symlink("l", "/proc/self/cwd"), file("l/canary", b"x")],
        on_disk=["l -> /proc/self/cwd", "proc/self/cwd/canary=x"],
    ),
    "without a target": refused([symlink("a", "")], says="No such file or directory"),
    "with a target of 5000 bytes": refused([symlink("a", "t" * 5000)], says="File name too long"),
    "to a file, and through it": refused([file("f"), symlink("l", "f"), file("l/x")], says="not a directory"),
    "whiteout through it": contained([TO_OUTSIDE], [whiteout("l/canary"), whiteout("l/sub")], on_disk=LED),
    "whiteout of it": contained([TO_OUTSIDE], [whiteout("l")], on_disk=[]),
    "whiteout of a directory that holds it": contained([symlink("d/l", "{outside}")], [whiteout("d")], on_disk=[]),
    "opaque through it": contained([TO_OUTSIDE], [opaque("l")], on_disk=LED),
    "opaque through one to the directory above": contained([symlink("l", ".."), file("f")], [opaque("l")], on_disk=[]),
    "a file onto a directory that holds it": contained(
        [symlink("d/l", "{outside}")], [file("d", b"x")], on_disk=["d=x"]
    ),
}

HARD_LINKS: Attacks = {
    "climbs": refused([hard_link("h", "../outside/canary"), file("h", b"dead")], says="leads out"),
    "absolute": refused([hard_link("h", "{outside}/canary"), file("h", b"dead")], says="which does not exist"),
    "through a symlink": refused(
        [TO_OUTSIDE, hard_link("h", "l/canary"), file("h", b"dead")], says="which does not exist"
    ),
    "to a symlink, then written to": contained(
        [symlink("l", "{outside}/canary"), hard_link("h", "l")],
        [file("h", b"x")],
        on_disk=["h=x", "l -> {outside}/canary"],
    ),
    "to a symlink, with a mode": contained(
        [symlink("l", "{outside}/canary"), hard_link("h", "l", mode=0o777, owner=(1, 1))],
        on_disk=["h -> {outside}/canary", "l == h"],
    ),
    "into a directory outside": contained(
        [file("f", b"x"), TO_OUTSIDE, hard_link("l/canary", "f")], on_disk=["f=x", *LED, "{outside}/canary == f"]
    ),
    "to a file of a lower layer, then written to": accepted(
        [file("a", b"old")], [hard_link("b", "a")], [file("b", b"new")], on_disk=["a=old", "b=new"]
    ),
    "to a directory": refused([directory("d"), hard_link("h", "d")], says="cannot have two names"),
    "to the root": refused([hard_link("h", "/")], says="cannot have two names"),
    "from the root": refused([file("f"), hard_link("/", "f")], says="can only be a directory"),
    "to nothing": refused([hard_link("h", "")], says="cannot have two names"),
    "to itself": refused([file("a"), hard_link("a", "a")], says="which does not exist"),
    "to what comes later": refused([hard_link("a", "b"), file("b")], says="which does not exist"),
    "to what this layer hides": refused(
        [file("b")], [file("c", b"x"), whiteout("b"), hard_link("a", "b")], says="which does not exist"
    ),
    "to what is below it": refused([file("d/f"), hard_link("d", "d/f")], says="which does not exist"),
    "below a file": refused([file("f"), hard_link("f/h", "f")], says="not a directory"),
    "to a fifo, then written to": accepted([fifo("f"), hard_link("h", "f"), file("h", b"x")], on_disk=["f|", "h=x"]),
    "to a device": accepted([character_device("c", 1, 3), hard_link("h", "c")], on_disk=["c c 1:3", "h == c"]),
    "in place of a directory": accepted(
        [file("d/x"), file("f", b"x")], [hard_link("d", "f")], on_disk=["d=x", "f == d"]
    ),
    "whose target climbs inside the root": accepted(
        [file("f", b"x"), hard_link("h", "a/../f")], on_disk=["f=x", "h == f"]
    ),
    "with content": accepted([file("f", b"x"), hard_link("h", "f", content=b"")], on_disk=["f=x", "h == f"]),
}
