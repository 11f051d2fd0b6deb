"""Whether a bundle, a packed one or a backup still is what was made: one answer for the three."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.record import NAME as RECORD
from bundler.bundles.rootfs_image import has_image
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.origins import Json
from bundler.packing.image_verification import image_changes
from bundler.packing.packed import no_signed_directory, open_packed
from bundler.packing.project_verification import PackedProjectVerification
from bundler.packing.verification import PackedVerification
from bundler.progress import SILENT, Progress
from bundler.project.record import NAME, ProjectBundle, is_project
from bundler.project.verification import Judge, ProjectVerification
from bundler.trust.file_signatures import verifier
from bundler.trust.keys import Signed, TrustedKey, Verify
from bundler.upkeep.backup_verification import DOCUMENT, BackupVerification

if TYPE_CHECKING:  # what a lock needs takes as long to import as a small bundle to verify
    from bundler.reproducible.lock import Lock
    from bundler.reproducible.project_lock import ProjectLock

_UNPACK: Final = "bundler unpack makes one of the file"


@dataclass(frozen=True, slots=True)
class Verified:
    """What differs from what was made: nothing, if `changes` is empty.

    `digest` is that of `document` (`bundler.json`, `backup.json`), with which trust begins: kept elsewhere, it tells
    that nothing at all was changed. `files` counts what was compared: files, directories and links; `unread` those that
    this user may not read, of which only the attributes were compared. `signed` says by whom a file was found to be
    signed, where that was asked for.
    """

    document: str
    digest: str
    changes: tuple[Change, ...]
    files: int
    unread: int
    signed: Signed | None = None


def verify(
    bundle: Path | Bundle,
    *,
    lock: "Lock | ProjectLock | None" = None,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
    deep: bool = False,
    trusted: TrustedKey | None = None,
) -> Verified:
    """Compare a bundle or its directory, a project, or what `pack` or `bundler backup` wrote, with its own record.

    The files of rootfs/ are held against rootfs.mtree (mtree(5)), others against their digests in bundler.json, which
    an image of the rootfs has, too: `deep` compares each file in it. Data in volumes may change. With a `lock`, image,
    profile, target and overrides are compared with it, too. Nothing is unpacked. `limits` are the most that a file may
    hold. With a `trusted` key, a file that the key has not signed is not read any further.

    Raises RequestError for what is no bundle, ImageError for a file that is damaged, LayerError for what may not be in
    it, DifferenceError for a signature that is missing or not the key's, BundlerError where the machine is the reason.
    Another difference is no exception.
    """
    if trusted is not None:
        if isinstance(bundle, Bundle):
            raise no_signed_directory()
        # It is opened once, and only what was opened tells what it is: a directory may have taken the file's place.
        return _verify_packed(bundle, lock, limits, progress, deep=deep, verify=verifier(trusted))
    if not isinstance(bundle, Bundle) and is_project(bundle):
        if deep:
            hint = "name one of the project's bundles: DIR/SERVICE"
            raise RequestError("--deep is about a bundle, and this is a project", hint=hint)
        locked = None if lock is None else lock.of_project()
        return _compared_project(ProjectVerification(bundle, _judge(locked)), locked)
    if isinstance(bundle, Bundle) or bundle.is_dir() or not bundle.exists():
        opened = Bundle.open(bundle)
        return _compared(
            Verification(opened, progress=progress),
            None if lock is None else lock.of_bundle(),
            image_changes(opened) if deep and has_image(opened.record.document) else (),
        )
    return _verify_packed(bundle, lock, limits, progress, deep=deep)


def _verify_packed(
    file: Path,
    lock: "Lock | ProjectLock | None",
    limits: Limits,
    progress: Progress,
    *,
    deep: bool,
    verify: Verify | None = None,
) -> Verified:
    """The same of a packed file."""
    if deep:
        raise RequestError("--deep is about a bundle's directory", hint=_UNPACK)
    with open_packed(file, limits, verify=verify) as packed:
        if packed.holds_project:
            locked = None if lock is None else lock.of_project()
            project = PackedProjectVerification(packed, progress, _judge(locked))
            return replace(_compared_project(project, locked), signed=packed.signed)
        if packed.first_document() != DOCUMENT.encode():
            compared = _compared(PackedVerification(packed, progress), None if lock is None else lock.of_bundle())
            return replace(compared, signed=packed.signed)
        if lock is not None:
            raise RequestError("--lock is about a bundle, and this is a backup")
        backup = BackupVerification(packed, progress)
        return Verified(DOCUMENT, backup.digest, tuple(backup.changes()), backup.files, backup.unread, packed.signed)


def _judge(lock: "ProjectLock | None") -> Judge:
    """Tells which of a project's bundles are other ones than the `lock` has."""

    def differs(bundle: ProjectBundle, recorded: Mapping[str, Json]) -> Iterator[Change]:
        locked = None if lock is None else lock.locks.get(bundle.name)
        differing = {} if locked is None else locked.differences(recorded)
        if differing:
            yield Change(f"{bundle.name}/{RECORD}", "not as locked", differing)

    return differs


def _compared_project(
    verification: ProjectVerification | PackedProjectVerification, lock: "ProjectLock | None"
) -> Verified:
    record = verification.record
    differing = {} if lock is None else lock.differences(record.bundles, record.files)
    changes = [Change(NAME, "not as locked", differing)] if differing else []
    changes += verification.changes()
    return Verified(NAME, record.digest, tuple(changes), verification.files, verification.unread)


def _compared(
    verification: Verification | PackedVerification, lock: "Lock | None", in_image: Iterable[Change] = ()
) -> Verified:
    recorded = verification.recorded
    differing = {} if lock is None else lock.differences(recorded.document)
    changes = [Change(RECORD, "not as locked", differing)] if differing else []
    changes += verification.changes()
    changes += in_image
    return Verified(RECORD, recorded.digest, tuple(changes), verification.files, verification.unread)
