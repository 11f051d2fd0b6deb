"""Which files of an image a rootfs gets, where overrides leave some of them out or tame them."""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from bundler.archives.entry import DEVICES, REGULAR, Entry
from bundler.archives.stream import Content
from bundler.rootfs.changeset import Changeset
from bundler.rootfs.home import Home
from bundler.rootfs.paths import split

_SETUID: Final = 0o6000


@dataclass(frozen=True)
class Selection:
    """`exclude` are shell patterns of absolute paths, in which `*` matches slashes too; what is below goes as well.

    `devices` is what becomes of device nodes: `create`, `skip`, or `placeholder` (an empty file). `strip_setuid` takes
    setuid and setgid off regular files, so that running one gives no privileges.
    """

    exclude: tuple[str, ...] = ()
    devices: str = "create"
    strip_setuid: bool = False

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        patterns = (fnmatch.translate(pattern.rstrip("/") or "/") for pattern in self.exclude)
        return re.compile("|".join(patterns).encode("utf-8", "surrogateescape"))

    def excludes(self, path: bytes) -> bool:
        """Whether `path`, clean and relative to the root, or a directory above it is to be left out."""
        if not self.exclude:
            return False
        while path:
            if self._pattern.match(b"/" + path):
                return True
            path = split(path)[0]
        return False


class SelectedChangeset(Changeset):
    """A changeset of which only the selection is made."""

    def __init__(self, tree: Home, label: str, *, lowest: bool, selection: Selection) -> None:
        super().__init__(tree, label, lowest=lowest)
        self._selection = selection

    apply_files = Changeset.apply_each

    def _put(self, path: bytes, entry: Entry, content: Iterable[Content]) -> None:
        selection = self._selection
        is_device = entry.kind in DEVICES
        if selection.excludes(path) or (is_device and selection.devices == "skip"):
            self._leave_out(path)
            return
        if is_device and selection.devices == "placeholder":
            entry = replace(entry, kind=REGULAR, size=0, stored_size=0, digest=None)
        if selection.strip_setuid and entry.kind == REGULAR:
            entry = replace(entry, mode=entry.mode & ~_SETUID)
        super()._put(path, entry, content)
