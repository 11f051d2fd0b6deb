"""The BSD mtree format, one file per line: `./etc/motd type=file mode=0644 uid=0 gid=0 size=6 time=0.000000000 ...`.

Written for mtree(8) of NetBSD, FreeBSD's and libarchive read it too. What they have no keyword for (extended
attributes, which names are the same file) stands in a comment after the entry, a remark, in the same form:

    ./usr/bin/ping type=file ...
    # ./usr/bin/ping hardlink=./bin/ping xattr.security.capability=0100000200200000...

Names and link targets are encoded as vis(3) does with VIS_OCTAL, so that any byte can stand in them. Lines are sorted
as a walk through the directories meets the files: by name, a directory before what it holds.
"""

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import IO, Final

from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes
from bundler.sizes import readable_size

HEADER: Final = b"#mtree\n"
# A glob character would make the name a pattern to mtree(8), a `#` a comment, a `=` a keyword to others.
_UNSAFE: Final = re.compile(rb"[^!%+,\-./0-9:@A-Z_a-z~]")
_SAFE: Final = bytes(byte for byte in range(256) if not _UNSAFE.match(bytes([byte])))
_ENCODED: Final = re.compile(rb"\\([0-3][0-7]{2})")
_SIZE: Final = re.compile(rb" type=file .* size=(\d{1,19})\b")
_TIME: Final = re.compile(rb"(-?\d{1,19})\.(\d{9})")
_XATTR: Final = b"xattr."
TYPES: Final = {
    stat.S_IFREG: b"file",
    stat.S_IFDIR: b"dir",
    stat.S_IFLNK: b"link",
    stat.S_IFCHR: b"char",
    stat.S_IFBLK: b"block",
    stat.S_IFIFO: b"fifo",
    stat.S_IFSOCK: b"socket",
}
_LONGEST_NUMBER: Final = 20
_LONGEST_LINE: Final = 64 << 20  # bytes; a path is written with 16 kB, attributes with 2 MB unless --limit allows more
_SECOND: Final = 10**9

Keywords = dict[bytes, bytes]
"""Values by keyword, as they stand in the file."""


class MtreeError(ValueError):
    """A line that is not of this format. The message says what is wrong with it."""


@dataclass(slots=True)
class MtreeEntry:
    """A file in the manifest: its path (`b""` is the root) and what is said about it, remarks included."""

    path: bytes
    keywords: Keywords = field(default_factory=dict)


