"""PAX records: what an extended header says about the next entry (POSIX pax, "pax Extended Header")."""

from collections.abc import Callable
from typing import Final

from bundler.archives.entry import Entry
from bundler.archives.stream import DamagedError

XATTR: Final = b"SCHILY.xattr."
_LARGEST: Final = 1 << 63
# The longest number of 63 bits has 19 digits; int() of a million digits would take minutes.
_MOST_DIGITS: Final = 19
_MOST_LENGTH_DIGITS: Final = 7
_SPARSE_PAIR: Final = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
_NAMES: Final = frozenset({b"path", b"linkpath", b"uname", b"gname"})


def parse_records(content: bytes) -> dict[bytes, bytes]:
    """`LENGTH KEY=VALUE` lines as key and value; of a repeated key the last counts. Raises DamagedError.

    GNU's sparse format 0.0 repeats two keys for each piece; they become one `GNU.sparse.map`, as in its format 0.1.
    """
    records: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + _MOST_LENGTH_DIGITS + 1)
        digits = content[at:space]
        if space < 0 or not digits.isdigit():
            raise DamagedError("a PAX record does not begin with its length")
        end = at + int(digits)
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not key or not equals or content[end - 1 : end] != b"\n" or b"\0" in key:
            raise DamagedError("a PAX record is not of the form LENGTH KEY=VALUE")
        # The kernel would end a name at the NUL, a check before it would not.
        if key in _NAMES and b"\0" in value:
            raise DamagedError("a name in a PAX record holds a NUL")
        if key in _SPARSE_PAIR:
            if key != _SPARSE_PAIR[len(pieces) % 2] or b"," in value:
                raise DamagedError("the PAX records of a sparse file are out of order")
            pieces.append(value)
        else:
            records[key] = value
        at = end
    if pieces:
        records[b"GNU.sparse.map"] = b",".join(pieces)
    return records


def parse_decimal(value: bytes) -> int:
    """A number of at most 63 bits, digits only, as many zeros before it as the writer likes. Raises DamagedError."""
    digits = value.lstrip(b"0")
    if not value.isdigit() or len(digits) > _MOST_DIGITS or (number := int(digits or b"0")) >= _LARGEST:
        raise DamagedError(f"{value[:30]!r} in a PAX record is not a number")
    return number


def parse_time(value: bytes) -> int:
    """Seconds with any number of decimals, as exact nanoseconds (a float would be off by up to 200 of them)."""
    seconds, _, fraction = value.removeprefix(b"-").partition(b".")
    if fraction and not fraction.isdigit():
        raise DamagedError(f"{value[:30]!r} in a PAX record is not a time")
    nanoseconds = parse_decimal(seconds) * 10**9 + int(fraction[:9].ljust(9, b"0"))
    return -nanoseconds if value.startswith(b"-") else nanoseconds


def parse_name(value: bytes) -> bytes:
    """A name without a NUL. Raises DamagedError."""
    if b"\0" in value:
        raise DamagedError("a name in a PAX record holds a NUL")
    return value


# Records that replace a field, which names it. Others (uname, comment, ctime ...) say nothing a rootfs can hold.
_FIELDS: Final[dict[bytes, tuple[str, Callable[[bytes], int | bytes]]]] = {
    b"path": ("name", bytes),
    b"linkpath": ("link_name", bytes),
    b"uid": ("uid", parse_decimal),
    b"gid": ("gid", parse_decimal),
}


def apply_records(entry: Entry, records: dict[bytes, bytes]) -> None:
    """Let `records` replace what the header said, but for the size of the content. Raises DamagedError.

    Of a record without a value Go's reader keeps what the header says.
    """
    for key, value in records.items():
        if not value:
            continue
        if key in _FIELDS:
            field, parse = _FIELDS[key]
            setattr(entry, field, parse(value))
        elif key.startswith(XATTR):
            entry.xattrs[key[len(XATTR) :]] = value
    if mtime := records.get(b"mtime"):
        entry.mtime = entry.atime = parse_time(mtime)
    if atime := records.get(b"atime"):
        entry.atime = parse_time(atime)
    if ctime := records.get(b"ctime"):
        parse_time(ctime)  # nothing can be given it, but Docker refuses an archive where it is none
