"""What --force may replace where a project is: a project, and nothing of it that its user would miss."""

import os
from collections.abc import Iterator
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.data_folders import data_folders, holds_data, is_empty
from bundler.bundles.replacement import rules as bundle_rules
from bundler.bundles.replacement.places import check_folder_name, check_place
from bundler.bundles.replacement.rules import WHAT_BECOMES, OldVolumes, exists, holding_data
from bundler.errors import RequestError, printable
from bundler.project.record import NAME, VOLUMES, ProjectRecord


def check_destination(destination: Path, *, replace: bool, volumes: OldVolumes = OldVolumes.KEPT) -> None:
    """Raise RequestError when something is at the destination already, unless `replace` is set and it is an empty
    directory, or a project from which nothing runs and which holds no data, or `volumes` says what becomes of that.
    """
    if destination.name in ("", ".."):
        hint = "name a directory of its own"
        raise RequestError(f"{printable(str(destination))} cannot be a project's place", hint=hint)
    check_folder_name(destination)
    check_place(destination)
    if os.path.lexists(destination):
        if not replace:
            raise exists(destination)
        _check_replaceable(destination, volumes)


def carried_folders(destination: Path, made: Path, volumes: OldVolumes) -> list[str]:
    """The folders with data that move from the project at `destination` into the one that was `made`.

    Raises RequestError for data that has no place there, unless `volumes` says that it may be discarded.
    """
    old = _check_replaceable(destination, volumes)
    if old is None or not OldVolumes.KEPT & volumes:
        return []
    new = ProjectRecord.open(made)
    kept = set(new.volumes)
    homeless = [path for path in _filled(destination) if path.partition("/")[2] not in kept]
    names = {bundle.name for bundle in new.bundles}
    for bundle in old.bundles:
        if bundle.name not in names:
            homeless += [f"{bundle.name}/{path}" for path in _data_of(destination / bundle.name)]
    if homeless and not OldVolumes.DISCARDED & volumes:
        what = f"{holding_data(destination, homeless)}, and the new project has no place for it"
        raise RequestError(what, hint="move it elsewhere first, or add --discard-volumes, which removes it")
    carried = [path for path in _filled(destination) if path.partition("/")[2] in kept]
    for bundle in old.bundles:
        if bundle.name in names:
            inside = bundle_rules.carried_folders(destination / bundle.name, made / bundle.name, volumes)
            carried += [f"{bundle.name}/{path}" for path in inside]
    return carried


def _check_replaceable(destination: Path, volumes: OldVolumes) -> ProjectRecord | None:
    """The project that may be replaced; None for an empty directory. Raises RequestError, BundlerError."""
    old = _replaceable(destination)
    if old is not None and volumes is OldVolumes.REFUSED:
        data = [*_filled(destination)]
        for bundle in old.bundles:
            data += [f"{bundle.name}/{path}" for path in _data_of(destination / bundle.name)]
        if data:
            raise RequestError(holding_data(destination, data), hint=WHAT_BECOMES)
    return old


def _filled(project: Path) -> Iterator[str]:
    """The volumes of a project that hold something."""
    folder = project / VOLUMES
    names = sorted(os.listdir(folder)) if folder.is_dir() and not folder.is_symlink() else []  # noqa: PTH208
    return (f"{VOLUMES}/{name}" for name in names if not is_empty(folder, name))


def _data_of(bundle: Path) -> list[str]:
    recorded = Bundle(bundle).record.document
    return [path for path in data_folders(bundle, recorded) if holds_data(bundle, path, recorded)]


def _replaceable(destination: Path) -> ProjectRecord | None:
    """The project that may be replaced; None for an empty directory. Raises RequestError."""
    label = printable(str(destination))
    if destination.is_symlink() or not destination.is_dir():
        what = f"{label} is not a directory; --force replaces projects only"
        raise RequestError(what, hint="-o names another place")
    if not any(destination.iterdir()):
        return None
    if not (destination / NAME).is_file():
        what = f"{label} is not a project, it has no {NAME}; --force replaces projects only"
        raise RequestError(what, hint="-o names another place")
    old = ProjectRecord.open(destination)
    known = {NAME, VOLUMES, *(bundle.name for bundle in old.bundles)}
    for name in sorted(os.listdir(destination)):  # noqa: PTH208 -- names are enough
        if name not in known:
            what = f"{label} holds {printable(name)}, which no project has; --force replaces projects only"
            raise RequestError(what, hint="move it elsewhere first")
    for bundle in old.bundles:
        bundle_rules.check_replaceable(destination / bundle.name, OldVolumes.KEPT)
    return old
