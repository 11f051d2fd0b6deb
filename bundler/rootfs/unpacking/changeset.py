"""Applying a layer, or a selection of its files, to what the layers below it left (image-spec
layer.md#applying-changesets).
"""

import fnmatch
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Final

from bundler.archives.entry import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DEVICES,
    DIRECTORY,
    FIFO,
    FILE_TYPES,
    GLOBAL,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
    FileBatch,
)
from bundler.archives.stream import Content
from bundler.errors import LayerError, printable
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import Attributes, is_known
from bundler.rootfs.directories import explain
from bundler.rootfs.home import Home
from bundler.rootfs.owners import UNKNOWN_XATTRS
from bundler.rootfs.paths import WHITEOUT, PathError, Whiteout, clean, is_bookkeeping, join, parse_whiteout, split
from bundler.sizes import readable_size

# chown takes -1 for "leave it", and the kernel has 32 bits.
_LARGEST_ID: Final = (1 << 32) - 2
# Linux has 12 bits for the major and 20 for the minor number of a device.
_LARGEST_DEVICE: Final = ((1 << 12) - 1, (1 << 20) - 1)
# What overlayfs writes into its layers. A lower layer with these of its own decides which file another is read as, so
# a mount over an unpacked image would follow it (overlayfs.rst, "Metadata only copy up", warns of just this).
_OF_OVERLAYFS: Final = (b"trusted.overlay.", b"user.overlay.")
# Components that are no names: they have to be made sense of with what stands before them.
_NO_NAMES: Final = frozenset({b"", b".", b".."})
# What ext4 can hold; tmpfs and others take more, and what is refused must not depend on where it is unpacked.
_LARGEST_FILE: Final = 1 << 44


ContentAt = Callable[[int, int], Iterable[Content]]
"""Gives what is stored from an offset of the archive on, of a size; good until the next entry."""


class Changeset:
    """One layer on its way into `tree`. `label` names it in messages; `lowest` says that nothing lies below it.

    A whiteout hides what lower layers have and never what its own layer has, wherever in the layer it stands. So
    this keeps track of what the layer has put where lower layers may have something: the names in directories that
    were there before (with the names on the way to them), and which directories are the layer's own, where nothing
    lower can be. The lowest layer has nothing to hide and keeps track of nothing.
    """

    def __init__(self, tree: Home, label: str, *, lowest: bool) -> None:
        self._tree = tree
        self._label = label
        self._lowest = lowest
        self._prefix, self._directory = b"", b""
        self._own: set[bytes] = set()
        self._cleared: set[bytes] = set()  # those that an opaque whiteout has been applied to
        self._names: dict[bytes, set[bytes]] = {}

    def apply(self, entry: Entry, content: Iterable[Content]) -> None:
        """Apply the next entry; `content` is what the archive stores for it.

        Raises LayerError for what the layer may not do, BundlerError for what the machine cannot. Both name the
        entry.
        """
        try:
            path = self._clean(entry.name)
            if entry.kind == GLOBAL:
                self._pass_by(path)
                return
            if WHITEOUT in path:
                if is_bookkeeping(path):
                    return
                whiteout = parse_whiteout(path)
                if whiteout is not None:
                    self._apply_whiteout(whiteout)
                    return
            self._put(path, entry, content)
        except PathError as error:
            raise LayerError(f"{self._where(entry.name)}: {error}") from error
        except OSError as error:
            raise explain(error, self._where(entry.name)) from error

    def apply_files(self, files: FileBatch, content_at: ContentAt) -> None:
        """Apply the next entries, which are files; `content_at` knows their content. Raises what `apply` raises."""
        if WHITEOUT in files.directory or any(WHITEOUT in row[0] or row[0] in _NO_NAMES for row in files.rows):
            self.apply_each(files, content_at)
            return
        name = b""
        try:
            path = clean(files.directory)
            for row in files.rows:
                name, _, uid, gid, size, _, offset, _ = row
                _check_owner(uid, gid)
                content = content_at(offset, size) if size else ()
                try:
                    self._tree.make_row(path, row, content)
                except FileExistsError:
                    self._tree.remove(join(path, name))
                    self._tree.make_row(path, row, content)
                if not self._lowest:
                    self._remember(join(path, name), own=False)
        except PathError as error:
            raise LayerError(f"{self._where(join(files.directory, name))}: {error}") from error
        except OSError as error:
            raise explain(error, self._where(join(files.directory, name))) from error

    def apply_each(self, files: FileBatch, content_at: ContentAt) -> None:
        """Apply the files one by one: what `apply_files` is for a changeset that has something to say about each."""
        for entry in files.entries():
            self.apply(entry, content_at(entry.offset, entry.size) if entry.size else ())

    def _where(self, name: bytes) -> str:
        return f"{self._label}: {printable(name[:200])}"

    def _clean(self, name: bytes) -> bytes:
        """What paths.clean makes of `name`; it is asked once for all entries in a row that lie in one directory."""
        prefix, _, base = name.rpartition(b"/")
        if prefix != self._prefix or base in _NO_NAMES:
            path = clean(name)
            if base not in _NO_NAMES:
                self._prefix, self._directory = prefix, split(path)[0]
            return path
        return join(self._directory, base)

    def _put(self, path: bytes, entry: Entry, content: Iterable[Content]) -> None:
        """Make what is at `path`. What is there is only looked at when it is in the way, which is rare."""
        try:
            self._make(path, entry, content)
        except FileExistsError:
            self._tree.remove(path)
            self._make(path, entry, content)

    def _make(self, path: bytes, entry: Entry, content: Iterable[Content]) -> None:
        """A directory keeps what it holds when it becomes a directory again; anything else may not be there yet."""
        made = _MAKE[entry.kind](self._tree, path, entry, self._attributes(entry), content)
        if not self._lowest:
            self._remember(path, own=made)

    def _pass_by(self, path: bytes) -> None:
        """A global PAX header, of which Docker and containerd make no file; but they remove what has its name."""
        if WHITEOUT in path or self._tree.kind(self._tree.resolve(path, create=True)):
            raise PathError("a global PAX header has the name of a file, which Docker would remove")

    def _attributes(self, entry: Entry) -> Attributes:
        _check_owner(entry.uid, entry.gid)
        xattrs = entry.xattrs
        if xattrs:
            xattrs = {name: value for name, value in xattrs.items() if not name.startswith(_OF_OVERLAYFS)}
            known = {name: value for name, value in xattrs.items() if is_known(name)}
            if len(known) < len(xattrs):
                self._tree.owners.skipped[UNKNOWN_XATTRS] += len(xattrs) - len(known)
                xattrs = known
        mode = None if entry.kind == SYMLINK else entry.mode
        return Attributes(mode, entry.uid, entry.gid, entry.atime, entry.mtime, xattrs)

    def _leave_out(self, path: bytes) -> None:
        """What is not made still replaces what was there: a file that became a device is a file no longer."""
        try:
            kind = self._tree.kind(path)
        except FileNotFoundError:
            return
        if kind:
            self._tree.remove(path)

    # --- whiteouts ---

    def _remember(self, path: bytes, *, own: bool) -> None:
        """The layer has made what is at `path`, and `own` says that it is a directory that was not there before."""
        path = self._tree.resolve(path)
        directory, name = split(path)
        if not path or self._is_own(directory):
            return
        while name not in (names := self._names.setdefault(directory, set())):
            names.add(name)
            if not directory:
                break
            directory, name = split(directory)
        if own:
            self._own.add(path)

    def _is_own(self, directory: bytes) -> bool:
        """Whether all that `directory` holds is of this layer."""
        while directory:
            if directory in self._own:
                return True
            directory, _ = split(directory)
        return False

    def _is_cleared(self, directory: bytes) -> bool:
        """Whether nothing of lower layers is left in it. To look through all its files again, for any number of opaque
        whiteouts, would take longer than anything a layer can ask for by its size.
        """
        while directory not in self._cleared:
            if not directory:
                return False
            directory, _ = split(directory)
        return True

    def _apply_whiteout(self, whiteout: Whiteout) -> None:
        if self._lowest:
            return
        try:
            directory = self._tree.follow(whiteout.directory)
        except (FileNotFoundError, NotADirectoryError):
            return  # nothing is there to be hidden
        if self._is_own(directory) or self._is_cleared(directory):
            return
        if whiteout.name is None:
            self._cleared.add(directory)
        names = self._tree.names(directory) if whiteout.name is None else [whiteout.name]
        self._hide([join(directory, name) for name in names])

    def _hide(self, paths: list[bytes]) -> None:
        """Remove `paths`, but for what this layer has put there or below."""
        while paths:
            path = paths.pop()
            directory, name = split(path)
            kind = self._tree.kind(path)
            if name not in self._names.get(directory, ()):
                if kind:
                    self._tree.remove(path)
            elif kind == stat.S_IFDIR and path not in self._own and path not in self._cleared:
                paths += [join(path, child) for child in self._tree.names(path)]


