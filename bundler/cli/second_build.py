"""`bundler build --check-reproducible`: the same command once more, where everything is different that may be."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from bundler.bundles.stage import Stage

# Two values each: the second build gets the one that the first has not got.
_CIRCUMSTANCES: Final = {
    "LC_ALL": ("tr_TR.UTF-8", "C"),
    "TZ": ("Pacific/Kiritimati", "America/St_Johns"),
    "PYTHONHASHSEED": ("4242", "1"),
}
_UMASKS: Final = (0o077, 0o022)
T = TypeVar("T")


def check(stage: "Stage", words: Sequence[str]) -> None:
    """Build what `words` ask for again, beside the bundle of `stage`, and compare. Raises DifferenceError."""
    from bundler.reproducible.reproduction import compare_builds  # noqa: PLC0415
    from bundler.tools import build_again  # noqa: PLC0415

    folder = stage.workspace / "again" / "in another folder"
    folder.mkdir(parents=True)
    changed = {name: _other(os.environ.get(name), values) for name, values in _CIRCUMSTANCES.items()}
    changed["TMPDIR"] = str(folder.absolute())
    umask = os.umask(0o077)
    os.umask(umask)
    again = folder / "second"
    options = ["build", "--quiet", f"--output={again}"]
    build_again([*options, *words], changed, _other(umask, _UMASKS))
    compare_builds(stage.bundle, again)


def _other(value: T | None, values: tuple[T, T]) -> T:
    return values[1] if value == values[0] else values[0]
