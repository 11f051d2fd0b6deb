"""Entries as the bytes of a tar archive: ustar headers, and PAX records for what does not fit into them.

The bytes follow from the entry alone: records are sorted, names of users and groups are left out, and so are the times
of access and of change, which reading a file changes.
"""

from typing import Final
from zlib import adler32

from bundler.archives.entry import BLOCK_DEVICE, CHARACTER_DEVICE, REGULAR, Entry, add_up
from bundler.archives.pax import XATTR

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
# What seven and eleven octal digits can say.
_LARGEST_ID: Final = 8**7 - 1
_LARGEST_NUMBER: Final = 8**11 - 1
_WIDTHS: Final = (8, 8, 8, 12, 12)
_LONGEST_NAME: Final = 100
_NO_CHECKSUM: Final = b" " * 8
_SECOND: Final = 10**9
_EXTENDED: Final = b"x"
_GNU_NAME: Final = b"././@LongLink"
_EXTENSION_NAME: Final = b"@PaxHeader"
# Where a reader that knows nothing of GNU's sparse files puts them: not where the real file belongs.
_SPARSE_FOLDER: Final = b"GNUSparseFile.0/"
# What stands behind the checksum of a regular file, and what all but the first 148 bytes add to it.
_OF_A_FILE: Final = REGULAR + bytes(100) + b"ustar\00000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
_SUM_OF_A_FILE: Final = add_up(bytes(148) + _NO_CHECKSUM + _OF_A_FILE)
_SUM: Final = 0xFFFF

Records = dict[bytes, bytes]


class UnwritableError(ValueError):
    """Something that a tar archive cannot say. The message names it, and not the file."""


def encode_entry(entry: Entry, *, old: bool = False) -> bytes:
    """All that stands before the content of `entry`; the map of a sparse file is part of it. Raises UnwritableError.

    `entry.name` is written as it is: that of a directory should end in a slash. `stored_size` and `offset` are not
    looked at. With `old`, what readers that know no PAX records (busybox) cannot do without is said once more as GNU
    did before: long names in entries of their own, large numbers in base 256.
    """
    usual = _usual(entry)
    if usual is not None:
        return usual
    is_file = entry.kind == REGULAR
    records = _records(entry)
    if is_file and entry.sparse is not None:
        prefix, stored = _encode_map(entry.sparse, entry.size), sum(length for _, length in entry.sparse)
        name = _SPARSE_FOLDER + entry.name.rpartition(b"/")[2][: _LONGEST_NAME - len(_SPARSE_FOLDER)]
        records.pop(b"path", None)
        records |= {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": entry.name,
            b"GNU.sparse.realsize": b"%d" % entry.size,
        }
    else:
        prefix, stored, name = b"", entry.size if is_file else 0, entry.name[:_LONGEST_NAME]
    size = len(prefix) + stored
    if size > _LARGEST_NUMBER:
        records[b"size"] = b"%d" % size
    long = _long_names(entry) if old else b""
    return _extension(records) + long + _header(entry, name, size, old=old) + prefix


