"""The layer that umoci makes of what has become different in a rootfs.

umoci is not given the bundle: it would look through all of it again, take mount points and labels of the machine for
changes, and leave the ids of a user namespace in attributes. It gets a bundle that holds what is different and the
directories on the way there, and a layout with an image that has no layers; what it adds to that is the layer.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.bundles.write import encode
from bundler.bundles.written_out import WrittenOut
from bundler.errors import BundlerError, ToolError, printable
from bundler.images.choice import Choice
from bundler.images.digest import Digest
from bundler.images.index import PlatformChoice
from bundler.images.layer import LocalLayer
from bundler.images.platform import Platform
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import open_layout
from bundler.limits import DEFAULTS
from bundler.progress import SILENT
from bundler.repack.delta import Delta
from bundler.repack.go_mtree import mention
from bundler.repack.umoci_metadata import NAME, describe, manifest_name
from bundler.rootfs.copying import Copy
from bundler.rootfs.owners import Owners
from bundler.rootfs.paths import PathError, ancestors
from bundler.rootfs.scan import walk
from bundler.rootfs.tree import Tree
from bundler.rootfs.umoci import write_layout
from bundler.tools import UMOCI, run

_TAG: Final = "repacked"
_ANY: Final = PlatformChoice(Platform("linux", "amd64"), requested=False)


@contextmanager
def make_layer(tree: Tree, delta: Delta, owners: Owners, workspace: Path, name: str) -> Iterator[LocalLayer]:
    """The layer, for as long as the context lasts; `workspace` is an empty private folder.

    `owners` makes of the attributes on disk those of the image. `name` is that of the bundle, for messages. Raises
    BundlerError, ToolError.
    """
    bundle, layout = workspace / "bundle", workspace / "layout"
    (bundle / "rootfs").mkdir(parents=True)
    _copy(tree, delta, bundle / "rootfs", owners, name)
    listed = write_layout(layout, ())
    manifest = Digest.parse(listed["digest"])
    described = describe(manifest, listed["size"], rootless=owners.confined)
    (bundle / NAME).write_bytes(encode(described))
    new = set(delta.there)
    with (
        Tree(bundle / "rootfs", owners.as_they_are()) as copied,
        (bundle / manifest_name(manifest)).open("wb") as lines,
    ):
        unchanged = ((found.path, found.attributes) for found in walk(copied) if found.path not in new)
        lines.writelines(mention(unchanged, delta.gone))
    run(UMOCI, "repack", "--no-history", f"--image={layout}:{_TAG}", bundle)
    with open_folder(layout, DEFAULTS) as files:
        image = open_layout(files, Choice(name=_TAG), _ANY, transport="oci", file_name="")
        if len(image.layers) != 1:
            raise ToolError(f"umoci made {len(image.layers)} layers of what was changed, and not one")
        with image.local(SILENT) as (layer,):
            yield layer


def _copy(tree: Tree, delta: Delta, root: Path, owners: Owners, name: str) -> None:
    """What is different, and the directories on the way there, as an image would have them."""
    with Tree(root, owners) as target:
        copy = Copy(tree, target)
        holes = WrittenOut(
            name, "umoci knows no holes: make the file smaller, or keep it out of the rootfs, in a volume"
        )
        known: set[bytes] = set()
        path = b""
        try:
            for path in delta.there:
                _check(tree, path, name)
                status = tree.status(tree.locate(path))
                if status is not None and stat.S_ISREG(status.st_mode):
                    holes.add(path, status.st_size, status.st_blocks * 512)
                for each in (*reversed(list(ancestors(path))), path):
                    if each not in known:
                        known.add(each)
                        copy.add(each, each)
        except PathError as error:
            raise BundlerError(f"{name}: /{printable(path)} cannot be in a layer: {error}") from None
    if owners.skipped:
        what = ", ".join(owners.skipped)
        raise BundlerError(f"{name}: {what} cannot be read by this user", hint="repack it as root")


def _check(tree: Tree, path: bytes, name: str) -> None:
    """Raise BundlerError for what Go's writer of tar archives leaves out without a word."""
    for xattr, value in tree.attributes(tree.locate(path)).xattrs.items():
        if not value:
            what = f"{name}: /{printable(path)}: umoci would lose the empty attribute {printable(xattr)}"
            raise BundlerError(what, hint="remove the attribute, or give it a value")
