"""Where new files and directories may be made: not inside a bundle or project, whose records know all their files, and
not under a name that means something else.
"""

import os
import shlex
from pathlib import Path
from typing import Final

from bundler.archives.packed_names import without_ending
from bundler.bundles.data_folders import VOLUMES
from bundler.errors import RequestError, printable
from bundler.path_kinds import PROJECT_JSON, kind_at

_ELSEWHERE: Final = "choose another place: what was built knows all its files"


def check_outside(place: Path, folder: Path, what: str = "bundle") -> None:
    """Raise RequestError for a `place` anywhere in the `folder` of what is read at the same time."""
    if place.parent.resolve().is_relative_to(folder.resolve()):
        raise RequestError(f"{printable(str(place))} lies in the {what}", hint="choose another place with -o")


def check_place(place: Path, *, hint: str = _ELSEWHERE) -> None:
    """Raise RequestError for a `place` in any bundle or project, but among the data in its volumes."""
    inner = Path(os.path.realpath(place.parent)) / place.name
    for folder in inner.parents:
        what = _what_is_built(folder)
        if what is None:
            continue
        if not inner.parent.is_relative_to(folder / VOLUMES):
            label = printable(str(place))
            raise RequestError(f"{label} lies in the {what} {printable(folder.name)}", hint=hint)
        return


def check_member(bundle: Path) -> None:
    """Raise RequestError for a `bundle` that may not become another one: it is one of a project."""
    folder = Path(os.path.realpath(bundle.parent))
    if _what_is_built(folder) == "project":
        check_place(bundle, hint=hint_for_project(bundle.parent))


def hint_for_project(project: Path) -> str:
    """The hint for a caller who wants to replace a bundle and names a project."""
    named = project if project.name not in ("", "..") else project.resolve()
    label = printable(shlex.quote(str(named)))
    return f"bundler project FILE -o {label} --force makes it anew and keeps its volumes, and so does bundler apply"


def check_folder_name(folder: Path) -> None:
    """Raise RequestError for the name of a packed bundle: who gives that to a directory wants a file, and has none."""
    inner = without_ending(folder.name)
    if inner is not None and not folder.is_dir():
        file, made = (printable(shlex.quote(str(each))) for each in (folder, folder.with_name(inner or "DIR")))
        hint = f"-o {made} makes the directory, and bundler pack {made} -o {file} a file of it"
        raise RequestError(
            f"{printable(str(folder))} is the name of a file, and what is made is a directory", hint=hint
        )


def _what_is_built(folder: Path) -> str | None:
    # Other programs have a project.json, too.
    if kind_at(folder / "project.json") is PROJECT_JSON:
        return "project"
    return "bundle" if os.path.isfile(folder / "bundler.json") else None  # noqa: PTH113 -- of what may not be looked at, none
