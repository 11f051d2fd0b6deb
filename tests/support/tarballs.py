"""Listings to tar archives: `tarball(directory("etc"), file("etc/motd", b"hello"), symlink("lib", "usr/lib"))`.

Headers are written here field by field rather than by a library, so that a test can also state a header that no
library would write. What does not fit a ustar header goes into PAX records, as modern writers do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

BLOCK = 512
END = bytes(2 * BLOCK)
Text = str | bytes


def encoded(text: Text) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def octal(number: int, width: int) -> bytes:
    """`number` as `width - 1` octal digits and a NUL, or in base 256 when it needs more digits than that."""
    if 0 <= number < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, number)
    bits = 8 * width
    marker = 1 << (bits - 1) if number >= 0 else 1 << bits
    return (number + marker).to_bytes(width, "big")


def padded(content: bytes) -> bytes:
    """`content` and the zeros up to the next block."""
    return content + bytes(-len(content) % BLOCK)


def with_checksum(block: bytes) -> bytes:
    """`block` (512 bytes) with its checksum field made right."""
    total = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
    return block[:148] + b"%06o\0 " % total + block[156:]


def header(
    name: Text, kind: bytes = b"0", *, size: int | bytes = 0, magic: bytes = b"ustar\x0000", **fields: bytes
) -> bytes:
    """One 512-byte header; `fields` are raw bytes for mode, uid, gid, mtime, link_name, major, minor, prefix, tail."""
    widths = {"mode": 8, "uid": 8, "gid": 8, "mtime": 12, "link_name": 100, "major": 8, "minor": 8, "prefix": 155}
    given = {"mode": octal(0o644, 8), "uid": octal(0, 8), "gid": octal(0, 8), "mtime": octal(0, 12)} | fields
    raw = {key: given.get(key, b"").ljust(width, b"\0")[:width] for key, width in widths.items()}
    stated_size = octal(size, 12) if isinstance(size, int) else size.ljust(12, b"\0")
    block = encoded(name)[:100].ljust(100, b"\0") + raw["mode"] + raw["uid"] + raw["gid"] + stated_size
    block += raw["mtime"] + bytes(8) + kind + raw["link_name"] + magic.ljust(8, b"\0") + bytes(64)
    block += raw["major"] + raw["minor"] + raw["prefix"]
    tail = fields.get("tail", b"")
    return with_checksum(block[: BLOCK - len(tail)].ljust(BLOCK - len(tail), b"\0") + tail)


def pax_record(key: Text, value: Text) -> bytes:
    """One `LENGTH KEY=VALUE` line; the length counts its own digits."""
    rest = b" " + encoded(key) + b"=" + encoded(value) + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def pax_header(records: Mapping[str, Text] | Iterable[tuple[str, Text]], kind: bytes = b"x") -> bytes:
    """A PAX extended header (`kind` x: for the next entry, g: for all that follow) with its records."""
    pairs = records.items() if isinstance(records, Mapping) else records
    return extension(kind, b"".join(pax_record(key, value) for key, value in pairs))


def extension(kind: bytes, content: bytes, name: Text = "extension") -> bytes:
    """An entry that describes the next one: PAX x and g, GNU L (long name) and K (long link name)."""
    return header(name, kind, size=len(content)) + padded(content)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of a listing. Times are in nanoseconds; `pax` adds records, `xattrs` are values by full name."""

    name: Text
    kind: bytes
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    mtime: int = 0
    content: bytes = b""
    link_name: Text = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    pax: Mapping[str, Text] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        """Header blocks and content; PAX records are only written where ustar is too small."""
        records: dict[str, Text] = {f"SCHILY.xattr.{name}": value for name, value in self.xattrs.items()}
        name, link_name = encoded(self.name), encoded(self.link_name)
        if len(name) > 100:
            records["path"] = name
        if len(link_name) > 100:
            records["linkpath"] = link_name
        seconds, fraction = divmod(self.mtime, 10**9)
        if fraction or seconds < 0:
            sign, absolute = ("-", -self.mtime) if self.mtime < 0 else ("", self.mtime)
            records["mtime"] = f"{sign}{absolute // 10**9}.{absolute % 10**9:09d}"
        extended = pax_header(records | dict(self.pax)) if records or self.pax else b""
        block = header(
            name,
            self.kind,
            size=len(self.content),
            mode=octal(self.mode, 8),
            uid=octal(self.owner[0], 8),
            gid=octal(self.owner[1], 8),
            mtime=octal(max(seconds, 0), 12),
            link_name=link_name,
            major=octal(self.device[0], 8),
            minor=octal(self.device[1], 8),
        )
        return extended + block + padded(self.content)


def directory(name: Text, mode: int = 0o755, **more: object) -> Member:
    return Member(name=name, kind=b"5", mode=mode, **more)  # type: ignore[arg-type]


def file(name: Text, content: Text = b"", mode: int = 0o644, **more: object) -> Member:
    return Member(name=name, kind=b"0", content=encoded(content), mode=mode, **more)  # type: ignore[arg-type]


def symlink(name: Text, target: Text, **more: object) -> Member:
    return Member(name=name, kind=b"2", link_name=target, mode=0o777, **more)  # type: ignore[arg-type]


def hard_link(name: Text, target: Text, **more: object) -> Member:
    return Member(name=name, kind=b"1", link_name=target, **more)  # type: ignore[arg-type]


def character_device(name: Text, major: int, minor: int, **more: object) -> Member:
    return Member(name=name, kind=b"3", device=(major, minor), **more)  # type: ignore[arg-type]


def block_device(name: Text, major: int, minor: int, **more: object) -> Member:
    return Member(name=name, kind=b"4", device=(major, minor), **more)  # type: ignore[arg-type]


def fifo(name: Text, **more: object) -> Member:
    return Member(name=name, kind=b"6", **more)  # type: ignore[arg-type]


def whiteout(name: Text) -> Member:
    """Hides `name` of the layers below."""
    parent, slash, base = encoded(name).rpartition(b"/")
    return file(parent + slash + b".wh." + base)


def opaque(name: Text) -> Member:
    """Hides everything that the layers below have in the directory `name`."""
    return file(encoded(name) + b"/.wh..wh..opq")


def tarball(*members: Member | bytes, end: bytes = END) -> bytes:
    """An archive of `members` (bytes are taken as they are) and the two zero blocks that end it."""
    return b"".join(bytes(member) for member in members) + end


def sparse(pieces: list[tuple[int, bytes]], size: int, name: str = "sparse") -> bytes:
    """A file with holes, in GNU's PAX format 1.0."""
    numbers = [len(pieces), *(number for at, part in pieces for number in (at, len(part)))]
    table = padded("".join(f"{number}\n" for number in numbers).encode())
    stored = table + b"".join(part for _, part in pieces)
    records = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(size),
        "GNU.sparse.name": name,
    }
    return pax_header(records) + header("GNUSparseFile.0/s", size=len(stored)) + padded(stored)
