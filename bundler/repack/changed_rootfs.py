"""What has become different in the root filesystem of a bundle, and where it can be read: in its directory, or in what
was written over its image.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.rootfs_image import has_image
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import RequestError
from bundler.repack.changed_paths import ChangedPaths, find_changed_paths, rootfs_changes
from bundler.repack.written_over import open_written_over
from bundler.rootfs.directories import explain
from bundler.rootfs.mtree import MtreeError
from bundler.rootfs.tree import Tree


@contextmanager
def open_changed_rootfs(bundle: Bundle, verification: Verification) -> Iterator[tuple[Tree, ChangedPaths]]:
    """Where all that is new or changed can be read, and what is: the rootfs, or what was written over its image.

    Raises RequestError, DifferenceError, BundlerError.
    """
    name, path = bundle.label, bundle.path.resolve()
    changes = rootfs_changes(verification, name)
    destinations = [mount.destination for mount in bundle.config.mounts]
    own = verification.recorded.mount_points
    try:
        with ExitStack() as held:
            over = held.enter_context(open_written_over(bundle)) if has_image(verification.recorded.document) else None
            if over is None:
                tree = Tree(path / "rootfs", bundle_owners())
                held.callback(tree.finish)  # also after a failure: modes that kept this user from reading are put back
                yield tree, find_changed_paths(changes, tree, tree, destinations, own)
            else:
                upper, written = over
                yield upper, find_changed_paths(written.changes(bundle), written.seen(bundle), upper, destinations, own)
    except OSError as error:
        raise explain(error, name) from error
    except MtreeError as error:
        raise RequestError(f"{name}: rootfs.mtree: {error}") from None
