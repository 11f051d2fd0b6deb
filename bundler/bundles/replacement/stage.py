"""A bundle is made beside its destination and moved there in one step: what is at the destination is always whole.

The stage is a private directory (mode 0700) in the destination's own folder, so that the last step is a rename within
one file system. What it holds is on the disk before that step, and the folder's names are after it, so that a power cut
leaves the old or the new. It is locked for as long as its build lives; the lock of a build that was killed is gone with
it, and the next build in that folder removes what it left.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bundler.bundles.files import failure_at
from bundler.bundles.replacement.ground import check_ground
from bundler.bundles.replacement.rules import exists
from bundler.bundles.replacement.stage_folder import WORKSPACE, make_stage, remove_abandoned, remove_stage
from bundler.bundles.replacement.succession import (
    BUNDLE,
    NO_REPLACE,
    Succession,
    alone,
    leave_out,
    rename,
    succeed,
    write_journal,
)
from bundler.disk_space import full_disk, writing_below
from bundler.durability import sync_file, sync_names, sync_tree
from bundler.errors import BundlerError, RequestError, printable
from bundler.interruptions import complete, held
from bundler.path_kinds import missing_hint

_LEFT_OUT: Final = "left out"


class Stage:
    """A bundle in the making: `bundle` becomes the destination, `workspace` is for temporary files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.bundle = path / BUNDLE
        self.workspace = path / WORKSPACE
        for folder in (self.bundle, self.workspace):
            folder.mkdir()
            folder.chmod(0o700)  # whatever the umask says

    def publish(
        self,
        destination: Path,
        *,
        replace: bool,
        carried: Callable[[], Sequence[str]] = tuple,
        kept: Path | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Move the bundle to its destination, where only with `replace` something may be.

        `carried` gives the paths of folders that stay: they move from the directory that is replaced into the new one.
        The rest of that one is removed, or moves to `kept`, where nothing is.
        `before` is called when nothing is left to do but the step that makes the bundle appear. Raises BundlerError.
        """
        with self._failures(destination):
            if not replace or not os.path.lexists(destination):
                sync_tree(self.bundle)
                before()
                self._put(self.bundle, destination)
                return
            folders = tuple(carried())
            leave_out(self.bundle, self.workspace / _LEFT_OUT, folders)
            self._succeed(Succession(destination, folders, kept, self.bundle.stat().st_ino), carried, before)

    def exchange(
        self,
        destination: Path,
        other: Path,
        *,
        carried: Callable[[], Sequence[str]],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the directories `destination` and `other`, beside it, change places but for the folders `carried`.

        What `other` has at their places, which is to be nothing or an empty folder, is removed. Raises BundlerError.
        """
        with self._failures(destination):
            folders = tuple(carried())
            succession = Succession(destination, folders, other, self.bundle.stat().st_ino, other.stat().st_ino)

            def take() -> None:
                leave_out(other, self.workspace / _LEFT_OUT, folders)
                other.rename(self.bundle)

            with alone(other):
                self._succeed(succession, carried, before, take)

    def take(self, path: Path) -> None:
        """Move a directory beside the stage into it, to be removed with it: also where that is interrupted."""
        with self._failures(path):
            path.rename(self.bundle)
            sync_names(path.parent)

    def _succeed(
        self,
        succession: Succession,
        carried: Callable[[], Sequence[str]],
        before: Callable[[], None],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        destination = succession.destination
        write_journal(self._path, succession)
        sync_tree(self._path)
        with alone(self.bundle), alone(destination):
            if tuple(carried()) != succession.carried:
                raise BundlerError(f"{printable(str(destination))} was changed meanwhile", hint="try again")
            before()
            with held():
                begin()
                succeed(self._path, succession)

    def publish_file(
        self, made: Path, destination: Path, *, replace: bool, before: Callable[[], None] = lambda: None
    ) -> None:
        """Move a file of the stage to its destination, in the place of an older one if `replace` is set."""
        with self._failures(destination):
            sync_file(made)
            before()
            if not replace:
                self._put(made, destination)
                return
            made.replace(destination)
            sync_names(destination.parent)

    def _put(self, made: Path, destination: Path) -> None:
        if not rename(made, destination, NO_REPLACE):
            raise exists(destination)
        sync_names(destination.parent)

    @contextmanager
    def _failures(self, destination: Path) -> Iterator[None]:
        """What goes wrong names the destination, and not the stage, which is gone then."""
        try:
            yield
        except OSError as error:
            raise failure_at(destination, error) from error


@contextmanager
def open_stage(folder: Path, *, way_out: str = "-o") -> Iterator[Stage]:
    """A stage in `folder`, removed at the end with all that was not published. Raises BundlerError, RequestError.

    `way_out` is the option that names another folder; empty where there is none.
    """
    if not folder.is_dir():
        label = printable(str(folder))
        if folder.exists():
            raise RequestError(f"{label} is not a folder", hint="choose another place with -o")
        hint = missing_hint(folder) or f"mkdir -p {shlex.quote(label)} makes it"
        raise RequestError(f"the folder {label} does not exist", hint=hint)
    with writing_below(folder, way_out), ExitStack() as holding:
        try:
            check_ground(folder)
            remove_abandoned(folder)
            holding.enter_context(held())
            path, lock = make_stage(folder)
        except OSError as error:
            if (full := full_disk(error, printable(str(folder)))) is not None:
                raise full from None
            other = f"choose another place with {way_out}" if way_out else None
            raise BundlerError(f"cannot write to {printable(str(folder))}: {error.strerror}", hint=other) from None
        try:
            holding.close()  # from here on, an interruption leads to the end of this, which removes the stage
            yield Stage(path)
        finally:
            try:
                complete(lambda: remove_stage(path))
            finally:
                os.close(lock)
