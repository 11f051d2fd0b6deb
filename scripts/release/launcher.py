"""What bundler.pyz does first: put its files into the user's cache, once, and go on from there.

Python imports no compiled module from a zip. What is in the cache is run, so the folder has to be the user's alone: a
folder that others could have made or can change is refused, on the whole way to it (as sshd does it with StrictModes).
The folder's name is the digest of what is in it. It gets that name when it is complete.

Of this package, this module alone is in the zipapp: it imports nothing of it.
"""

import fcntl
import os
import shutil
import stat
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final, NoReturn

FILES: Final = "files/"  # where the zipapp has them
_WRITABLE: Final = stat.S_IWGRP | stat.S_IWOTH
_ELSEWHERE: Final = "name another folder for it: XDG_CACHE_HOME=/a/folder bundler.pyz ..."


class UnfitError(Exception):
    """Why bundler.pyz cannot run here, and what to do."""

    def __init__(self, what: str, hint: str = _ELSEWHERE) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def start(digest: str, endings: tuple[str, ...]) -> None:
    """Run bundler out of the cache. `endings`: those of the compiled modules that it has, by Python and machine."""
    try:
        check_python(endings)
        home = unpacked(Path(sys.argv[0]), digest, cache_folder())
    except UnfitError as unfit:
        fail(unfit)
    sys.path[0] = str(home)
    from bundler.__main__ import main  # noqa: PLC0415 -- it is there from now on

    main()


def fail(unfit: UnfitError) -> NoReturn:
    sys.stderr.write(f"bundler: error: {unfit.what}\nbundler: hint: {unfit.hint}\n")
    sys.exit(1)


def check_python(endings: tuple[str, ...]) -> None:
    """Raise UnfitError where none of the compiled modules can be imported."""
    here = EXTENSION_SUFFIXES[0]
    if here not in endings:
        known = ", ".join(ending.strip(".").removesuffix(".so") for ending in endings)
        what = f"this Python takes modules for {here.strip('.').removesuffix('.so')}, and bundler.pyz has {known}"
        raise UnfitError(what, "take one of these Pythons, or install the wheel with pip")


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/oci-bundler, or the same in ~/.cache. A relative path means nothing (XDG base directories)."""
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if stated.is_absolute():
        return stated / "oci-bundler"
    try:
        return Path.home() / ".cache/oci-bundler"
    except RuntimeError:
        raise UnfitError("there is no home directory, so bundler.pyz has no place for its files") from None


def unpacked(archive: Path, digest: str, cache: Path) -> Path:
    """The folder with what the zipapp carries, after it has been made if it was not there."""
    try:
        for folder in (*reversed(cache.parents), cache):
            make(folder)
        cache = cache.resolve(strict=True)
        for folder in (cache, *cache.parents):
            check_owner(folder, folder.stat())
        if os.statvfs(cache).f_flag & os.ST_NOEXEC:
            raise UnfitError(f"{cache} is on a file system that is mounted noexec: no compiled module loads from there")
        ending = EXTENSION_SUFFIXES[0]
        home = cache / f"{digest}{ending.removesuffix('.so')}"
        if not home.is_dir():
            with locked(cache):
                if not home.is_dir():
                    extract(archive, cache, home, ending)
    except OSError as error:
        raise UnfitError(f"bundler.pyz cannot put its files into {cache}: {error.strerror or error}") from None
    return home


def make(folder: Path) -> None:
    """A folder for the user alone, if there is none; another process may make it meanwhile."""
    if not folder.is_dir():
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    if not folder.is_dir():
        raise UnfitError(f"{folder} is no folder, so bundler.pyz has no place for its files")


def check_owner(folder: Path, status: os.stat_result) -> None:
    """Raise UnfitError if another user than root can change what is in `folder`, or has made it."""
    if status.st_uid not in {0, os.geteuid()}:
        raise UnfitError(f"{folder} belongs to another user, who could change what bundler.pyz runs")
    if status.st_mode & _WRITABLE and not status.st_mode & stat.S_ISVTX:
        raise UnfitError(f"others may write to {folder}, and could change what bundler.pyz runs")


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """One at a time: who comes second finds it done."""
    descriptor = os.open(cache / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def extract(archive: Path, cache: Path, home: Path, ending: str) -> None:
    """Make `home`. What an extraction that was killed has left is removed first."""
    unfinished = cache / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(archive) as files:
            names = [name for name in files.namelist() if name.startswith(FILES)]
            files.extractall(unfinished, [name for name in names if name.endswith(ending) or not name.endswith(".so")])
        # A power cut leaves no files without content under a name that says they are complete.
        os.sync()
        (unfinished / FILES).rename(home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
