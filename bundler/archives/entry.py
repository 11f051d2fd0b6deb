"""One entry of a tar archive, and what its 512-byte header says (POSIX ustar, with what v7, GNU and star do to it)."""

from dataclasses import dataclass, field
from typing import Final

from bundler.archives.stream import DamagedError

# The types of POSIX's ustar, by the byte that stands for them.
REGULAR: Final = b"0"
HARD_LINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER_DEVICE: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"

# Header types that mean one of the above. NUL is v7's regular file, 7 a contiguous file, which POSIX lets a reader
# treat as regular; D is GNU's directory with a list of its names as content, S GNU's old sparse file.
KINDS: Final = {kind: kind for kind in (REGULAR, HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO)}
KINDS.update({b"\0": REGULAR, b"7": REGULAR, b"S": REGULAR, b"D": DIRECTORY})
# Only these are followed by content, whatever the size field of the others says (Go's reader reads them so, and
# with it Docker, containerd and umoci).
WITH_CONTENT: Final = frozenset({b"0", b"\0", b"7", b"S", b"D"})

_POSIX: Final = b"ustar\x0000"
_STAR: Final = b"tar\0"
_LARGEST: Final = 1 << 63


V7_REGULAR: Final = b"\0"


@dataclass(slots=True)
class Entry:
    """What the archive says about one name, nothing of it checked beyond its form.

    `size` is the size of the file, `stored_size` the bytes of content in the archive, which begin `offset` bytes
    from its start; they only differ for sparse files, whose `sparse` lists where each stored piece belongs as
    (offset, length), in order and inside the file. Times are nanoseconds since the epoch. `device` is (major, minor).
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
    return _octal(digits.partition(b"\0")[0].strip(b" "))


def _octal(digits: bytes) -> int:
    # int() alone would also take signs, underscores and prefixes.
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise DamagedError(f"{digits[:20]!r} in a header is not an octal number")
    return int(digits, 8)


def is_intact(block: bytes) -> bool:
    """Whether the header's checksum is right; some old writers added up signed bytes."""
    try:
        stated = parse_number(block[148:156])
    except DamagedError:
        return False
    counted = block[:148] + b"        " + block[156:]
    total = sum(counted)
    return stated == total or stated == total - 256 * sum(byte >> 7 for byte in counted)


def parse_header(block: bytes, offset: int) -> Entry:
    """The entry that a header of a known type describes; its content begins at `offset`. Raises DamagedError."""
    kind = block[156:157]
    size = parse_number(block[124:136])
    if not 0 <= size < _LARGEST:
        raise DamagedError("a header states an absurd size")
    mtime = parse_number(block[136:148]) * 10**9
    name = _prefix(block) + block[:100].partition(b"\0")[0]
    real_kind = KINDS[kind]
    content = size if kind in WITH_CONTENT else 0
    device = (0, 0)
    if real_kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
        device = (parse_number(block[329:337]), parse_number(block[337:345]))
    return Entry(
        name=name,
        kind=real_kind,
        mode=parse_number(block[100:108]) & 0o7777,
        uid=parse_number(block[108:116]),
        gid=parse_number(block[116:124]),
        size=content if real_kind == REGULAR else 0,
        stored_size=content,
        offset=offset,
        mtime=mtime,
        atime=mtime,
        link_name=block[157:257].partition(b"\0")[0],
        device=device,
    )


def _prefix(block: bytes) -> bytes:
    """What stands before the name. GNU and v7 have other things there; star has two times at its end."""
    if block[345:346] == b"\0" or block[257:265] != _POSIX:
        return b""
    end = 476 if block[508:512] == _STAR else 500
    return block[345:end].partition(b"\0")[0] + b"/"
