"""What a container has written into its root filesystem moves along into the bundle that takes the place of its own.

It is copied, so that the older bundle stays as it is; rootfs_merge.py says what of it. Either root filesystem is a
directory, or an image with the folder of what was written over it. Neither is trusted: both are read and written
component by component, and no symlink of theirs is followed by the kernel.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners, failure_at
from bundler.bundles.image_reading import open_outline
from bundler.bundles.rootfs_image import IMAGE, UPPER, has_image, is_written_over
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import BundlerError, printable
from bundler.light_dataclasses import dataclass
from bundler.repack.changed_paths import ChangedPaths
from bundler.repack.changed_rootfs import open_changed_rootfs
from bundler.rootfs.copying import Copy
from bundler.rootfs.home import Home
from bundler.rootfs.mount_points import Mounts
from bundler.rootfs.mtree import MtreeError, sort_key
from bundler.rootfs.tree import Tree
from bundler.rootfs.upper import is_whiteout
from bundler.upkeep.compared_files import built_files, directory_attributes, with_ancestors, written_files
from bundler.upkeep.rootfs_merge import Merge, merge
from bundler.upkeep.upper_making import make_upper

_HIDDEN: Final = "over an image, such a device says that there is no file"
_AS_ROOT: Final = "do this as root"


@dataclass(frozen=True, slots=True)
class WritableLayer:
    """`merge` says what of it moves, and `move` copies that into the new bundle; `obstacle` is why nothing can.

    `changes` counts what the container has changed; None where that cannot be told.
    """

    changes: int | None
    merge: Merge
    move: Callable[[], None]
    obstacle: BundlerError | None = None


def owners_of(bundle: Bundle) -> object:
    """By what the users that its files have on the disk are those that its container sees."""
    return bundle.owned, bundle.config.uid_mappings, bundle.config.gid_mappings


@contextmanager
def open_writable_layer(old: Bundle, new: Bundle) -> Iterator[WritableLayer]:
    """That of the bundle `old`, beside the bundle `new`, which has none yet."""
    with ExitStack() as held:
        yield _open(old, new, held)


def _open(old: Bundle, new: Bundle, held: ExitStack) -> WritableLayer:
    count = None
    try:
        written, changed = held.enter_context(open_changed_rootfs(old, Verification(old, opened_up=True)))
        count = len(changed.there) + len(changed.gone)
        if changed:
            _check_writable(new)
            _check_owners(old, new, written, changed)
        merged = _merge(old, new, written, changed) if changed else Merge()
    except (BundlerError, MtreeError, OSError) as error:
        why = error if isinstance(error, BundlerError) else BundlerError(f"{old.label}: {printable(str(error))}")
        return WritableLayer(count, Merge(), _nothing, why)
    count = len(merged.taken) + len(merged.gone) + len(merged.staying)
    return WritableLayer(count, merged, partial(_move, old, new, written, merged))


def _nothing() -> None:
    """What is to be done where nothing moves."""


def _check_writable(new: Bundle) -> None:
    """Raise BundlerError for an image over which nothing is seen, or what its own container has written there."""
    if has_image(new.record.document) and new.config.root_is_readonly:
        what = f"the root filesystem of the new bundle is read-only, and nothing is seen over its {IMAGE}"
        raise BundlerError(what, hint="build it with --rootfs dir")
    if is_written_over(new.path):
        what = "the new bundle comes with what its own container wrote"
        raise BundlerError(what, hint=f"without its {UPPER}/, it is as it was built")


def _check_owners(old: Bundle, new: Bundle, written: Tree, changed: ChangedPaths) -> None:
    """Raise BundlerError where a copy would belong to other users than what it is a copy of."""
    if owners_of(old) != owners_of(new):
        hint = "build the new one with the same --uid-map, --gid-map and --rootless"
        raise BundlerError(f"the files of {old.label} belong to other users than those of the new bundle", hint=hint)
    if not old.owned and (has_image(old.record.document) or has_image(new.record.document)):
        what = f"{old.label}: what is written over an image that an ordinary user mounts has the users of a namespace"
        raise BundlerError(what, hint="build both with --rootfs dir")
    user = os.geteuid()
    statuses = map(written.status, changed.there) if user else ()
    if user and (old.owned or any(status is not None and status.st_uid != user for status in statuses)):
        raise BundlerError(f"{old.label}: its files belong to several users", hint=_AS_ROOT)


def _merge(old: Bundle, new: Bundle, written: Tree, changed: ChangedPaths) -> Merge:
    kinds = {path: written.kind(path) for path in changed.there}
    hidden = {path for path in changed.there if has_image(new.record.document) and _is_hidden(written, path)}
    there = {path for path, kind in kinds.items() if kind != stat.S_IFSOCK} - hidden
    paths = there.union(changed.gone)
    wanted = with_ancestors(paths)
    tops = {path for path in paths if kinds.get(path) != stat.S_IFDIR}
    built, newer = (built_files(bundle, wanted, tops) for bundle in (old, new))
    container = written_files(written, wanted.difference(changed.gone), built.keys() | newer.keys(), owned=old.owned)
    merged = merge(paths, built, container, newer, _mounted(new))
    merged.staying.update(dict.fromkeys(sorted(hidden), _HIDDEN))
    return merged


def _is_hidden(written: Tree, path: bytes) -> bool:
    file = written.look(path)
    return file is not None and is_whiteout(file)


def _mounted(bundle: Bundle) -> set[bytes]:
    """The paths of the root filesystem, without symlinks in them, that the bundle mounts something at."""
    with ExitStack() as held:
        rootfs: Home = (
            held.enter_context(open_outline(bundle))
            if has_image(bundle.record.document)
            else held.enter_context(Tree(bundle.path / "rootfs", bundle_owners()))
        )
        mounts, paths = Mounts(rootfs), set[bytes]()
        for mount in bundle.config.mounts:
            spot = mounts.locate(mount.destination)
            if spot is not None:
                mounts.add(spot)
                paths |= {spot.path} if spot.mount is None else set()
        return paths


def _move(old: Bundle, new: Bundle, written: Tree, merged: Merge) -> None:
    """Copy what moves into the new bundle. Raises BundlerError."""
    if not merged:
        return
    paths = sorted({*merged.implied, *merged.taken}, key=sort_key)
    try:
        with _writable(new, {*paths, *merged.gone}) as target:
            for path in merged.gone:
                target.remove(path)
            copy = Copy(written, target)
            for path in paths:
                _make_room(target, path, written.kind(path))
                copy.add(path, path)
    except OSError as error:
        raise failure_at(old.path, error) from error


def _writable(new: Bundle, paths: Collection[bytes]) -> AbstractContextManager[Tree]:
    """Where the container of the new bundle would write: its rootfs, or the folder over its image."""
    if has_image(new.record.document):
        return make_upper(new.path, directory_attributes(new, with_ancestors(paths)))
    return Tree.open(new.path / "rootfs", bundle_owners())


def _make_room(target: Tree, path: bytes, kind: int) -> None:
    target.resolve(path, create=True)
    there = target.kind(path)
    if there and not there == kind == stat.S_IFDIR:
        target.remove(path)


def written_since(bundle: Bundle, other: Bundle) -> int | None:
    """How many files of the bundle's root filesystem its container has written or removed, beside what it has in common
    with the bundle `other`, whose container has written that; None where that cannot be told.
    """
    try:
        with (
            open_changed_rootfs(bundle, Verification(bundle, opened_up=True)) as (tree, changed),
            open_changed_rootfs(other, Verification(other, opened_up=True)) as (before, earlier),
        ):
            files = {path for path in changed.there if tree.kind(path) not in (stat.S_IFDIR, stat.S_IFSOCK)}
            common = files.intersection(earlier.there)
            now, then = (
                written_files(each, common, common, owned=owner.owned)
                for each, owner in ((tree, bundle), (before, other))
            )
            alike = sum(now[path] == then.get(path) for path in now)
            return len(files) - alike + len({*changed.gone} - {*earlier.gone})
    except (BundlerError, MtreeError, OSError):
        return None
