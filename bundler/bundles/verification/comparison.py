"""Comparing files with their lines in rootfs.mtree: whether they still are as they were built."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import is_kept
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import Listed, encode_path, sort_key
from bundler.rootfs.scan import manifest_entry

_DIGEST: Final = b"sha256digest"
_TRUSTED: Final = b"xattr.trusted."
_DENIED: Final = (_DIGEST, b"xattr.")
_UNEXPECTED: Final = (b"xattr.", b"hardlink")


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is `missing`, `extra` or `changed`; then `keywords` holds (expected, found) by keyword of mtree.

    A side that does not speak of a keyword is None. All are encoded as in the manifest.
    """

    path: str
    what: str
    keywords: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


class Comparison:
    """Two sides in the same order. `read` gives the sha256 of a file's content, or None if it may not be read.

    `first` says which of several names of one file is the first, if that is not the one asked for; it is given the
    line, too. Without `privileged`, what only root may see is not expected. `compared` counts what was looked at,
    `unread` what could not be read.
    """

    def __init__(
        self,
        read: Callable[[TreeFile], str | None],
        first: Callable[[TreeFile, Listed], bytes | None],
        *,
        privileged: bool = True,
    ) -> None:
        self._read = read
        self._first = first
        self._privileged = privileged
        self._closed: bytes | None = None
        self.compared = 0
        self.unread = 0

    def changes(self, lines: Iterator[Listed], files: Iterator[TreeFile]) -> Iterator[Change]:
        """What differs, by path. Raises MtreeError for a line that differs and makes no sense, and what `read` does."""
        line, file = next(lines, None), next(files, None)
        while line is not None or file is not None:
            order = _order(line, file)
            if line is not None and file is not None and not order:
                self.compared += 1
                differing = self._differing(line, file)
                if differing:
                    yield Change(line.name.decode("ascii", "backslashreplace"), "changed", differing)
            elif file is not None and order > 0:
                self._note(file)
                yield Change(encode_path(file.path).decode(), "extra")
            elif line is not None and not _is_below(line.path, self._closed):
                yield Change(line.name.decode("ascii", "backslashreplace"), "missing")
            line = next(lines, None) if order <= 0 else line
            file = next(files, None) if order >= 0 else file

    def _note(self, file: TreeFile) -> None:
        if file.closed:
            self.unread += 1
            self._closed = file.path if file.kind == stat.S_IFDIR else self._closed

    def _differing(self, line: Listed, file: TreeFile) -> dict[str, tuple[str | None, str | None]]:
        """What the manifest says of the file and is not so. Nearly always both are the same bytes."""
        digest = self._read(file) if file.kind == stat.S_IFREG and line.wants_digest(file.size) else None
        if file.closed:
            self._note(file)
        attributes = file.attributes
        if attributes.xattrs:
            kept = {name: value for name, value in attributes.xattrs.items() if is_kept(name, file.kind, value)}
            file.attributes = replace(attributes, xattrs=kept)
        text = manifest_entry(file, digest, self._first(file, line), name=line.name)
        if text == line.text:
            return {}
        expected, there = line.keywords, Listed(text).keywords
        # What was not read cannot differ: it is denied, or the size has told already that this is another file.
        if file.closed:
            there |= {name: value for name, value in expected.items() if name.startswith(_DENIED)}
        elif _DIGEST in expected and expected.get(b"size") != there.get(b"size"):
            there[_DIGEST] = expected[_DIGEST]
        names = dict.fromkeys([*expected, *(name for name in there if name.startswith(_UNEXPECTED))])
        return {
            name.decode(): (_text(expected.get(name)), _text(there.get(name)))
            for name in names
            if expected.get(name) != there.get(name) and (self._privileged or not name.startswith(_TRUSTED))
        }


def _order(line: Listed | None, file: TreeFile | None) -> int:
    """Which side is behind: the manifest (-1), the files (1), none."""
    if line is None or file is None:
        return 1 if line is None else -1
    if line.name == encode_path(file.path):
        return 0
    return -1 if sort_key(line.path) < sort_key(file.path) else 1


def _is_below(path: bytes, directory: bytes | None) -> bool:
    return directory is not None and (not directory or path.startswith(directory + b"/"))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("ascii", "backslashreplace")
