"""What a squashfs image cannot hold of a file, from rootfs.mtree, which can: parts of a second, times before 1970,
ACLs, and that two names are of one symlink (mksquashfs makes two).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from bundler.archives.entry import HARD_LINK, SYMLINK, Entry
from bundler.archives.stream import Content
from bundler.rootfs.mtree import MtreeEntry, decode_name, parse, sort_key

_SECOND: Final = 10**9
_ACL: Final = b"xattr.system."
_32_BITS: Final = 0xFFFFFFFF


def seconds_held(mtime: int) -> int:
    """The time in seconds that squashfs can hold for one in nanoseconds: an unsigned number of 32 bits."""
    return mtime // _SECOND & _32_BITS


def holds(entry: Entry) -> bool:
    """Whether squashfs can hold all of the entry."""
    has_time = seconds_held(entry.mtime) * _SECOND == entry.mtime
    return has_time and not any(name.startswith(b"system.") for name in entry.xattrs)


def complete(
    entries: Iterable[tuple[Entry, Iterator[Content]]], manifests: Mapping[bytes, Iterable[bytes]]
) -> Iterator[tuple[Entry, Iterator[Content]]]:
    """The entries, sorted, as they were before they came into a squashfs image, as far as the manifests tell: those of
    folders at the top, by their names.

    A line of one that makes no sense says nothing, and nor do those behind it. That it is the right manifest is for
    the verification of the bundle.
    """
    known = {top: _listed(manifest) for top, manifest in manifests.items()}
    current: bytes | None = None
    lines: Iterator[MtreeEntry] = iter(())
    line: MtreeEntry | None = None
    for entry, content in entries:
        top, _, path = entry.name.partition(b"/")
        if top != current:
            current, lines = top, known.pop(top, iter(()))
            line = next(lines, None)
        if line is not None:
            while line is not None and sort_key(line.path) < sort_key(path):
                line = next(lines, None)
            if line is not None and line.path == path:
                with suppress(ValueError):
                    _complete(entry, top, line.keywords)
        yield entry, content


def _listed(manifest: Iterable[bytes]) -> Iterator[MtreeEntry]:
    with suppress(ValueError):
        yield from parse(manifest)


def _complete(entry: Entry, top: bytes, keywords: dict[bytes, bytes]) -> None:
    seconds, _, fraction = keywords.get(b"time", b"").partition(b".")
    mtime = int(seconds) * _SECOND + int(fraction)
    if seconds_held(mtime) == seconds_held(entry.mtime):
        entry.mtime = entry.atime = mtime
    known = keywords.get(b"hardlink", b"")
    if known and entry.kind == SYMLINK and decode_name(keywords[b"link"]) == entry.link_name:
        entry.kind, entry.link_name = HARD_LINK, top + b"/" + decode_name(known).removeprefix(b"./")
    for keyword, value in keywords.items():
        if keyword.startswith(_ACL):
            name = decode_name(keyword.removeprefix(b"xattr."))
            entry.xattrs[name] = bytes.fromhex(value.decode("ascii"))