def _check_owner(uid: int, gid: int) -> None:
    if not (0 <= uid <= _LARGEST_ID and 0 <= gid <= _LARGEST_ID):
        raise PathError(f"owner {uid}:{gid} does not exist on Linux")


_Make = Callable[[Home, bytes, Entry, Attributes, Iterable[Content]], bool]
"""Makes what the entry is; whether that is a directory that was not there before. Raises FileExistsError."""


def _make_directory(
    tree: Home, path: bytes, _entry: Entry, attributes: Attributes, _content: Iterable[Content]
) -> bool:
    return tree.make_directory(path, attributes)


def _make_file(tree: Home, path: bytes, entry: Entry, attributes: Attributes, content: Iterable[Content]) -> bool:
    if entry.size > _LARGEST_FILE:
        raise PathError(f"File too large: {readable_size(entry.size)}, most of them holes")
    tree.make_file(path, attributes, content, sparse=entry.sparse, size=entry.size, digest=entry.digest)
    return False


def _make_symlink(tree: Home, path: bytes, entry: Entry, attributes: Attributes, _content: Iterable[Content]) -> bool:
    tree.make_symlink(path, entry.link_name, attributes)
    return False


def _make_hard_link(
    tree: Home, path: bytes, entry: Entry, _attributes: Attributes, _content: Iterable[Content]
) -> bool:
    # A file has its attributes from the entry that brought its content; umoci reads a link's own as no news either.
    try:
        tree.make_hard_link(path, clean(entry.link_name))
    except FileNotFoundError as error:
        raise PathError(f"it is a hard link to {printable(entry.link_name[:200])}, which does not exist") from error
    return False


def _make_node(tree: Home, path: bytes, entry: Entry, attributes: Attributes, _content: Iterable[Content]) -> bool:
    if not all(0 <= number <= largest for number, largest in zip(entry.device, _LARGEST_DEVICE, strict=True)):
        raise PathError("the numbers of the device do not exist on Linux")
    tree.make_node(path, FILE_TYPES[entry.kind], entry.device, attributes)
    return False


_MAKE: Final[dict[bytes, _Make]] = {
    REGULAR: _make_file,
    HARD_LINK: _make_hard_link,
    SYMLINK: _make_symlink,
    CHARACTER_DEVICE: _make_node,
    BLOCK_DEVICE: _make_node,
    DIRECTORY: _make_directory,
    FIFO: _make_node,
}

# --- a selection of files ---

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