class Listed:
    """An entry as it stands in a manifest, a line or two: what is not asked for is not parsed."""

    __slots__ = ("name", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.name = text[: text.find(b" ")]

    @property
    def path(self) -> bytes:
        """Raises MtreeError."""
        return decode_name(self.name)[2:]

    @property
    def keywords(self) -> Keywords:
        """Raises MtreeError."""
        entry, *remarks = self.text.splitlines(keepends=True)
        parsed = _parse_line(entry)
        for remark in remarks:
            _add_remarks(parsed, _parse_line(remark))
        return parsed.keywords

    @property
    def hard_link(self) -> bytes | None:
        """The path that is said to be another name of the file. Raises MtreeError."""
        if b" hardlink=" not in self.text:
            return None
        known = self.keywords.get(b"hardlink")
        return None if known is None else decode_name(known).removeprefix(b"./")

    @property
    def links(self) -> int:
        """How many names the file is to have. Raises MtreeError."""
        if b" nlink=1\n" in self.text:
            return 1
        stated = self.keywords.get(b"nlink", b"1")
        return int(stated) if stated.isdigit() and len(stated) < _LONGEST_NUMBER else 1

    def wants_digest(self, size: int) -> bool:
        """Whether the entry has a digest, and of a file of this size."""
        return b" sha256digest=" in self.text and b" size=%d " % size in self.text


def encode_name(name: bytes) -> bytes:
    """`name` without any byte that means something in the format: the others as a backslash and three octal digits."""
    if not name.translate(None, _SAFE):  # nearly all names: a tenth of the time
        return name
    return _UNSAFE.sub(lambda match: b"\\%03o" % match[0][0], name)


def decode_name(text: bytes) -> bytes:
    """The opposite of encode_name. Raises MtreeError."""
    if b"\\" in _ENCODED.sub(b"", text):
        raise MtreeError("a backslash is not followed by three octal digits")
    return _ENCODED.sub(lambda match: bytes([int(match[1], 8)]), text)


def size_of(line: bytes) -> int:
    """The size that an entry says its file has, in bytes; 0 where there is no file."""
    match = _SIZE.search(line)
    return int(match[1]) if match else 0


def nanoseconds(keywords: Keywords) -> int:
    """The time that an entry says its file has. Raises MtreeError."""
    match = _TIME.fullmatch(keywords.get(b"time", b""))
    if match is None:
        raise MtreeError("the time is no time")
    return int(match[1]) * _SECOND + int(match[2])


def encode_path(path: bytes) -> bytes:
    return b"./" + encode_name(path) if path else b"."


def describe(
    kind: int,
    attributes: Attributes,
    *,
    size: int = 0,
    digest: str | None = None,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
    owned: bool = True,
) -> bytes:
    """The keywords of a file, ready to be written. `kind` is its S_IF... type.

    `size` and `digest` (sha256, hexadecimal) are of a regular file, `target` of a symlink, `device` is (major, minor).
    A symlink has no mode of its own on Linux. With `owned` false there is no owner to speak of.
    """
    owner = b" uid=%d gid=%d" % (attributes.uid, attributes.gid) if owned else b""
    if kind == stat.S_IFREG and digest is not None:
        return describe_file(attributes.mode or 0, owner, size, attributes.mtime, digest)
    text = b"type=" + TYPES[kind]
    if attributes.mode is not None:
        text += b" mode=%04o" % attributes.mode
    text += owner
    if kind == stat.S_IFREG:
        text += b" size=%d" % size
    # As in a timespec: the fraction counts forward also before 1970.
    text += b" time=%d.%09d" % divmod(attributes.mtime, _SECOND)
    if kind == stat.S_IFLNK:
        text += b" link=" + encode_name(target)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        text += b" device=native,%d,%d" % device
    return text


def describe_file(mode: int, owner: bytes, size: int, mtime: int, sha256: str) -> bytes:
    """The keywords of a regular file with a digest; those of its owner are given."""
    return b"type=file mode=%04o%b size=%d time=%d.%09d sha256digest=%b" % (
        *(mode, owner, size),
        *divmod(mtime, _SECOND),
        sha256.encode(),
    )


def describe_xattrs(xattrs: Mapping[bytes, bytes]) -> bytes:
    """Extended attributes as they stand in a remark; empty if there are none. Values are hexadecimal."""
    return b" ".join(
        b"%s%s=%s" % (_XATTR, encode_name(name), value.hex().encode()) for name, value in sorted(xattrs.items())
    )


def xattrs_of(keywords: Keywords) -> dict[bytes, bytes]:
    """The extended attributes that an entry has. Raises ValueError for a value that is not hexadecimal."""
    return {
        decode_name(name.removeprefix(_XATTR)): bytes.fromhex(value.decode())
        for name, value in keywords.items()
        if name.startswith(_XATTR)
    }


def write_entry(name: bytes, keywords: bytes, remarks: bytes) -> bytes:
    """The line, or two lines, of a file; `name` is its encoded path."""
    return b"%s %s\n# %s %s\n" % (name, keywords, name, remarks) if remarks else b"%s %s\n" % (name, keywords)


def read_line(manifest: IO[bytes]) -> bytes:
    """The next line of a manifest, empty at its end. Raises MtreeError for one that would fill the memory."""
    line = manifest.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise MtreeError(f"a line has {readable_size(_LONGEST_LINE)} or more")
    return line


def read_lines(manifest: IO[bytes]) -> Iterator[bytes]:
    """The lines of a manifest, from where it stands. Raises MtreeError."""
    while line := read_line(manifest):
        yield line


def parse(lines: Iterable[bytes]) -> Iterator[MtreeEntry]:
    """The entries of a manifest that this module wrote, in order. Raises MtreeError, with the number of the line."""
    current: MtreeEntry | None = None
    remarked = False
    for number, line in enumerate(lines, 1):
        try:
            if number == 1:
                _check_header(line)
                continue
            found = _parse_line(line)
            if line.startswith(b"#"):
                _add_remarks(None if remarked else current, found)
                remarked = True
                continue
            _check_order(current, found)
        except MtreeError as error:
            raise MtreeError(f"line {number}: {error}") from None
        if current is not None:
            yield current
        current, remarked = found, False
    if current is not None:
        yield current


def group(lines: Iterable[bytes]) -> Iterator[Listed]:
    """The entries that `lines` are, without the header, as they stand there. Raises MtreeError."""
    text = b""
    for line in lines:
        if line.startswith(b"#"):
            if text.count(b"\n") != 1:  # with any number of them, each would be added to all before it
                raise MtreeError("a remark does not follow the entry it is about")
            text += line
            continue
        if text:
            yield Listed(text)
        text = line
    if text:
        yield Listed(text)


def _check_header(line: bytes) -> None:
    if line != HEADER:
        raise MtreeError("it does not begin with #mtree")


def _add_remarks(entry: MtreeEntry | None, remarks: MtreeEntry) -> None:
    if entry is None or entry.path != remarks.path:
        raise MtreeError("a remark does not follow the entry it is about")
    entry.keywords |= remarks.keywords


def _check_order(before: MtreeEntry | None, entry: MtreeEntry) -> None:
    if (before is None) != (entry.path == b"") or (before and sort_key(entry.path) <= sort_key(before.path)):
        raise MtreeError("the entries are not in order")


def sort_key(path: bytes) -> tuple[bytes, ...]:
    """What paths are sorted by: their components."""
    return tuple(path.split(b"/")) if path else ()


def _parse_line(line: bytes) -> MtreeEntry:
    if not line.endswith(b"\n"):
        raise MtreeError("the line is cut off")
    words = line.removeprefix(b"#").split()
    if not words:
        raise MtreeError("the line is empty")
    name = decode_name(words[0])
    if name != b"." and not name.startswith(b"./"):
        raise MtreeError("the line does not begin with a path")
    path = name[2:]
    if path and any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise MtreeError("the path is not a plain one")
    keywords: Keywords = {}
    for word in words[1:]:
        keyword, equals, value = word.partition(b"=")
        if not equals or keyword in keywords:
            raise MtreeError("a keyword has no value, or two")
        keywords[keyword] = value
    return MtreeEntry(path, keywords)


def parse_keywords(text: bytes) -> Keywords:
    """The keywords of a description, as `parse` gives them."""
    return dict(word.partition(b"=")[::2] for word in text.split())
