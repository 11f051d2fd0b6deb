"""The upper folder of an overlay in the making: what is to be seen of it over an image that is never mounted for that.

The folder holds what is new, and the directories above, which hide those of the image and so have their attributes.
What is removed becomes a whiteout. No directory has to be opaque: what the image has below is seen, or has a whiteout.
"""

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.bundles.files import bundle_owners
from bundler.bundles.rootfs_image import UPPER, WRITTEN
from bundler.rootfs.attributes import Attributes, implied
from bundler.rootfs.directories import Directory
from bundler.rootfs.paths import join
from bundler.rootfs.remove import remove_tree
from bundler.rootfs.tree import Tree
from bundler.rootfs.upper import escaped

_WORK: Final = f"{UPPER}/work"
_WHITEOUT: Final = Attributes(mode=0)


class NewUpper(Tree):
    """The folder `root`, over an image whose `directories` have these attributes."""

    def __init__(self, root: Path, directories: Mapping[bytes, Attributes]) -> None:
        owners = bundle_owners()
        super().__init__(root, replace(owners, adapt=_adapt, kept=False))
        self._of_image = directories
        # An overlay's folder begins without the attributes of the image's root, which are seen anyway.
        self.make_directory(b"", replace(directories.get(b"", implied()), xattrs={}))

    def remove(self, path: bytes) -> None:
        """Hide what the image has at `path`."""
        self.make_node(path, stat.S_IFCHR, (0, 0), _WHITEOUT)

    def _imply(self, parent: Directory, name: bytes) -> None:
        self._make_directory(parent, name, self._of_image.get(join(parent.path, name), implied()))


@contextmanager
def make_upper(bundle: Path, directories: Mapping[bytes, Attributes]) -> Iterator[NewUpper]:
    """That of a bundle which has none, or an empty one, as a container's first start makes it. Raises OSError."""
    remove_tree(bundle / UPPER)
    (bundle / UPPER).mkdir(mode=0o700)
    for folder in (WRITTEN, _WORK):
        (bundle / folder).mkdir(mode=0o700)
    with NewUpper(bundle / WRITTEN, directories) as upper:
        yield upper


def _adapt(attributes: Attributes) -> Attributes:
    return replace(attributes, xattrs=escaped(attributes.xattrs))
