"""Manifests for `umoci repack`, which reads the dialect of go-mtree: what stands there and is no longer so is repacked.

Unlike mtree(8), go-mtree compares every extended attribute and takes what a manifest does not mention for new: an
entry has to have all of them. Of times it compares whole seconds (`tar_time`), as a tar archive of Go's keeps them.
Keywords that no entry has are not compared: those that differ by file system (the size of a directory) are left out.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bundler.rootfs.attributes import Attributes
from bundler.rootfs.mtree import Entry, Keywords, MtreeError, decode_name, encode_name, encode_path

_XATTR: Final = b"xattr."
_AS_THEY_ARE: Final = (b"type", b"uid", b"gid")
_OF_FILES: Final = (b"size", b"sha256digest")
_LONGEST: Final = 65_000  # bytes; go-mtree reads lines of at most 64 KiB
_SECOND: Final = 10**9
# Values are compared as they are encoded: exactly what go-mtree encodes has to be.
_ENCODED: Final = re.compile(rb"[^!-~]|[#*?[\\]")


def translate(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of a manifest that says the same as `entries`, which are in order. Raises MtreeError.

    A name without a slash is looked for in the directory before it, until a line with two dots leaves that.
    """
    depth = 0  # of the directory that names are looked for in
    for entry in entries:
        above = len(entry.path.split(b"/")) if entry.path else 0
        for _ in range(depth - above):
            yield b"..\n"
        name = encode_name(entry.path.rpartition(b"/")[2]) or b"."
        line = b" ".join((name, *_described(entry.keywords))) + b"\n"
        if len(line) > _LONGEST:
            raise MtreeError(f"{encode_path(entry.path).decode()}: its attributes are too long for umoci's manifest")
        yield line
        depth = above + 1 if entry.keywords[b"type"] == b"dir" else min(depth, above)


def mention(unchanged: Iterable[tuple[bytes, Attributes]], gone: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a manifest that speaks of nothing but directories that are as they were, and of what is gone.

    Everything else is new to umoci then. Without a type, no name is looked for in the directory before it.
    """
    for path, attributes in unchanged:
        time = b"tar_time=%d.000000000" % (attributes.mtime // _SECOND)
        line = b" ".join((encode_path(path), time, *_xattrs(attributes.xattrs))) + b"\n"
        if len(line) <= _LONGEST:  # otherwise it is in the layer, as it was
            yield line
    for path in gone:
        yield encode_path(path) + b"\n"


def _described(keywords: Keywords) -> Iterator[bytes]:
    kind = keywords[b"type"]
    for name in _AS_THEY_ARE:
        if name in keywords:
            yield b"%s=%s" % (name, keywords[name])
    if b"link" in keywords:
        yield b"link=%s" % _encode(decode_name(keywords[b"link"]))
    if b"mode" in keywords:
        yield b"mode=0%s" % keywords[b"mode"].lstrip(b"0") if keywords[b"mode"].strip(b"0") else b"mode=0"
    if kind != b"dir" and b"nlink" in keywords:
        yield b"nlink=%s" % keywords[b"nlink"]
    if kind == b"file":
        yield from (b"%s=%s" % (name, keywords[name]) for name in _OF_FILES if name in keywords)
    yield b"tar_time=%s.000000000" % keywords[b"time"].partition(b".")[0]
    if kind in (b"dir", b"file"):  # of others go-mtree does not read them
        yield from _xattrs(
            {
                decode_name(name.removeprefix(_XATTR)): bytes.fromhex(value.decode())
                for name, value in keywords.items()
                if name.startswith(_XATTR)
            }
        )


def _xattrs(xattrs: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for name, value in xattrs.items():
        yield b"%s%s=%s" % (_XATTR, _encode(name), base64.b64encode(value))


def _encode(text: bytes) -> bytes:
    """As vis(3) does with VIS_WHITE, VIS_OCTAL and VIS_GLOB."""
    return _ENCODED.sub(lambda match: b"\\\\" if match[0] == b"\\" else b"\\%03o" % match[0][0], text)
