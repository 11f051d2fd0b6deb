"""Restoring a backup into the volumes of a bundle: whole and verified, or not at all.

The data is made in a new directory beside the bundle, and verified there. Then that directory takes the bundle's place,
and the rest of the bundle moves into it (succession.py). Until that is done, no runtime can start the bundle, and the
older data is still there.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bundler.bundles.bundle import Bundle, no_bundle
from bundler.bundles.data_folders import DataFiles, data_places, holds_data, write_data_manifest
from bundler.bundles.files import bundle_owners
from bundler.bundles.replacement.rules import OldVolumes, check_replaceable, holding_data
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.replacement.stage_folder import finish_replacement
from bundler.errors import DifferenceError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.packing.packed import open_packed
from bundler.packing.restoring import Restored
from bundler.progress import SILENT, Progress
from bundler.rootfs.tree import Tree
from bundler.upkeep.backup_verification import BackupVerification


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was restored: the folders of the backup, and those of the bundle that held data before."""

    folders: Sequence[str]
    replaced: Sequence[str]


def restore_data(
    file: Path,
    bundle: Path,
    *,
    replace: bool = False,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Restoration:
    """Replace the data folders of the bundle with those of the backup, all in one step.

    Folders that hold data are replaced only with `replace`. Raises BundlerError, of the types that `verify` raises.
    """
    finish_replacement(bundle)
    _check_bundle(bundle)
    with open_stage(bundle.parent, way_out="") as stage, open_packed(file, limits) as packed:
        verification = BackupVerification(packed, progress)
        folders = [os.fsdecode(path) for path in verification.folders]
        replaced = _replaced(bundle, folders)
        if replaced and not replace:
            raise RequestError(holding_data(bundle, replaced), hint="--force replaces it by what the backup holds")
        _check_owners(verification, bundle, packed.label)
        with Tree(stage.bundle, bundle_owners()) as tree:
            restored = Restored(tree, packed.label)
            for _, entry, content in verification.entries():
                restored.apply(entry, content)
        _verify(verification, stage.bundle, stage.workspace / "there", packed.label)
        _dress(stage.bundle, bundle, folders)

        def others() -> list[str]:
            _check_bundle(bundle)
            return _others(bundle, folders)

        stage.publish(bundle, replace=True, carried=others, before=before_publishing)
    return Restoration(folders, replaced)


def _check_bundle(bundle: Path) -> None:
    if not bundle.is_dir():
        raise no_bundle(bundle)
    check_replaceable(bundle, OldVolumes.KEPT)
    if not any(bundle.iterdir()):
        raise RequestError(f"{printable(str(bundle))} is an empty directory", hint="`bundler build` makes a bundle")


def _replaced(bundle: Path, folders: Sequence[str]) -> list[str]:
    """Those of the folders that hold data. Raises RequestError for one that the bundle has no place for."""
    recorded = Bundle(bundle).record.document
    foreign = [path for path in folders if path not in data_places(recorded)]
    if foreign:
        names = ", ".join(map(printable, foreign))
        what = f"{printable(str(bundle))} has no place for {names}"
        raise RequestError(what, hint="restore it into the bundle it was made of, or a newer one of it")
    return [path for path in folders if os.path.lexists(bundle / path) and holds_data(bundle, path, recorded)]


def _check_owners(verification: BackupVerification, bundle: Path, label: str) -> None:
    owned = Bundle(bundle).owned
    if verification.owned != owned:
        kinds = ("an ordinary user's bundle", "a bundle with owners")
        what = f"{label} was made of {kinds[verification.owned]}, and {printable(str(bundle))} is {kinds[owned]}"
        raise RequestError(what, hint="restore it into a bundle of the same kind")
    if not verification.owned and bundle.stat().st_uid != os.geteuid():
        raise RequestError(f"{printable(str(bundle))} is another user's bundle", hint="restore it as that user")


def _verify(verification: BackupVerification, made: Path, manifest: Path, label: str) -> None:
    """What was made has to be what the backup's manifest says, which is as good as its digest."""
    files = DataFiles(made, [os.fsdecode(path) for path in verification.folders], owned=verification.owned)
    if f"sha256:{write_data_manifest(files, manifest)}" != verification.manifest:
        raise DifferenceError(f"{label}: what is in it is not what was backed up", hint="`bundler verify` says what")


def _dress(made: Path, bundle: Path, folders: Sequence[str]) -> None:
    """Directories that are no data, but above it, are like those that they take the place of."""
    for above in ("", *{path.rpartition("/")[0] for path in folders}):
        (made / above).mkdir(exist_ok=True)
        status = (bundle / above).stat()
        if os.geteuid() == 0:
            os.chown(made / above, status.st_uid, status.st_gid)
        shutil.copystat(bundle / above, made / above)


def _others(bundle: Path, folders: Sequence[str]) -> list[str]:
    """The paths of all that is not in the folders, the uppermost of each."""
    paths = []
    for name in sorted(os.listdir(bundle)):  # noqa: PTH208 -- names are enough
        if name in folders:
            continue
        if any(path.startswith(f"{name}/") for path in folders):
            inside = (f"{name}/{each}" for each in sorted(os.listdir(bundle / name)))  # noqa: PTH208
            paths += [path for path in inside if path not in folders]
        else:
            paths.append(name)
    return paths
