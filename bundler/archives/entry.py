"""One entry of a tar archive, and what its 512-byte header says (POSIX ustar, with what v7, GNU and star do to it)."""

import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Final
from zlib import adler32

from bundler.archives.stream import Content, DamagedError, KnownDigest, RunningHash
from bundler.light_dataclasses import dataclass

# The types of POSIX's ustar, by the byte that stands for them.
REGULAR: Final = b"0"
HARD_LINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER_DEVICE: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"

# What the file system calls them (stat(2)), and back.
FILE_TYPES: Final = {
    REGULAR: stat.S_IFREG,
    SYMLINK: stat.S_IFLNK,
    CHARACTER_DEVICE: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    DIRECTORY: stat.S_IFDIR,
    FIFO: stat.S_IFIFO,
}
DEVICES: Final = frozenset({CHARACTER_DEVICE, BLOCK_DEVICE})
TAR_TYPES: Final = {number: kind for kind, number in FILE_TYPES.items()}
# The kernel knows these namespaces of extended attributes, besides that of ACLs, and no others (xattr(7)).
NAMESPACES: Final = (b"user.", b"trusted.", b"security.")
# Extended attributes that belong to the machine and not to a file: the label that its SELinux policy gives, the ACL of
# its NFS server.
OF_THE_MACHINE: Final = frozenset({b"security.selinux", b"system.nfs4_acl"})

# Header types that mean one of the above. NUL is v7's regular file, 7 a contiguous file, which POSIX lets a reader
# treat as regular; D is GNU's directory with a list of its names as content, S GNU's old sparse file.
KINDS: Final = {kind: kind for kind in (REGULAR, HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO)}
KINDS.update({b"\0": REGULAR, b"7": REGULAR, b"S": REGULAR, b"D": DIRECTORY})
# These are followed by no content, whatever their size field says (Go's reader reads them so, and with it Docker,
# containerd and umoci).
HEADER_ONLY: Final = frozenset({HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO})
# Entries that describe others. POSIX: x for the next one, g for all that follow; GNU: L and K, names over 100 bytes.
RECORDS: Final = b"x"
GLOBAL: Final = b"g"
LONG_NAME: Final = b"L"
LONG_LINK: Final = b"K"

# What tells the dialects apart: POSIX's magic, with any version (Go's own writer once wrote GNU's there); GNU's magic
# and version; what star has at the end of a header that otherwise looks like POSIX's. All others are v7.
_POSIX: Final = b"ustar\0"
_GNU: Final = b"ustar  \0"
_STAR: Final = b"tar\0"
# Major and minor number as nearly all writers have them where there is no device.
_NO_DEVICE: Final = frozenset({bytes(16), b"0000000\0" * 2, b"0000000 " * 2})
_LARGEST: Final = 1 << 63
# Mode, uid, gid, size, mtime and checksum as almost all writers have them: all digits there are, and one NUL or space.
# One match is three times as fast as parsing field by field, which is what a header of any other form gets.
_USUAL: Final = re.compile(
    rb"([0-7]{7})[\0 ]([0-7]{7})[\0 ]([0-7]{7})[\0 ]([0-7]{11})[\0 ]([0-7]{11})[\0 ]([0-7]{6})[\0 ][\0 ]"
)
_NUMBERS: Final = 100  # where they begin
_CHECKSUM: Final = slice(148, 156)
_HALF: Final = 256
_SUM: Final = 0xFFFF

V7_REGULAR: Final = b"\0"

Numbers = tuple[int, int, int, int, int]
"""Mode, uid, gid, size and mtime (seconds), as a header states them."""


@dataclass(slots=True)
class Entry:
    """What the archive says about one name, nothing of it checked beyond its form.

    `size` is the size of the file, `stored_size` the bytes of content in the archive, which begin `offset` bytes
    from its start; they only differ for sparse files, whose `sparse` lists where each stored piece belongs as
    (offset, length), in order and inside the file. Times are nanoseconds since the epoch. `device` is (major, minor).
    `digest` knows the sha256 of the content, if the reader of the content takes it.
    """

    name: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    stored_size: int
    offset: int
    mtime: int
    atime: int
    link_name: bytes
    device: tuple[int, int] = (0, 0)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    sparse: tuple[tuple[int, int], ...] | None = None
    digest: RunningHash | None = None


StoredEntry = tuple[Entry, Iterable[Content]]
"""An entry and what is stored for it, in pieces of which each is good until the next one is taken."""
FileRow = tuple[bytes, int, int, int, int, int, int, str]
"""Of a regular file: its name in the directory, mode, uid, gid, size, mtime, offset of its content, sha256 of it."""


@dataclass(slots=True)
class FileBatch:
    """Regular files of one directory that come one after another, with nothing about them that a row cannot say.

    Nearly all entries of a layer are such files. To say the directory once, and nothing that is as usual, halves the
    time that all steps after the reader of the archive take for them. `directory` is as in the names of the entries.
    """

    directory: bytes
    rows: list[FileRow]

    def entries(self) -> Iterator[Entry]:
        """The files, one by one."""
        for name, mode, uid, gid, size, mtime, offset, sha256 in self.rows:
            path = self.directory + b"/" + name if self.directory else name
            digest = KnownDigest(sha256)
            yield Entry(path, REGULAR, mode, uid, gid, size, size, offset, mtime, mtime, b"", digest=digest)


