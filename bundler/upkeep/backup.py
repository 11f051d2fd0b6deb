"""Backups: the data in a bundle's volumes as one file, the same bytes for the same data, read back before it appears.

    backup.json  backup.mtree  volumes/NAME/...

backup.json names the folders and has the digest of backup.mtree, which has a line with the digest of each file. Both
come first, so that everything is known before anything is restored.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bundler import __version__
from bundler.bundles.bundle import Bundle
from bundler.bundles.data_folders import DataFiles, data_folders, write_data_manifest
from bundler.bundles.record import part_of
from bundler.bundles.replacement.places import check_outside
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.bundles.runtime import is_idle
from bundler.bundles.write import encode, write_file
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import NONE
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.formats import choose_level, format_of
from bundler.packing.packed import open_packed
from bundler.packing.packing import Packed
from bundler.progress import SILENT, Progress
from bundler.upkeep.backup_verification import DOCUMENT, FORMAT, MANIFEST, BackupVerification

_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made: its file, the folders in it, and remarks for people."""

    packed: Packed
    folders: Sequence[str]
    remarks: Sequence[str]


def back_up(
    bundle: Path,
    output: Path,
    *,
    replace: bool = False,
    level: int | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> BackedUp:
    """Write the files of the bundle's data folders into the new file `output`, whole or not at all.

    Raises RequestError for what cannot be done, BundlerError if data was changed meanwhile or the machine fails.
    """
    opened = Bundle.open(bundle)
    chosen = format_of(output)
    if chosen.is_image:
        raise RequestError(
            f"{printable(str(output))}: a backup is a tar", hint="let it end in .tar.zst, .tar.gz or .tar"
        )
    level = choose_level(chosen, level)
    check_file(output, replace=replace)
    check_outside(output, bundle)
    folders = _folders(opened)
    remarks = [] if is_idle(bundle) else ["a container runs from it: what it has not written out yet is not in there"]
    with open_stage(output.parent) as stage:
        documents, devices = _write_documents(stage, opened, folders)
        entries = BundleEntries(opened, None, documents=documents, folders=folders)
        made = stage.workspace / output.name
        try:
            with progress.measure(f"backing up into {output.name}", None) as meter:
                chosen.write(entries, made, level, 0, meter)
            made.chmod(_PRIVATE)
            packed = Packed(output, made.stat().st_size)
        except OSError as error:
            label = printable(str(output))
            raise full_disk(error, label) or BundlerError(f"{label}: {error.strerror or error}") from None
        _read_back(made, bundle, output)
        stage.publish_file(made, output, replace=replace, before=before_publishing)
    if devices:
        remarks.append(f"{devices} devices were left out")
    return BackedUp(packed, folders, remarks)


def _folders(opened: Bundle) -> list[str]:
    """The data folders, which have to be directories. Raises RequestError."""
    bundle = opened.path
    folders = data_folders(bundle, opened.record.document)
    for path in folders:
        if (bundle / path).is_symlink() or not (bundle / path).is_dir():
            raise RequestError(f"{printable(str(bundle / path))} is not a directory", hint="`bundler verify` says more")
    if not folders:
        raise RequestError(f"{printable(str(bundle))} has no volumes, so there is nothing to back up")
    return folders


def _write_documents(stage: Stage, bundle: Bundle, folders: Sequence[str]) -> tuple[Path, int]:
    """The folder of the two documents, and how many devices were left out."""
    documents = stage.workspace / "documents"
    documents.mkdir()
    documents.chmod(0o700)
    files = DataFiles(bundle.path, folders, owned=bundle.owned)
    digest = write_data_manifest(files, documents / MANIFEST)
    (documents / MANIFEST).chmod(0o644)
    document = {
        "format": FORMAT,
        "bundler": __version__,
        "image": part_of(bundle.record.document, "image").get("id"),
        "owned": bundle.owned,
        "folders": list(folders),
        "manifest": f"sha256:{digest}",
    }
    write_file(documents / DOCUMENT, encode(document))
    return documents, files.devices


def _read_back(made: Path, bundle: Path, output: Path) -> None:
    """What was written is what was looked at before, unless a volume was written to in between."""
    with open_packed(made, NONE, label=printable(str(output))) as packed:
        for change in BackupVerification(packed).changes():
            what = f"{printable(str(bundle))}: {printable(change.path)} was changed while it was backed up"
            raise BundlerError(what, hint="stop the container first")
