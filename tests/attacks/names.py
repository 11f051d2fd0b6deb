"""Names of entries that lead out, or that two readers would take for two different names."""

from bundler.errors import ImageError
from tests.attacks.attack import Attacks, accepted, contained, refused
from tests.support.tarballs import directory, extension, file, header, pax_header, symlink

CLIMBS = "leads out of the root filesystem"
ROOT = "can only be a directory"

NAMES: Attacks = {
    "climbs": refused([file("../outside/canary", b"dead")], says=CLIMBS),
    "climbs late": refused([file("a/b/../../../outside/canary", b"dead")], says=CLIMBS),
    "climbs after the root": refused([file("/../outside/canary", b"dead")], says=CLIMBS),
    "climbs with empty parts": refused([file("a//..//../outside/canary", b"dead")], says=CLIMBS),
    "climbs as a directory": refused([directory("../outside", 0o777)], says=CLIMBS),
    "climbs as a symlink": refused([symlink("../outside/l", "x")], says=CLIMBS),
    "climbs in a later layer": refused([file("a")], [file("../outside/canary", b"dead")], says=CLIMBS),
    "only dots": refused([file("..")], says=CLIMBS),
    "dots and a slash": refused([directory("../")], says=CLIMBS),
    "PAX path climbs": refused([pax_header({"path": "../outside/canary"}), file("x", b"dead")], says=CLIMBS),
    "global PAX path climbs": refused([pax_header({"path": "../outside/x"}, b"g"), file("x", b"dead")], says=CLIMBS),
    "GNU long name climbs": refused([extension(b"L", b"../outside/canary\0"), file("x", b"dead")], says=CLIMBS),
    "ustar prefix climbs": refused([header("outside/canary", prefix=b"..")], says=CLIMBS),
    "name of a sparse file climbs": refused(
        [
            pax_header(
                {
                    "GNU.sparse.size": "1",
                    "GNU.sparse.numblocks": "1",
                    "GNU.sparse.map": "0,1",
                    "GNU.sparse.name": "../outside/canary",
                }
            ),
            file("x", b"d"),
        ],
        says=CLIMBS,
    ),
    "the PAX path wins over an innocent header": refused(
        [file("innocent", b"dead", pax={"path": "../outside/canary"})], says=CLIMBS
    ),
    "an innocent PAX path wins over the header": accepted(
        [file("../outside/canary", b"x", pax={"path": "inside"})], on_disk=["inside=x"]
    ),
    "absolute": contained([file("{outside}/canary", b"x")], on_disk=["{outside}/canary=x"]),
    "absolute after empty parts": contained([file("//.//etc/x", b"x")], on_disk=["etc/x=x"]),
    "dots on the way": accepted([file("./a/./b//c", b"x")], on_disk=["a/b/c=x"]),
    "down and up again": accepted([file("a/../b", b"x")], on_disk=["b=x"]),
    "a file with a slash at its end": accepted([file("f/", b"x")], on_disk=["f=x"]),
    "no name, a file": refused([header("")], says=ROOT),
    "no name, a directory": accepted([header("", b"5"), file("f")], on_disk=["f="]),
    "the root as a file": refused([file("/", b"x")], says=ROOT),
    "the root as a symlink": refused([symlink(".", "{outside}")], says=ROOT),
    "the root as a symlink, by way of down and up": refused([symlink("a/..", "{outside}")], says=ROOT),
    "a NUL ends the name in a header": accepted([header(b"a\0/../../outside/canary")], on_disk=["a="]),
    "a NUL ends a GNU long name": accepted([extension(b"L", b"a\0/../../x"), header("y")], on_disk=["a="]),
    "a NUL in a PAX path": refused([file("n", pax={"path": "a\0/b"})], says="holds a NUL", error=ImageError),
    "backslashes are no slashes": accepted([file("..\\outside\\canary", b"x")], on_disk=["..\\outside\\canary=x"]),
    "a line break and an escape": accepted([file("a\n\x1b[2J", b"x")], on_disk=["a\n\x1b[2J=x"]),
    "bytes that are no text": accepted([file(b"\xff\xfe", b"x")], on_disk=["\xff\xfe=x"]),
    "three dots": accepted([file(".../..a/ /x", b"x")], on_disk=[".../..a/ /x=x"]),
    "composed and decomposed": accepted(
        [file(b"\xc3\xa9", b"1"), file(b"e\xcc\x81", b"2")], on_disk=["e\xcc\x81=2", "\xc3\xa9=1"]
    ),
    "upper and lower case": accepted([file("A", b"1"), file("a", b"2")], on_disk=["A=1", "a=2"]),
    "a name of 255 bytes": accepted([file("n" * 255, b"x")], on_disk=["n" * 255 + "=x"]),
    "a name of 256 bytes": refused([file("n" * 256)], says="File name too long"),
    "a name of 256 bytes on the way": refused([file("n" * 256 + "/f")], says="File name too long"),
    "a path of more than 4095 bytes": refused([file("/".join(["n" * 250] * 17))], says="the path is too long"),
    "a path that a symlink makes too long": refused(
        [
            directory("/".join(["n" * 250] * 15)),
            symlink("l", "/".join(["n" * 250] * 15)),
            file("l/" + "n/" * 200 + "f"),
        ],
        says="the path is too long",
    ),
    "proc of the machine": contained([file("proc/self/root/etc/x", b"x")], on_disk=["proc/self/root/etc/x=x"]),
    "open files of the machine": contained([file("dev/fd/0", b"x")], on_disk=["dev/fd/0=x"]),
    "names of the bundle": accepted(
        [file("config.json", b"1"), file("rootfs/x", b"2")], on_disk=["config.json=1", "rootfs/x=2"]
    ),
}
