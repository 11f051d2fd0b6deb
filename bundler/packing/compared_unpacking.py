"""Unpacking rootfs/ and comparing it with rootfs.mtree in the same pass.

If all of it agrees, it need not be read again. If something does not, that is no verdict yet: the full comparison finds
out what it is, and whether it is a difference at all.
"""

import hashlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from bundler.archives.entry import REGULAR, Entry
from bundler.archives.stream import Content, KnownDigest
from bundler.bundles.bundle import Bundle
from bundler.errors import RequestError
from bundler.packing.packed import Entries
from bundler.packing.restoring import Restored
from bundler.packing.verification import PackedTree
from bundler.rootfs.inventory import MOST_HOLES
from bundler.rootfs.mtree import HEADER, MtreeError, group, read_lines
from bundler.rootfs.paths import PathError, clean

_ROOTFS: Final = b"rootfs"


class ComparedUnpacking:
    """Unpacks entries into `bundle` by way of `restored`, and compares them with the manifest."""

    def __init__(self, bundle: Path, restored: Restored) -> None:
        self._bundle = bundle
        self._restored = restored
        self._holes_left = MOST_HOLES

    def unpack(self, entries: Entries) -> bool:
        """Make all entries; whether rootfs/ agrees with its manifest as a whole. Raises what `Restored` raises."""
        compared: list[bool] = []
        for top, those in groupby(entries, _top):
            if top != _ROOTFS:
                for entry, content in those:
                    self._restored.apply(entry, content)
            elif not compared:
                compared.append(self._compare(self._made(those)))
            else:  # some of it stood elsewhere: `pack` writes no such archive
                compared.append(False)
                for _ in self._made(those):
                    pass
        return compared == [True] and not self._restored.has_left_out

    def _compare(self, made: Iterator[tuple[bytes, Entry, Iterator[Content]]]) -> bool:
        agrees = False
        try:
            lines = Bundle(self._bundle).manifest()
        except RequestError:
            lines = None
        if lines is not None:
            with lines:
                try:
                    listed = group(read_lines(lines)) if lines.read(len(HEADER)) == HEADER else iter(())
                    agrees = next(PackedTree(_ROOTFS.decode()).changes(listed, made), None) is None
                except MtreeError:
                    agrees = False
        for _ in made:  # what differs is made, too
            pass
        return agrees

    def _made(self, entries: Entries) -> Iterator[tuple[bytes, Entry, Iterator[Content]]]:
        """The entries, each when it is made; the sha256 of a file is in its `digest` then."""
        for entry, content in entries:
            if entry.kind == REGULAR:
                self._holes_left -= entry.size - entry.stored_size
                # A small archive can state holes of an exabyte, whose zeros take too long.
                entry.digest = hashlib.sha256() if self._holes_left >= 0 else KnownDigest()
            self._restored.apply(entry, content)
            yield clean(entry.name), entry, iter(())


def _top(each: tuple[Entry, Iterator[Content]]) -> bytes:
    try:
        return clean(each[0].name).partition(b"/")[0]
    except PathError:  # which is for those to say who refuse it
        return b""
