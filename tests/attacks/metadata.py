"""Owners, modes, times and extended attributes that do harm, or that no kernel takes."""

from bundler.errors import ImageError
from tests.attacks.attack import Attacks, accepted, contained, refused
from tests.support.tarballs import directory, file, hard_link, header, octal, opaque, pax_header, symlink

S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
NO_OWNER = "does not exist on Linux"

METADATA: Attacks = {
    "a negative owner": refused([file("f", owner=(-1, 0))], says=NO_OWNER),
    "a negative group": refused([file("f", owner=(0, -5))], says=NO_OWNER),
    # chown(2) takes -1 for "leave it": the file would stay root's.
    "the owner that chown leaves alone": refused([file("f", owner=((1 << 32) - 1, 0))], says=NO_OWNER),
    "an owner of 33 bits": refused([file("f", pax={"uid": str(1 << 32)})], says=NO_OWNER),
    "the largest owner": accepted(
        [file("f", owner=((1 << 32) - 2, (1 << 32) - 2))],
        on_disk=["f="],
        attributes={"f": f"0644 {(1 << 32) - 2}:{(1 << 32) - 2} 0"},
    ),
    "a PAX owner that is no number": refused([file("f", pax={"uid": "root"})], says="not a number", error=ImageError),
    "setuid of another owner": accepted(
        [file("f", mode=0o6755, owner=(33, 44))], on_disk=["f="], attributes={"f": "6755 33:44 0"}
    ),
    "setuid is gone with its owner": accepted(
        [file("f", mode=0o4755)], [file("f", mode=0o755, owner=(5, 5))], on_disk=["f="], attributes={"f": "0755 5:5 0"}
    ),
    "setuid through a hard link": accepted(
        [file("f", b"x"), hard_link("h", "f", mode=0o4755, owner=(0, 0))],
        on_disk=["f=x", "h == f"],
        attributes={"f": "0644 0:0 0"},
    ),
    "a mode of more than twelve bits": accepted(
        [header("f", mode=octal(0o100755, 8))], on_disk=["f="], attributes={"f": "0755 0:0 0"}
    ),
    "a mode that is no number": refused(
        [header("f", mode=b"rwxr-xr")], says="is not an octal number", error=ImageError
    ),
    "a directory that nobody may enter": accepted(
        [directory("d", 0), file("d/f", b"x")], on_disk=["d/f=x"], attributes={"d": "0000 0:0 0"}
    ),
    "the mode of the root": accepted(
        [directory(".", 0o777, owner=(9, 9), mtime=S)], on_disk=[], attributes={".": f"0777 9:9 {S}"}
    ),
    "a mode through a symlink": contained(
        [symlink("l", "{outside}/canary", pax={"mode": "0777"})], on_disk=["l -> {outside}/canary"]
    ),
    "times through a symlink": contained(
        [symlink("l", "{outside}/canary", mtime=S)],
        on_disk=["l -> {outside}/canary"],
        attributes={"l": f"0777 0:0 {S}"},
    ),
    "an owner through a symlink": contained(
        [symlink("l", "{outside}/canary", owner=(7, 7))],
        on_disk=["l -> {outside}/canary"],
        attributes={"l": "0777 7:7 0"},
    ),
    "xattrs through a symlink": contained(
        [symlink("l", "{outside}/canary", xattrs={"user.x": b"dead", "trusted.x": b"x"})],
        on_disk=["l -> {outside}/canary"],
        attributes={"l": "0777 0:0 0 trusted.x"},
        umoci="it fails at user.* of a symlink",
    ),
    "a time before 1901": accepted([file("f", mtime=-(1 << 35) * S)], on_disk=["f="], umoci="the kernel clamps it"),
    "the largest time of a header": accepted(
        [header("f", mtime=b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7)],
        on_disk=["f="],
        umoci="it is clamped differently",
    ),
    "the smallest time of a header": accepted(
        [header("f", mtime=b"\xff" * 4 + b"\x80" + bytes(7))], on_disk=["f="], umoci="it is clamped differently"
    ),
    "a time of 65 bits": refused([header("f", mtime=b"\x80\0\x01" + bytes(9))], says="64 bits", error=ImageError),
    "the largest time of a record": accepted(
        [file("f", pax={"mtime": str((1 << 63) - 1)})], on_disk=["f="], umoci="it is clamped differently"
    ),
    "a time of 64 bits in a record": refused(
        [file("f", pax={"mtime": str(1 << 63)})], says="not a number", error=ImageError
    ),
    "a time that is none": refused([file("f", pax={"mtime": "nan"})], says="not a", error=ImageError),
    "an xattr without a namespace": accepted(
        [file("f", xattrs={"plain": b"1"})], on_disk=["f="], attributes={"f": "0644 0:0 0"}
    ),
    "an xattr without a name": refused([pax_header({"SCHILY.xattr.": "v"}), file("f")], says="out of range"),
    "an xattr with a long name": refused([file("f", xattrs={"user." + "n" * 300: b"v"})], says="out of range"),
    "an xattr of more than 64 KiB": refused([file("f", xattrs={"user.x": b"v" * 65537})], says="too long"),
    "an xattr with a NUL in its name": refused(
        [file("f", xattrs={"user.a\0b": b"v"})], says="LENGTH KEY=VALUE", error=ImageError
    ),
    "the machine's SELinux label": accepted(
        [file("f", xattrs={"security.selinux": b"u:r:t:s0\0"})], on_disk=["f="], attributes={"f": "0644 0:0 0"}
    ),
    # Documentation/filesystems/overlayfs.rst: with these, an untrusted lower layer decides what others are read as.
    "overlayfs's bookkeeping": accepted(
        [
            directory("d", xattrs={"trusted.overlay.opaque": b"y", "trusted.overlay.redirect": b"/etc"}),
            file("f", xattrs={"trusted.overlay.metacopy": b"", "user.overlay.redirect": b"/etc/shadow"}),
        ],
        on_disk=["d/", "f="],
        attributes={"d": "0755 0:0 0", "f": "0644 0:0 0"},
        umoci="it keeps them",
    ),
    "a capability that is none": refused([file("f", xattrs={"security.capability": b"\1"})], says="Invalid argument"),
    "a capability on a setuid file": accepted(
        [file("f", mode=0o4755, owner=(3, 3), xattrs=CAPABLE)],
        on_disk=["f="],
        attributes={"f": "4755 3:3 0 security.capability"},
    ),
    "a capability is gone with its file": accepted(
        [file("f", xattrs=CAPABLE)], [file("f", b"x")], on_disk=["f=x"], attributes={"f": "0644 0:0 0"}
    ),
    "a capability through a hard link": accepted(
        [file("f", b"x"), hard_link("h", "f", xattrs=CAPABLE)],
        on_disk=["f=x", "h == f"],
        attributes={"f": "0644 0:0 0"},
    ),
    "a directory's attributes in an opaque layer": accepted(
        [directory("d", 0o700, owner=(1, 1)), file("d/old")],
        [directory("d", 0o755, owner=(2, 2)), opaque("d"), file("d/new", b"x")],
        on_disk=["d/new=x"],
        attributes={"d": "0755 2:2 0"},
    ),
}
