"""Whether a bundle still is what was built: each file by what proof.py says that it is proven by.

bundler.json is where trust begins: it holds the digests of config.json, of the manifests and of the files of etc/ and
hooks/. With the digest of bundler.json, kept elsewhere, a user can tell whether anything at all was changed.
"""

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.pieces import BundleMounts, look
from bundler.bundles.record import digest_of
from bundler.bundles.rootfs_image import IMAGE, image_size, is_sealed
from bundler.bundles.verification.comparison import Change
from bundler.bundles.verification.hashed_files import HashedFiles, hashed
from bundler.bundles.verification.proof import MANIFESTS, changed, digests, folders, manifests, named
from bundler.bundles.verification.rootfs_comparison import compare_tree, verifying
from bundler.errors import RequestError, printable
from bundler.input_files import InputError, open_below
from bundler.origins import Json
from bundler.progress import SILENT, Progress
from bundler.rootfs.directories import explain
from bundler.rootfs.mtree import encode_path

_LARGEST: Final = 1 << 30
"""Bytes of a file that has its digest in bundler.json. Documents have less, and a container may state any size."""


class Verification:
    """A look at a bundle. Raises RequestError for one that cannot be checked.

    `recorded` is its bundler.json. Once `changes` has ended, `files` counts the files and directories that were
    compared, `unread` those of them that this user may not look into: of these only the attributes were compared.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        opened_up: bool = False,
        known: HashedFiles | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """With `opened_up`, the bundle is this user's own: what its modes keep him from reading is read anyway.

        `known` are files that other bundles share with it.
        """
        self._bundle = bundle
        self._known = known or HashedFiles()
        self._opened_up = opened_up
        self._progress = progress
        self.unread = 0
        self.recorded = bundle.record
        self.files = len(digests(self.recorded.document))

    def changes(self, *, processes: int | None = None) -> Iterator[Change]:
        """What differs, the bundle's own files first, then by path. Raises RequestError, BundlerError.

        With `processes` 1, this one starts no other; None is one for each processor.
        """
        told = set()
        for change in self.changes_beside_rootfs(processes=processes):
            told.add(change.path)
            yield change
        yield from self._changes_of("rootfs", told, processes)

    def changes_beside_rootfs(self, *, processes: int | None = None) -> Iterator[Change]:
        """What differs in all but the files of the rootfs, which take long to look at."""
        told = set()
        for change in changed_pieces(self._bundle, self.recorded.document, self._progress, self._known):
            told.add(change.path)
            yield change
        for folder in MANIFESTS.keys() - {"rootfs"}:
            yield from self._changes_of(folder, told, processes)

    def _changes_of(self, folder: str, told: Collection[str], processes: int | None) -> Iterator[Change]:
        """What differs from the folder's manifest, which says nothing if it is among those that were `told` of."""
        if folder not in manifests(self.recorded.document):
            yield from self._beside_image()
            return
        manifest = MANIFESTS[folder]
        if manifest not in digests(self.recorded.document) or {folder, manifest} & set(told):
            return
        try:
            compared = compare_tree(
                self._bundle, folder, opened_up=self._opened_up, processes=processes, progress=self._progress
            )
        except OSError as error:
            raise explain(error, printable(str(self._bundle.path / folder))) from error
        self.files += compared.files
        self.unread += compared.unread
        yield from (named(change, folder) for change in compared.changes)

    def _beside_image(self) -> Iterator[Change]:
        """What is in rootfs/, where the image is to be mounted: nothing, or all of that."""
        place = self._bundle.path / "rootfs"
        try:
            names = [] if place.is_symlink() or place.is_mount() else sorted(path.name for path in place.iterdir())
        except OSError as error:
            raise explain(error, printable(str(place))) from error
        yield from (Change(encode_path(os.fsencode(name)).decode(), "extra") for name in names)


def changed_pieces(
    bundle: Bundle, recorded: Mapping[str, Json], progress: Progress = SILENT, known: HashedFiles | None = None
) -> Iterator[Change]:
    """Which documents, generated files, hooks and mounted folders are not as bundler.json has `recorded` them.

    Raises BundlerError.
    """
    try:
        mounted = BundleMounts.of(bundle.readable_config)
        pieces = look(bundle.path, (*mounted.sources, *folders(recorded)))
        yield from changed(
            recorded, pieces, partial(_digest, bundle, recorded, progress, known or HashedFiles()), mounted
        )
    except OSError as error:
        raise explain(error, bundle.label) from error


def has_built_image(bundle: Bundle, known: HashedFiles | None = None) -> bool:
    """Whether the image of the root filesystem is what bundler.json says of it. `known` are files that were read
    already. Raises BundlerError.
    """
    record = bundle.any_record
    if record is None:
        return False
    try:
        wanted = digests(record.document).get(IMAGE)
        return (
            isinstance(wanted, str)
            and _digest(bundle, record.document, SILENT, known or HashedFiles(), IMAGE) == wanted
        )
    except OSError as error:
        raise explain(error, bundle.label) from error


def _digest(
    bundle: Bundle, recorded: Mapping[str, Json], progress: Progress, known: HashedFiles, path: str
) -> str | None:
    """That of a regular file, as bundler.json has it; None for what is none, or is larger than any that `build` writes.

    Raises PermissionError.
    """
    expected = image_size(recorded) if path == IMAGE else None
    if path == "config.json" or path in MANIFESTS.values():
        try:
            return digest_of(bundle.config_json) if path == "config.json" else hashed(bundle.manifest(path))
        except RequestError:
            return None
    folder = os.open(bundle.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.fdopen(open_below(folder, path.split("/")), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if path == IMAGE and size == expected and is_sealed(recorded, stream.fileno()):
                return str(digests(recorded)[IMAGE])
            if size == expected:
                with progress.measure(verifying(bundle), size) as meter:
                    return known.digest(stream, meter)
            return hashed(stream) if expected is None and size <= _LARGEST else None
    except InputError as error:
        if error.number in (errno.EACCES, errno.EPERM):
            raise PermissionError(error.number, os.strerror(error.number), path) from None
        return None
    finally:
        os.close(folder)
