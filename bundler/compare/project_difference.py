"""How two projects differ: bundle by bundle, and in what project.json says that no bundle does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bundler.bundles.bundle import read_config_file
from bundler.compare.difference import Difference, differences
from bundler.errors import RequestError, printable
from bundler.origins import UNSET
from bundler.project.record import ProjectBundle, ProjectRecord, is_project

_NEW: Final = "the project has another container"
_GONE: Final = "the project has a container less"
_ORDER: Final = "what starts after what"


def are_projects(before: object, after: object) -> bool:
    """Whether both sides of a comparison are projects. Raises RequestError where one of them is."""
    sides = [isinstance(side, str | Path) and is_project(Path(side)) for side in (before, after)]
    if any(sides) and not all(sides):
        project, other = (before, after) if sides[0] else (after, before)
        what = f"{printable(str(project))} is a project, and {printable(str(other))} is none"
        raise RequestError(what, hint="name two projects, or one bundle of it: DIR/SERVICE")
    return all(sides)


def project_differences(before: Path, after: Path) -> list[Difference]:
    """Every difference of two projects. Raises RequestError."""
    first, second = ProjectRecord.open(before), ProjectRecord.open(after)
    old, new = ({bundle.name: bundle for bundle in record.bundles} for record in (first, second))
    differing: list[Difference] = []
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            differing.append(Difference(name, old[name].service, UNSET, "tighter", _GONE))
        elif name not in old:
            differing.append(Difference(name, UNSET, new[name].service, "looser", _NEW))
        else:
            differing += _of_bundle(before, after, name)
            differing += _waiting(old[name], new[name])
    return differing


def _of_bundle(before: Path, after: Path, name: str) -> Iterator[Difference]:
    sides = (read_config_file(folder / name).config.document for folder in (before, after))
    return (replace(each, place=f"{name}{each.place}") for each in differences(*sides))


def _waiting(old: ProjectBundle, new: ProjectBundle) -> Iterator[Difference]:
    """What config.json has no place for."""
    sides: list[dict[str, Any]] = [bundle.described["depends_on"] for bundle in (old, new)]
    for service in dict.fromkeys((*sides[0], *sides[1])):
        was, becomes = (side.get(service, UNSET) for side in sides)
        if was != becomes:
            yield Difference(f"{old.name} depends_on {service}", was, becomes, "neutral", _ORDER)
