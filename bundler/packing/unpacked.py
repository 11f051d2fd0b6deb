"""What is packed becomes files in a folder of a stage, by the rules of restoring.py, and is held against its record."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.pieces import check_sources
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.errors import BundlerError, DifferenceError, ImageError, RequestError, printable
from bundler.limits import DEFAULTS, Limits
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.compared_unpacking import ComparedUnpacking
from bundler.packing.packed import HOLDS_PROJECT, NO_BUNDLE, PackedFile, PackedStream, open_packed
from bundler.packing.restoring import Restored, RestoredProject
from bundler.progress import SILENT, Meter, Progress
from bundler.project.record import ProjectRecord, is_project
from bundler.project.verification import ProjectVerification
from bundler.rootfs.tree import Tree


def unpack_into(bundle: Path, file: Path, *, limits: Limits = DEFAULTS, progress: Progress = SILENT) -> None:
    """Fill `bundle`, a folder of a stage, with the bundle in `file`. Raises what `unpack` raises."""
    with open_packed(file, limits) as packed, progress.measure(f"unpacking {file.name}", packed.total) as meter:
        compared = fill(bundle, packed, meter)
    check(bundle, packed.label, compared=compared)


def check(bundle: Path, label: str, *, as_is: bool = False, compared: bool = False) -> None:
    """Raise ImageError unless a bundle was unpacked, DifferenceError unless it is as it was built.

    `compared` is the result of `fill`: if it is true, rootfs/ has been compared already.
    """
    _check_bundle(bundle, label)
    if as_is:
        return

    def changes() -> Iterator[Change]:
        verification = Verification(Bundle(bundle))
        return verification.changes_beside_rootfs() if compared else verification.changes()

    _verify(bundle, label, "bundle", changes)


def check_project(project: Path, label: str, *, as_is: bool = False) -> None:
    """Raise ImageError unless a project was unpacked, DifferenceError unless it is as it was built."""
    if not as_is:
        _verify(project, label, "project", lambda: ProjectVerification(project).changes())
    for bundle in _record(project, label).bundles:
        _check_bundle(project / bundle.name, f"{label}/{printable(bundle.name)}")


def _record(project: Path, label: str) -> ProjectRecord:
    try:
        return ProjectRecord.open(project)
    except RequestError as error:
        raise ImageError(f"{label}: {error.what.replace(f'{project}/', '')}", hint=error.hint) from None


def _check_bundle(bundle: Path, label: str) -> None:
    if not (bundle / "config.json").is_file() or not (bundle / "rootfs").is_dir():
        what, hint = ("a project, and no bundle", HOLDS_PROJECT) if is_project(bundle) else ("no bundle", NO_BUNDLE)
        raise ImageError(f"{label} holds {what}", hint=hint)
    check_sources(bundle, Bundle(bundle).readable_config, label)


def copy_into(bundle: Path, source: Path) -> None:
    """Copy the bundle `source`, which must be unchanged, into `bundle`, a folder of a stage.

    The files are those that `pack` would store, made as `unpack` makes them. Raises DifferenceError, BundlerError.
    """
    label = printable(str(source))
    with Tree(bundle, bundle_owners()) as tree:
        restored = Restored(tree, label)
        for entry, content in BundleEntries(Bundle.open(source), f"`bundler verify {label}` lists all that differs"):
            restored.apply(entry, content)


def fill(bundle: Path, packed: PackedFile | PackedStream, meter: Meter, *, compare: bool = True) -> bool:
    """Make the packed files in `bundle`, a folder of a stage; whether rootfs/ was found to agree with its manifest.

    The result is False, too, if nothing was to `compare`, or if an ordinary user cannot give files their owners. Raises
    LayerError, BundlerError, DamagedError.
    """
    with Tree(bundle, bundle_owners()) as tree:
        restored, entries = Restored(tree, packed.label), packed.entries(meter)
        if compare and tree.owners.kept:
            return ComparedUnpacking(bundle, restored).unpack(entries)
        for entry, content in entries:
            restored.apply(entry, content)
        return False


def fill_project(project: Path, packed: PackedFile | PackedStream, meter: Meter) -> None:
    """Make the project that `packed` holds in a folder of a stage. Raises LayerError, BundlerError, DamagedError."""
    with Tree(project, bundle_owners()) as tree:
        restored = RestoredProject(tree, packed.label)
        for entry, content in packed.entries(meter):
            restored.apply(entry, content)


def _verify(folder: Path, label: str, what: str, changes: Callable[[], Iterator[Change]]) -> None:
    try:
        change = next(changes(), None)
    except RequestError as error:
        wrong = error.what.replace(f"{folder}/", "").replace(str(folder), f"the {what} in it")
        hint = f"it was packed --as-is, or is no {what}; --as-is unpacks it"
        raise DifferenceError(f"{label}: {wrong}", hint=hint) from None
    if change is None:
        return
    if os.geteuid() and "uid" in change.keywords:
        raise BundlerError(f"{label}: its files belong to root", hint="unpack it as root")
    raise DifferenceError(
        f"{label}: the {what} in it is not what was built: {printable(change.path)} differs",
        hint="if it was packed --as-is, unpack it --as-is",
    )
