"""Whiteouts that hide what is not theirs, and entries that only look like whiteouts."""

from tests.attacks.attack import Attacks, accepted, contained, refused
from tests.support.tarballs import character_device, directory, fifo, file, hard_link, opaque, symlink, whiteout

NAMELESS = "does not name a file"
HOLDS = "a whiteout cannot hold files"
PAIR = [file("a", b"1"), file("d/b", b"2")]
KEPT = ["a=1", "d/b=2"]

WHITEOUTS: Attacks = {
    "above the root": refused(PAIR, [whiteout("../canary")], says="leads out"),
    "of the directory above": refused(PAIR, [file(".wh...")], says=NAMELESS),
    "of the directory above, deep": refused(PAIR, [file("d/.wh...")], says=NAMELESS),
    "of the directory itself": refused(PAIR, [file(".wh..")], says=NAMELESS),
    "of nothing": refused(PAIR, [file(".wh.")], says=NAMELESS),
    "of nothing, as a directory": refused(PAIR, [directory(".wh./")], says=NAMELESS),
    "of nothing, in the lowest layer": refused([file("d/.wh.")], says=NAMELESS),
    "opaque above the root": refused(PAIR, [file("../.wh..wh..opq")], says="leads out"),
    "that holds a file": refused(PAIR, [file(".wh.a/b")], says=HOLDS),
    "that holds a whiteout": refused(PAIR, [file(".wh.d/.wh.b")], says=HOLDS),
    "that holds an opaque one": refused(PAIR, [file(".wh.d/.wh..wh..opq")], says=HOLDS),
    "of a whiteout": accepted(PAIR, [file(".wh..wh.a")], on_disk=KEPT),
    "of what is not there": accepted(PAIR, [whiteout("missing")], on_disk=KEPT),
    "in a directory that is not there": accepted(PAIR, [whiteout("missing/a")], on_disk=KEPT),
    "below a file": accepted(PAIR, [whiteout("a/b")], on_disk=KEPT),
    "below a fifo": accepted([fifo("p")], [whiteout("p/x"), opaque("p")], on_disk=["p|"]),
    "opaque in a file": accepted(PAIR, [opaque("a")], on_disk=KEPT),
    "of all there is": accepted(PAIR, [whiteout("a"), whiteout("d")], on_disk=[]),
    "opaque root": accepted(PAIR, [opaque(".")], on_disk=[]),
    "opaque root after a new file": accepted(PAIR, [file("d/new", b"3"), opaque(".")], on_disk=["d/new=3"]),
    "with content and a mode": accepted(PAIR, [file(".wh.a", b"content", 0o4777)], on_disk=["d/b=2"]),
    "as a directory": accepted(PAIR, [directory(".wh.a")], on_disk=["d/b=2"]),
    "as a symlink": contained(PAIR, [symlink(".wh.a", "{outside}/canary")], on_disk=["d/b=2"]),
    "as a hard link out": contained(PAIR, [hard_link(".wh.a", "../outside/canary")], on_disk=["d/b=2"]),
    "as a device": accepted(PAIR, [character_device(".wh.a", 0, 0)], on_disk=["d/b=2"]),
    "as a directory, opaque": accepted(PAIR, [directory("d/.wh..wh..opq")], on_disk=["a=1", "d/"]),
    "of overlayfs, a device 0:0": accepted(PAIR, [character_device("a", 0, 0)], on_disk=["a c 0:0", "d/b=2"]),
    "aufs bookkeeping": accepted(
        PAIR,
        [directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs"), directory(".wh..wh.orph")],
        on_disk=KEPT,
        umoci="it takes them for whiteouts",
    ),
    "a hard link to aufs bookkeeping": refused(
        [file(".wh..wh.plnk/1.2", b"x"), hard_link("f", ".wh..wh.plnk/1.2")], says="which does not exist"
    ),
    "twice": accepted(PAIR, [whiteout("a"), whiteout("a")], on_disk=["d/b=2"]),
    "then the same name": accepted(PAIR, [whiteout("a"), file("a", b"new")], on_disk=["a=new", "d/b=2"]),
    "after the same name": accepted(PAIR, [file("a", b"new"), whiteout("a")], on_disk=["a=new", "d/b=2"]),
    "of a directory with a new file": accepted(PAIR, [file("d/new", b"3"), whiteout("d")], on_disk=["a=1", "d/new=3"]),
    "of a name in upper case": accepted(PAIR, [file(".WH.a", b"x")], on_disk=[".WH.a=x", *KEPT]),
    "in the middle of a name": accepted(PAIR, [file("x.wh.a", b"x")], on_disk=[*KEPT, "x.wh.a=x"]),
    "by way of down and up": accepted(PAIR, [file("d/../.wh.a")], on_disk=["d/b=2"]),
    "of a directory that the layer then uses": accepted(
        PAIR, [whiteout("d"), file("d/c", b"3")], on_disk=["a=1", "d/c=3"]
    ),
    "over three layers": accepted(PAIR, [whiteout("a")], [file("a", b"3")], [whiteout("a")], on_disk=["d/b=2"]),
    "of what only the next layer brings": accepted(
        [file("b", b"1")], [whiteout("a")], [file("a", b"2")], on_disk=["a=2", "b=1"]
    ),
    "through a symlink, of what its own layer has": accepted(
        [directory("d"), symlink("l", "d")], [file("d/x", b"x"), whiteout("l/x")], on_disk=["d/x=x", "l -> d"]
    ),
    "of a name of 255 bytes": accepted([file("n" * 255)], [whiteout("n" * 255)], on_disk=[]),
    "in the lowest layer": accepted([file("a", b"1"), whiteout("a"), opaque(".")], on_disk=["a=1"]),
}
