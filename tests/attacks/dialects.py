"""Archives that two readers read differently: what one checks, the other unpacks."""

from bundler.errors import ImageError
from tests.attacks.attack import Attacks, accepted, refused
from tests.support.tarballs import (
    END,
    Member,
    extension,
    file,
    header,
    octal,
    pax_header,
    symlink,
    with_checksum,
)

HIDDEN = bytes(file("hidden", b"dead"))
UNKNOWN = "unsupported type"
NO_GLOBALS = "it refuses global headers"


def flipped(block: bytes) -> bytes:
    return block[:10] + bytes([block[10] ^ 1]) + block[11:]


DIALECTS: Attacks = {
    "an entry in the content of a file": accepted(
        [file("f", HIDDEN), file("after", b"x")], on_disk=["after=x", f"f={len(HIDDEN)} bytes"]
    ),
    "a PAX size hides an entry": accepted(
        [pax_header({"size": str(len(HIDDEN))}) + header("f", size=0) + HIDDEN, file("after", b"x")],
        on_disk=["after=x", f"f={len(HIDDEN)} bytes"],
    ),
    "a PAX size shows an entry": accepted(
        [pax_header({"size": "0"}) + header("f", size=len(HIDDEN)) + HIDDEN], on_disk=["f=", "hidden=dead"]
    ),
    "a global size": accepted(
        [pax_header({"size": "512"}, b"g") + header("f") + HIDDEN],
        on_disk=["f=", "hidden=dead"],
        umoci=NO_GLOBALS,
    ),
    "a global owner": accepted(
        [pax_header({"uid": "1000"}, b"g"), file("shadow")],
        on_disk=["shadow="],
        attributes={"shadow": "0644 0:0 0"},
        umoci=NO_GLOBALS,
    ),
    "a global path": accepted(
        [pax_header({"path": "hidden"}, b"g"), file("f", b"x"), file("g", b"y")],
        on_disk=["f=x", "g=y"],
        umoci=NO_GLOBALS,
    ),
    "a global path of a file": refused(
        [file("etc/passwd"), pax_header({"path": "etc/passwd"}, b"g")], says="which Docker would remove"
    ),
    "a global path of a lower file": refused(
        [file("etc/passwd")], [pax_header({"path": "etc/passwd"}, b"g")], says="which Docker would remove"
    ),
    "a global whiteout": refused([file("f")], [extension(b"g", b"", ".wh.f")], says="which Docker would remove"),
    "a global header before its file": accepted(
        [pax_header({"path": "f"}, b"g"), file("f", b"x")], on_disk=["f=x"], umoci=NO_GLOBALS
    ),
    "a long name before a global header": accepted(
        [extension(b"L", b"long\0"), pax_header({}, b"g"), file("f", b"x")], on_disk=["f=x"], umoci=NO_GLOBALS
    ),
    "a global header called as the root": refused([pax_header({"path": "/"}, b"g")], says="which Docker would remove"),
    "a global header that climbs": refused([pax_header({"path": "../f"}, b"g")], says="leads out"),
    "a prefix in a header with GNU's version": accepted(
        [header("f", prefix=b"some/dir", magic=b"ustar\0 \0")], on_disk=["some/dir/f="]
    ),
    "a prefix where GNU has times": accepted(
        [header("f", prefix=b"some/dir", magic=b"ustar  \0")], on_disk=["some/dir/f="]
    ),
    "a prefix in a v7 header": accepted([header("f", prefix=b"some/dir", magic=b"")], on_disk=["f="]),
    "a v7 directory with content": refused(
        [header("d/", b"\0", size=512) + HIDDEN], says="a directory has content", error=ImageError
    ),
    "a volume label with content": refused([header("label", b"V", size=512) + HIDDEN], says=UNKNOWN, error=ImageError),
    "a PAX header for a volume label": refused(
        [pax_header({"path": "f"}) + header("label", b"V"), file("g")], says=UNKNOWN, error=ImageError
    ),
    "a sparse directory": refused(
        [
            pax_header({"GNU.sparse.size": "0", "GNU.sparse.numblocks": "0", "GNU.sparse.major": "0"})
            + pax_header({"GNU.sparse.size": "9", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,0"}),
            header("d", b"5"),
        ],
        says="called sparse",
        error=ImageError,
    ),
    "an empty long name": accepted([extension(b"L", b"\0") + header("f")], on_disk=["f="]),
    "a PAX size of a symlink": accepted(
        [symlink("l", "t", pax={"size": "1024"}), file("after", b"x")], on_disk=["after=x", "l -> t"]
    ),
    "a PAX size of a dump directory": accepted(
        [pax_header({"size": str(len(HIDDEN))}) + header("d", b"D", size=0) + HIDDEN, file("after", b"x")],
        on_disk=["after=x", "d/"],
        umoci="it does not know the type",
    ),
    "a size in a symlink's header": accepted(
        [header("l", b"2", size=1024, link_name=b"t"), file("after", b"x")], on_disk=["after=x", "l -> t"]
    ),
    "a size in a directory's header": accepted(
        [header("d", b"5", size=1024), file("after", b"x")], on_disk=["after=x", "d/"]
    ),
    "an entry behind one block of zeros": refused(
        [file("f", b"x"), bytes(512), HIDDEN], says="goes on after a block of zeros", error=ImageError
    ),
    "an entry behind the end": accepted([file("f", b"x"), END, HIDDEN], on_disk=["f=x"]),
    "rubbish behind the end": accepted([file("f", b"x"), END, b"\xff" * 700], on_disk=["f=x"]),
    "a v7 directory": accepted([header("d/", b"\0", magic=b""), file("d/f", b"x")], on_disk=["d/f=x"]),
    "a v7 directory by its long name": accepted(
        [extension(b"L", b"d/\0") + header("x", b"\0"), file("d/f", b"x")], on_disk=["d/f=x"]
    ),
    "a v7 directory by its PAX path": accepted(
        [pax_header({"path": "d/"}) + header("x", b"\0"), file("d/f", b"x")], on_disk=["d/f=x"]
    ),
    "a v7 file by its PAX path": accepted([pax_header({"path": "f"}) + header("x/", b"\0")], on_disk=["f="]),
    "the long name wins over the PAX path": accepted(
        [extension(b"L", b"long\0") + pax_header({"path": "pax"}) + header("h")], on_disk=["long="]
    ),
    "of two PAX headers the last": accepted(
        [pax_header({"path": "first", "mtime": "5"}) + pax_header({"path": "second"}) + header("h")],
        on_disk=["second="],
        attributes={"second": "0644 0:0 0"},
    ),
    "of two records of one key the last": accepted(
        [pax_header([("path", "first"), ("path", "second")]) + header("h")], on_disk=["second="]
    ),
    "of two long names the last": accepted(
        [extension(b"L", b"first\0") + extension(b"L", b"second\0") + header("h")], on_disk=["second="]
    ),
    "a PAX path without a value": accepted([pax_header({"path": ""}) + header("h")], on_disk=["h="]),
    "a record that lies about its length": refused(
        [extension(b"x", b"99 path=a\n") + header("h")], says="LENGTH KEY=VALUE", error=ImageError
    ),
    "a record of length 0": refused(
        [extension(b"x", b"0 path=a\n") + header("h")], says="LENGTH KEY=VALUE", error=ImageError
    ),
    "a record with a line break in its value": accepted(
        [pax_header({"comment": "a\n9 path=b\n"}) + header("h")], on_disk=["h="]
    ),
    "a PAX header at the end": refused(
        [file("f"), pax_header({"path": "g"})], says="ends after an extended header", error=ImageError
    ),
    "a long name at the end": refused(
        [file("f"), extension(b"L", b"g\0")], says="ends after an extended header", error=ImageError
    ),
    "a prefix in a GNU header": accepted([header("f", prefix=b"12345670123\0", magic=b"ustar  \0")], on_disk=["f="]),
    "a name of 100 bytes without a NUL": accepted([header("n" * 100, link_name=b"t" * 100)], on_disk=["n" * 100 + "="]),
    "a wrong checksum": refused([file("f"), flipped(header("g"))], says="right checksum", error=ImageError),
    "a checksum of zeros": refused(
        [header("f")[:148] + bytes(8) + header("f")[156:]], says="right checksum", error=ImageError
    ),
    "a negative size": refused([header("f", size=b"\xff" * 12)], says="absurd size", error=ImageError),
    "a size of 64 bits": refused([header("f", size=b"\x80\0\0\0\x80" + bytes(7))], says="64 bits", error=ImageError),
    "a size beyond the end": refused([header("f", size=1 << 40)], says="ends inside a file", error=ImageError),
    "a size that is no number": refused([header("f", size=b"0x10")], says="not an octal number", error=ImageError),
    "a size with a sign": refused([header("f", size=b"-10")], says="not an octal number", error=ImageError),
    "a huge PAX header": refused([header("x", b"x", size=1 << 30)], says="larger than", error=ImageError),
    "a huge long name": refused([header("x", b"L", size=octal(1 << 40, 12))], says="larger than", error=ImageError),
    "global headers without end": accepted(
        [pax_header({f"k{number}": "v" * 60_000}, b"g") for number in range(99)], on_disk=[], umoci=NO_GLOBALS
    ),
    "a multi-volume archive": refused([header("f", b"M")], says=UNKNOWN, error=ImageError),
    "an old long name": refused([header("f", b"N")], says=UNKNOWN, error=ImageError),
    "Solaris's own extension": refused([header("f", b"X")], says=UNKNOWN, error=ImageError),
    "a type of no dialect": refused([header("f", b"\x1b")], says=UNKNOWN, error=ImageError),
    "a volume label": accepted([header("label", b"V"), file("f", b"x")], on_disk=["f=x"], umoci="it refuses the type"),
    "a contiguous file": accepted(
        [Member(name="f", kind=b"7", content=b"x")], on_disk=["f=x"], umoci="it refuses the type"
    ),
    "a sparse map outside the file": refused(
        [pax_header({"GNU.sparse.size": "9", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "8,2"}), file("f", b"xx")],
        says="overlap or lie outside",
        error=ImageError,
    ),
    "a sparse map that overlaps": refused(
        [
            pax_header({"GNU.sparse.size": "9", "GNU.sparse.numblocks": "2", "GNU.sparse.map": "0,2,1,2"}),
            file("f", b"xxxx"),
        ],
        says="overlap or lie outside",
        error=ImageError,
    ),
    "a sparse map of more than is stored": refused(
        [pax_header({"GNU.sparse.size": "99", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,50"}), file("f", b"x")],
        says="does not match its content",
        error=ImageError,
    ),
    "a sparse map without a size": refused(
        [pax_header({"GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1"}), file("f", b"x")],
        says="does not say its size",
        error=ImageError,
    ),
    "a sparse file of 8 EiB": refused(
        [
            pax_header({"GNU.sparse.size": str((1 << 63) - 1), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1"}),
            file("f", b"x"),
        ],
        says="File too large",
    ),
    "an old sparse header with a size of its own": refused(
        [with_checksum(header("f", b"S", size=0)[:483] + octal(-5, 12) + bytes(17))], says="", error=ImageError
    ),
    "a cut header": refused([file("f"), b"x" * 300], says="", error=ImageError),
    "no archive at all": refused([b"<html>404</html>".ljust(2048)], says="right checksum", error=ImageError),
    "an archive of nothing": accepted([], on_disk=[]),
}
