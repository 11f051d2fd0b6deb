"""A full disk, or a user's full share of one: told as such by whoever writes, with the file system that is full."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.errors import BundlerError, printable

_REASONS: Final = {
    errno.ENOSPC: "no space left on the file system",
    errno.EDQUOT: "this user's quota is used up on the file system",
}


class FullDiskError(BundlerError):
    """`where` names the file that could not be written; the file system is known to who has chosen the place."""

    def __init__(self, where: str, number: int, folder: Path | None = None, way_out: str = "") -> None:
        self.where = where
        self.number = number
        self.folder = folder
        system = "" if folder is None else f" at {printable(str(_mount_point(folder)))}"
        there = "there" if system else "on it"
        other = f" with {way_out}" if way_out else ""
        stays = system and not way_out  # it is what is there that would be changed
        hint = f"free some space {there}" + ("" if stays else f", or choose another disk{other}")
        super().__init__(f"{where}: {_REASONS[number]}{system}", hint=hint)


def full_disk(error: OSError, where: str) -> FullDiskError | None:
    """The failure to raise for `error` about the file that `where` names; None where the disk is not full."""
    return FullDiskError(where, error.errno) if error.errno in _REASONS else None


@contextmanager
def writing_below(folder: Path, way_out: str, where: str | None = None) -> Iterator[None]:
    """A disk that is full inside of the context is that of `folder`; `way_out` says how to choose another one,
    and is empty where there is none.

    `where` is what messages call what is written, if not the folder.
    """
    try:
        yield
    except FullDiskError as error:
        raise FullDiskError(error.where, error.number, error.folder or folder, way_out) from error
    except OSError as error:
        if error.errno not in _REASONS or _is_elsewhere(error, folder):
            raise
        raise FullDiskError(where or printable(str(folder)), error.errno, folder, way_out) from error


def _is_elsewhere(error: OSError, folder: Path) -> bool:
    """Whether `error` names a file on another file system."""
    if not isinstance(error.filename, str | bytes):
        return False
    try:
        return Path(os.fsdecode(error.filename)).absolute().parent.stat().st_dev != folder.stat().st_dev
    except OSError:
        return False  # a folder that is gone already was inside


def _mount_point(folder: Path) -> Path:
    """Where the file system that `folder` is on begins."""
    place = folder.resolve()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return place
