"""One root filesystem for several bundles. Where it is the same rootfs.erofs, its bytes can be on a disk once.

Where the disk has reflinks (FICLONE), a bundle gets a file of its own, whose blocks are shared until one of both files
is written to. Elsewhere the file gets another name, so that what is written to it by one changes all: it is nobody's to
write to, and `verify` and `run` compare its digest.
"""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import MANIFEST, Bundle
from bundler.bundles.rootfs_image import IMAGE, has_image
from bundler.bundles.write import make_folder
from bundler.errors import BundlerError, RequestError, printable
from bundler.input_files import InputError, open_inside
from bundler.reflinks import clone
from bundler.rootfs.copying import seed_volume
from bundler.rootfs.directories import explain
from bundler.rootfs.owners import Owners
from bundler.rootfs.tree import Tree

_NO_LINKS: Final = {
    errno.EXDEV: "it lies on another file system",
    errno.EMLINK: "it has as many names as its file system allows",
    errno.EPERM: "its file system has no links",
    errno.EOPNOTSUPP: "its file system has no links",
}
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class _NotSharedError(Exception):
    """Why a file cannot be shared."""


def give_rootfs(bundle: Path, other: Path, owners: Owners) -> None:
    """Let the new bundle `other` have the root filesystem of `bundle`, and its manifest. Raises BundlerError.

    An image gets a second name, a directory is copied, since each container writes to its own.
    """
    try:
        shutil.copyfile(bundle / MANIFEST, other / MANIFEST)
        (other / MANIFEST).chmod(0o644)
        if (bundle / IMAGE).exists():
            (other / IMAGE).hardlink_to(bundle / IMAGE)
            make_folder(other / "rootfs")
            os.utime(other / "rootfs", (0, 0))
            return
        with Tree.open(bundle / "rootfs", owners.as_they_are()) as source:
            seed_volume(source, b"/", other / "rootfs", owners.as_they_are())
    except OSError as error:
        raise explain(error, printable(str(other))) from error


def open_source(path: Path) -> Bundle:
    """The bundle at `path`, whose image is to be shared. Raises RequestError."""
    bundle = Bundle.open(path)
    if not has_image(bundle.record.document):
        hint = "bundler build --rootfs erofs makes one that has"
        raise RequestError(f"--link-from: {bundle.label} has no root filesystem in an image", hint=hint)
    return bundle


def share_image(made: Bundle, source: Bundle) -> str:
    """Let the bundle that was `made` have the image of `source`, if that is the same; empty, or why it has its own.

    Nothing is taken on trust: what becomes the image was read, and has the digest that was recorded. BundlerError.
    """
    try:
        _share(made, source)
    except _NotSharedError as error:
        return f"{IMAGE} of {source.label} is not shared: {error}"
    except OSError as error:
        raise explain(error, printable(str(made.path / IMAGE))) from error
    return ""


def share_with_any(made: Bundle, folder: Path) -> None:
    """The same with any bundle in a folder of `folder`. None has to have the image, or to stay there meanwhile."""
    if not has_image(made.record.document):
        return
    for path in sorted(folder.glob(f"*/*/{IMAGE}")):
        with suppress(BundlerError, OSError):
            if not share_image(made, open_source(path.parent)):
                return


def _share(made: Bundle, source: Bundle) -> None:
    wanted = _digest(made)
    if _digest(source) != wanted:
        raise _NotSharedError("it is another image")
    with _opened(source) as descriptor, _replacement(made.path / IMAGE) as place:
        if not _clone(descriptor, place, wanted):
            _check_link(descriptor, wanted)
            _link(source.path / IMAGE, descriptor, place)


def _digest(bundle: Bundle) -> object:
    image = bundle.record.document.get("rootfs")
    return image.get("sha256") if isinstance(image, dict) else None


@contextmanager
def _opened(source: Bundle) -> Iterator[int]:
    try:
        descriptor = open_inside(source.path / IMAGE)
    except InputError as error:
        raise _NotSharedError(f"it {error}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _replacement(file: Path) -> Iterator[Path]:
    """A place beside `file`, where nothing is; what is made there takes the place of `file`."""
    place = file.with_name(f"{file.name}.shared")
    try:
        yield place
        os.utime(place, (0, 0))
        place.replace(file)
    finally:
        place.unlink(missing_ok=True)


def _clone(descriptor: int, place: Path, wanted: object) -> bool:
    """Whether the file's blocks are shared now. What is hashed is the new file, which nothing else can write to."""
    target = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if not clone(descriptor, target):
            place.unlink()
            return False
        _check(target, wanted)
        os.fchmod(target, 0o444)
    finally:
        os.close(target)
    return True


def _check_link(descriptor: int, wanted: object) -> None:
    """Whoever may write to the file then writes to both."""
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
        raise _NotSharedError("another user may write to it")
    _check(descriptor, wanted)


def _link(file: Path, descriptor: int, place: Path) -> None:
    try:
        os.link(file, place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise _NotSharedError(_NO_LINKS[error.errno]) from None
    if not os.path.samestat(place.lstat(), os.fstat(descriptor)):
        raise _NotSharedError("it was exchanged meanwhile")
    os.fchmod(descriptor, 0o444)


def _check(descriptor: int, wanted: object) -> None:
    with open(descriptor, "rb", closefd=False) as stream:
        stream.seek(0)
        if f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}" != wanted:
            raise _NotSharedError("it is not what was built")