def _usual(entry: Entry) -> bytes | None:
    """The header of a regular file with nothing special about it, in a third of the time; None for all others."""
    seconds, fraction = divmod(entry.mtime, _SECOND)
    if (
        entry.kind != REGULAR
        or fraction
        or entry.xattrs
        or entry.sparse is not None
        or len(entry.name) > _LONGEST_NAME
        or entry.link_name
        or entry.uid > _LARGEST_ID
        or entry.gid > _LARGEST_ID
        or entry.size > _LARGEST_NUMBER
        or not 0 <= seconds <= _LARGEST_NUMBER
    ):
        return None
    numbers = (entry.mode, entry.uid, entry.gid, entry.size, seconds)
    before = entry.name.ljust(100, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    # As in add_up; these bytes are too few to reach the modulus.
    total = (adler32(before, 0) & _SUM) + _SUM_OF_A_FILE
    return before + b"%06o\0 " % total + _OF_A_FILE


def padding(size: int) -> bytes:
    """The zeros that follow content of `size` bytes."""
    return bytes(-size % BLOCK)


def _records(entry: Entry) -> Records:
    records: Records = {}
    if len(entry.name) > _LONGEST_NAME:
        records[b"path"] = entry.name
    if len(entry.link_name) > _LONGEST_NAME:
        records[b"linkpath"] = entry.link_name
    seconds, fraction = divmod(entry.mtime, _SECOND)
    if fraction or not 0 <= seconds <= _LARGEST_NUMBER:
        sign = b"-" if entry.mtime < 0 else b""
        records[b"mtime"] = b"%b%d.%09d" % (sign, *divmod(abs(entry.mtime), _SECOND))
    for key, number in ((b"uid", entry.uid), (b"gid", entry.gid)):
        if number > _LARGEST_ID:
            records[key] = b"%d" % number
    for name, value in entry.xattrs.items():
        # POSIX ends a key at the first `=`, and an empty value takes a record back.
        if b"=" in name or not value:
            raise UnwritableError(
                "an extended attribute " + ("has = in its name" if b"=" in name else "without a value")
            )
        records[XATTR + name] = value
    return records


def _extension(records: Records) -> bytes:
    if not records:
        return b""
    content = b"".join(_record(key, value) for key, value in sorted(records.items()))
    block = _block(_EXTENSION_NAME, _EXTENDED, (0o644, 0, 0, len(content), 0), b"", (0, 0))
    return block + content + padding(len(content))


def _long_names(entry: Entry) -> bytes:
    """GNU's entries for the names that have no room in a header."""
    texts = {kind: text for kind, text in ((b"K", entry.link_name), (b"L", entry.name)) if len(text) > _LONGEST_NAME}
    return b"".join(
        _block(_GNU_NAME, kind, (0, 0, 0, len(text) + 1, 0), b"", (0, 0)) + text + b"\0" + padding(len(text) + 1)
        for kind, text in texts.items()
    )


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE`; the length counts its own digits too."""
    rest = len(key) + len(value) + 3  # the space, the = and the newline
    length = rest + len(b"%d" % rest)
    length = rest + len(b"%d" % length)
    return b"%d %b=%b\n" % (length, key, value)


def _encode_map(pieces: tuple[tuple[int, int], ...], size: int) -> bytes:
    """The map of GNU's format 1.0. A piece of no bytes at the end tells how far a hole there reaches."""
    if not pieces or sum(pieces[-1]) < size:
        pieces = (*pieces, (size, 0))
    text = b"%d\n" % len(pieces) + b"".join(b"%d\n%d\n" % piece for piece in pieces)
    return text + padding(len(text))


def _header(entry: Entry, name: bytes, size: int, *, old: bool) -> bytes:
    # A number that takes more digits stands in a record, and here a zero.
    uid, gid = (number if number <= _LARGEST_ID else 0 for number in (entry.uid, entry.gid))
    seconds = entry.mtime // _SECOND
    numbers = (
        entry.mode,
        uid,
        gid,
        size if size <= _LARGEST_NUMBER else 0,
        seconds if 0 <= seconds <= _LARGEST_NUMBER else 0,
    )
    if old:
        numbers = (entry.mode, entry.uid, entry.gid, size, max(seconds, 0))
    device = entry.device if entry.kind in (CHARACTER_DEVICE, BLOCK_DEVICE) else (0, 0)
    return _block(name, entry.kind, numbers, entry.link_name[:_LONGEST_NAME], device)


def _in_base_256(number: int, width: int) -> bytes:
    """A field of `width` bytes as GNU writes numbers that do not fit: binary, and the first bit set."""
    return (number | 1 << 8 * width - 1).to_bytes(width, "big")


def _block(
    name: bytes, kind: bytes, numbers: tuple[int, int, int, int, int], link_name: bytes, device: tuple[int, int]
) -> bytes:
    """One header; `numbers` are mode, uid, gid, size and mtime in seconds."""
    _, uid, gid, size, seconds = numbers
    if uid > _LARGEST_ID or gid > _LARGEST_ID or size > _LARGEST_NUMBER or seconds > _LARGEST_NUMBER:
        fields = b"".join(map(_in_base_256, numbers, _WIDTHS))
    else:
        fields = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    before = name.ljust(100, b"\0") + fields
    after = kind + link_name.ljust(100, b"\0") + b"ustar\00000" + bytes(64) + b"%07o\0%07o\0" % device + bytes(167)
    return before + b"%06o\0 " % add_up(before + _NO_CHECKSUM + after) + after
