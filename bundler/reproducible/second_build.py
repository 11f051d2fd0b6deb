"""A second build in a process of its own, with another folder, umask, locale, time zone and hash seed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from bundler.bundles.replacement.stage import Stage
from bundler.reproducible.reproduction import compare_builds
from bundler.rootfs.attributes import current_umask
from bundler.tools import build_again

# Two values each: the second build gets the one that the first has not got.
_CIRCUMSTANCES: Final = {
    "LC_ALL": ("tr_TR.UTF-8", "C"),
    "TZ": ("Pacific/Kiritimati", "America/St_Johns"),
    "PYTHONHASHSEED": ("4242", "1"),
}
_UMASKS: Final = (0o077, 0o022)
T = TypeVar("T")


def check_reproducible(
    stage: Stage,
    words: Sequence[str],
    command: str = "build",
    compare: Callable[[Path, Path], None] = compare_builds,
) -> None:
    """Build what `words`, those of the `command`, ask for again, beside the bundle of `stage`, and compare.

    Raises DifferenceError for another bundle, BundlerError where the second build fails.
    """
    folder = stage.workspace / "again" / "in another folder"
    folder.mkdir(parents=True)
    changed = {name: _other(os.environ.get(name), values) for name, values in _CIRCUMSTANCES.items()}
    changed["TMPDIR"] = str(folder.absolute())
    again = folder / "second"
    build_again([command, "--quiet", f"--output={again}", *words], changed, _other(current_umask(), _UMASKS))
    compare(stage.bundle, again)


def _other(value: T | None, values: tuple[T, T]) -> T:
    return values[1] if value == values[0] else values[0]