def parse_number(raw: bytes) -> int:
    """A numeric field: octal digits among spaces and NULs, or GNU's and star's base 256. Raises DamagedError."""
    digits = raw.strip(b" \0")
    if digits.isdigit():
        return _octal(digits)
    if not digits:
        return 0
    if raw[0] & 0x80:
        bits = 8 * len(raw) - 1
        number = int.from_bytes(raw, "big") & ((1 << bits) - 1)
        if raw[0] & 0x40:
            number -= 1 << bits
        if not -_LARGEST <= number < _LARGEST:
            raise DamagedError("a number in a header takes more than 64 bits")
        return number
    # Some writers leave remains of an older value behind the NUL.
    return _octal(digits.partition(b"\0")[0])


def _octal(digits: bytes) -> int:
    # int() alone would also take signs, underscores and prefixes.
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise DamagedError(f"{digits[:20]!r} in a header is not an octal number")
    return int(digits, 8)


def read_usual(block: bytes) -> Numbers | None:
    """The numbers of an intact header in the usual form; None for every other block."""
    usual = _USUAL.match(block, _NUMBERS)
    if usual is None:
        return None
    mode, uid, gid, size, mtime, stated = usual.groups()
    if int(stated, 8) != add_up(block):
        return None
    return int(mode, 8), int(uid, 8), int(gid, 8), int(size, 8), int(mtime, 8)


def add_up(block: bytes) -> int:
    """The sum of the header's bytes, its checksum counting as spaces.

    The low half of Adler-32 is a sum of bytes modulo 65521, which 256 bytes cannot reach. It takes a fifth of
    the time of sum(), which makes a number of each byte.
    """
    total = (adler32(block[:_HALF], 0) & _SUM) + (adler32(block[_HALF:], 0) & _SUM)
    return total - (adler32(block[_CHECKSUM], 0) & _SUM) + 8 * ord(" ")


def is_intact(block: bytes) -> bool:
    """Whether the header's checksum is right; some old writers added up signed bytes. It is octal in every dialect."""
    stated_in = block[_CHECKSUM]
    try:
        stated = -1 if stated_in[0] & 0x80 else parse_number(stated_in)
    except DamagedError:
        return False
    total = add_up(block)
    counted = block[:148] + b"        " + block[156:]
    return stated == total or stated == total - 256 * sum(byte >> 7 for byte in counted)


def parse_header(block: bytes, numbers: Numbers | None, offset: int) -> Entry:
    """The entry that an intact header describes; its content begins at `offset`. Raises DamagedError.

    `numbers` are what read_usual said of it. Every field is read that Go's reader reads, whether it is needed or not:
    a header that Docker refuses for one of them is refused here.
    """
    if numbers is None:
        fields = (block[100:108], block[108:116], block[116:124], block[124:136], block[136:148])
        mode, uid, gid, size, mtime = map(parse_number, fields)
    else:
        mode, uid, gid, size, mtime = numbers
    if not 0 <= size < _LARGEST:
        raise DamagedError("a header states an absurd size")
    kind = block[156:157]
    real_kind = KINDS.get(kind, kind)
    name = block[:100].partition(b"\0")[0]
    content = 0 if kind in HEADER_ONLY else size
    is_v7 = block[257:263] != _POSIX and block[257:265] != _GNU
    device = (0, 0) if is_v7 or block[329:345] in _NO_DEVICE else _device(block)
    prefix = _prefix(block) if (block[345] or block[508]) and not is_v7 else b""
    entry = Entry(
        prefix + b"/" + name if prefix else name,
        real_kind,
        mode & 0o7777,
        uid,
        gid,
        content if real_kind == REGULAR else 0,
        content,
        offset,
        mtime * 10**9,
        mtime * 10**9,
        block[157:257].partition(b"\0")[0] if block[157] else b"",
    )
    if real_kind in DEVICES:
        entry.device = device
    return entry


def is_gnu(block: bytes) -> bool:
    """Whether the header is in GNU's own dialect, the only one whose old sparse maps are read."""
    return block[257:265] == _GNU


def _device(block: bytes) -> tuple[int, int]:
    return parse_number(block[329:337]), parse_number(block[337:345])


def _prefix(block: bytes) -> bytes:
    """What stands before the name and a slash."""
    if is_gnu(block):
        return _former_prefix(block) if block[345] else b""
    if block[508:512] != _STAR:
        return block[345:500].partition(b"\0")[0]
    for at in (476, 488):  # two times, which a rootfs has no place for
        parse_number(block[at : at + 12])
    return block[345:476].partition(b"\0")[0]


def _former_prefix(block: bytes) -> bytes:
    """Before version 1.8, Go wrote a prefix where GNU has two times; its reader takes what cannot be times for one."""
    try:
        for at in (345, 357):
            if block[at]:
                parse_number(block[at : at + 12])
    except DamagedError:
        prefix = block[345:500].partition(b"\0")[0]
        return prefix if prefix.isascii() else b""
    return b""
