"""A file beside bundles that is written whole, in one step, in the place of an older one: a lock, a page."""

import os
import shlex
from pathlib import Path

from bundler.bundles.replacement.ground import check_ground
from bundler.bundles.replacement.places import check_place
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.write import write_file
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, RequestError, printable


def check_file_place(path: Path) -> None:
    """Raise RequestError unless a file can be put at `path`: before the work, not after it.

    What is a file may be replaced by one. /dev/null would be none any more.
    """
    place, label = Path(os.path.realpath(path)), printable(str(path))  # resolve() fails at a loop of symlinks
    if os.path.lexists(place) and not place.is_file():
        raise RequestError(f"{label} is not a file", hint="only a file is replaced: name one, or one that is not there")
    if not place.parent.is_dir():
        raise RequestError(
            f"{label}: there is no such folder", hint=f"mkdir -p {shlex.quote(str(place.parent))} makes it"
        )
    check_ground(place.parent)
    check_place(place)


def replace_file(path: Path, content: bytes) -> None:
    """Put a file at `path`, in one step, in the place of an older one. Raises RequestError, BundlerError."""
    check_file_place(path)
    place = path.resolve()  # a symlink stays one
    try:
        with open_stage(place.parent) as stage:
            made = stage.workspace / place.name
            write_file(made, content)
            stage.publish_file(made, place, replace=True)
    except OSError as error:
        label = printable(str(path))
        raise full_disk(error, label) or BundlerError(f"{label} cannot be written: {error.strerror or error}") from None
