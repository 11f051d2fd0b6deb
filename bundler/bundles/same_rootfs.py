"""The root filesystem of one bundle given to another, which is to have the same: an image by a second name, a directory
by a copy, since each container writes to its own.
"""

import os
import shutil
from pathlib import Path

from bundler.bundles.rootfs_image import IMAGE
from bundler.bundles.write import make_folder
from bundler.errors import printable
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.directories import explain
from bundler.rootfs.owners import Owners
from bundler.rootfs.tree import Tree

_MANIFEST = "rootfs.mtree"


def give_rootfs(bundle: Path, other: Path, owners: Owners) -> None:
    """Let the new bundle `other` have the root filesystem of `bundle`, and its manifest. Raises BundlerError."""
    try:
        shutil.copyfile(bundle / _MANIFEST, other / _MANIFEST)
        (other / _MANIFEST).chmod(0o644)
        if (bundle / IMAGE).exists():
            (other / IMAGE).hardlink_to(bundle / IMAGE)
            make_folder(other / "rootfs")
            os.utime(other / "rootfs", (0, 0))
            return
        with Tree.open(bundle / "rootfs", owners.as_they_are()) as source:
            seed_volume(source, b"/", other / "rootfs", owners.as_they_are())
    except OSError as error:
        raise explain(error, printable(str(other))) from error
