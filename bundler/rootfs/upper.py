"""What was written over a root filesystem: the upper folder of an overlay (Linux, filesystems/overlayfs.rst).

It holds what is new or changed, and the directories above that. A device 0:0 hides what has its name below; a directory
that is opaque hides all that the one below holds. What says so are attributes that no container can set: what it sets
of such a name gets a word in front, which is taken off again here.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bundler.rootfs.attributes import Attributes
from bundler.rootfs.home import TreeFile
from bundler.rootfs.owners import Owners
from bundler.rootfs.tree import Tree

_ROOTS: Final = b"trusted.overlay."
_USERS: Final = b"user.overlay."  # of an overlay that was mounted in a user namespace
OF_OVERLAYS: Final = (_ROOTS, _USERS)
"""What the names of an overlay's own attributes begin with."""
_ESCAPE: Final = b"overlay."
_OPAQUE: Final = b"opaque"
# Content or names that lie elsewhere, or whiteouts of another form: each takes an option that no overlay of ours has.
_ELSEWHERE: Final = (b"redirect", b"metacopy", b"whiteout")
_NONE: Final = MappingProxyType[bytes, bytes]({})


class Upper(Tree):
    """The folder as a tree: attributes are those that the container sees, whiteouts are there as devices.

    `of_root` are the extended attributes of the image's root, which the folder is not given when it is made.
    """

    def __init__(self, root: Path, owners: Owners | None = None, of_root: Mapping[bytes, bytes] = _NONE) -> None:
        super().__init__(root, owners)
        self._of_root = of_root
        # The folder above is out of the container's reach, and has the owner who has mounted.
        self._prefix = _USERS if root.parent.stat().st_uid else _ROOTS

    def attributes(self, path: bytes, status: os.stat_result | None = None, *, xattrs: bool = True) -> Attributes:
        attributes = super().attributes(path, status, xattrs=xattrs)
        seen = self._seen(attributes.xattrs)
        attributes.xattrs = seen if path else {**self._of_root, **seen}
        return attributes

    def is_opaque(self, path: bytes) -> bool:
        """Whether nothing is seen of what lies below the directory at `path`."""
        return self._marks(path).get(_OPAQUE) == b"y"

    def elsewhere(self, path: bytes) -> str | None:
        """The attribute which says that part of the file at `path` is to be looked for elsewhere; None without one."""
        marks = self._marks(path)
        if marks.get(_OPAQUE, b"y") != b"y":  # it may hold whiteouts that are files
            return (self._prefix + _OPAQUE).decode()
        return next(((self._prefix + name).decode() for name in _ELSEWHERE if name in marks), None)

    def _marks(self, path: bytes) -> dict[bytes, bytes]:
        """The overlay's own attributes, without what their names begin with."""
        xattrs = super().attributes(path).xattrs
        marks = {
            name.removeprefix(self._prefix): value for name, value in xattrs.items() if name.startswith(self._prefix)
        }
        return {name: value for name, value in marks.items() if not name.startswith(_ESCAPE)}

    def _seen(self, xattrs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        escaped = self._prefix + _ESCAPE
        return {
            self._prefix + name.removeprefix(escaped) if name.startswith(escaped) else name: value
            for name, value in xattrs.items()
            if name.startswith(escaped) or not name.startswith(self._prefix)
        }


def escaped(xattrs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What a container has set, as it lies in an upper folder of root's, where an overlay's own names say something."""
    return {
        _ROOTS + _ESCAPE + name.removeprefix(_ROOTS) if name.startswith(_ROOTS) else name: value
        for name, value in xattrs.items()
    }


def is_whiteout(file: TreeFile) -> bool:
    """Whether the file says that there is none."""
    return file.kind == stat.S_IFCHR and file.device == (0, 0)
