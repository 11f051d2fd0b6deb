"""A packed bundle becomes a directory again: nothing of it is trusted.

Its files are made by the rules of restoring.py. Then rootfs/ is held against rootfs.mtree and the documents against
bundler.json, and only then does it appear.
"""

import os
from collections.abc import Callable
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.pieces import check_sources
from bundler.bundles.replacing import OldVolumes, carried_folders, check_destination
from bundler.bundles.stage import open_stage
from bundler.bundles.verification import Verification
from bundler.errors import BundlerError, DifferenceError, ImageError, RequestError, printable
from bundler.limits import DEFAULTS, Limits
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.compared_unpacking import ComparedUnpacking
from bundler.packing.packed import NO_BUNDLE, PackedFile, PackedStream, open_packed
from bundler.packing.restoring import Restored
from bundler.progress import SILENT, Meter, Progress
from bundler.rootfs.tree import Tree
from bundler.trust.keys import TrustedKey


def unpack(
    file: Path,
    output: Path,
    *,
    as_is: bool = False,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.REFUSED,
    limits: Limits = DEFAULTS,
    trusted: TrustedKey | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> None:
    """Make the bundle `output` out of the `file` that `pack` has written, whole or not at all.

    With a `trusted` key, only if the key has signed the file, as a signature beside it says.
    With `replace`, a bundle that is there is replaced; `volumes` says what becomes of the data in it.
    `before_publishing` is called when nothing is left to do but the step that makes the bundle appear.

    Raises DifferenceError for one that is not what was built, unless `as_is`; ImageError for a file that is damaged,
    LayerError for what may not be in it or is beyond `limits`, RequestError, BundlerError.
    """
    check_destination(output, replace=replace, volumes=volumes)
    with open_stage(output.parent) as stage:
        unpack_into(stage.bundle, file, as_is=as_is, limits=limits, trusted=trusted, progress=progress)
        stage.publish(
            output,
            replace=replace,
            carried=lambda: carried_folders(output, stage.bundle, volumes),
            before=before_publishing,
        )


def unpack_into(
    bundle: Path,
    file: Path,
    *,
    as_is: bool = False,
    limits: Limits = DEFAULTS,
    trusted: TrustedKey | None = None,
    progress: Progress = SILENT,
) -> None:
    """Fill `bundle`, a folder of a stage, with what is packed in `file`. Raises what `unpack` raises."""
    with (
        open_packed(file, limits, trusted=trusted) as packed,
        progress.measure(f"unpacking {file.name}", packed.total) as meter,
    ):
        compared = fill(bundle, packed, meter, compare=not as_is)
    check(bundle, printable(str(file)), as_is=as_is, compared=compared)


def check(bundle: Path, label: str, *, as_is: bool = False, compared: bool = False) -> None:
    """Raise ImageError unless what was unpacked is a bundle, DifferenceError unless it is what was built.

    `compared` is what `fill` has given: then the files of rootfs/ are known to be.
    """
    if not (bundle / "config.json").is_file() or not (bundle / "rootfs").is_dir():
        raise ImageError(f"{label} holds no bundle", hint=NO_BUNDLE)
    check_sources(bundle, Bundle(bundle).readable_config, label)
    if not as_is:
        _verify(bundle, label, compared=compared)


def copy_into(bundle: Path, source: Path) -> None:
    """Make `bundle`, a folder of a stage, the same as the bundle `source`, which has to be what was built.

    Its files come as `pack` would have them and are made as by `unpack`. Raises DifferenceError, BundlerError.
    """
    label = printable(str(source))
    with Tree(bundle, bundle_owners()) as tree:
        restored = Restored(tree, label)
        for entry, content in BundleEntries(Bundle.open(source), f"`bundler verify {label}` lists all that differs"):
            restored.apply(entry, content)


def fill(bundle: Path, packed: PackedFile | PackedStream, meter: Meter, *, compare: bool = True) -> bool:
    """Make what `packed` holds in `bundle`, a folder of a stage; whether rootfs/ is known to be what its manifest says.

    Unless they are to `compare`, and where an ordinary user's files cannot be all that entries say, that is not known.
    Raises LayerError, BundlerError, DamagedError.
    """
    with Tree(bundle, bundle_owners()) as tree:
        restored, entries = Restored(tree, packed.label), packed.entries(meter)
        if compare and tree.owners.kept:
            return ComparedUnpacking(bundle, restored).unpack(entries)
        for entry, content in entries:
            restored.apply(entry, content)
        return False


def _verify(bundle: Path, label: str, *, compared: bool) -> None:
    try:
        verification = Verification(Bundle(bundle))
        changes = verification.changes_beside_rootfs() if compared else verification.changes()
        change = next(changes, None)
    except RequestError as error:
        what = error.what.replace(f"{bundle}/", "").replace(str(bundle), "the bundle in it")
        hint = "it was packed --as-is, or is no bundle; --as-is unpacks it"
        raise DifferenceError(f"{label}: {what}", hint=hint) from None
    if change is None:
        return
    if os.geteuid() and "uid" in change.keywords:
        raise BundlerError(f"{label}: its files belong to root", hint="unpack it as root")
    raise DifferenceError(
        f"{label}: the bundle in it is not what was built: {printable(change.path)} differs",
        hint="if it was packed --as-is, unpack it --as-is",
    )
