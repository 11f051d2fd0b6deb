"""What --force may replace: a bundle, and nothing that its user would miss without having been told."""

import os
from collections.abc import Iterator, Mapping, Sequence
from enum import Flag, auto
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.data_folders import VOLUMES, data_folders, data_places, holds_data, is_empty
from bundler.bundles.files import DOCUMENTS, failure_at
from bundler.bundles.replacement.places import check_folder_name, check_member, check_place
from bundler.bundles.rootfs_image import IMAGE, UPPER, has_image
from bundler.bundles.runtime import check_idle
from bundler.errors import RequestError, printable
from bundler.origins import Json

WHAT_BECOMES: Final = "--keep-volumes carries it over into the new one, --discard-volumes removes it"
_FOLDERS: Final = frozenset({"rootfs", "etc", "hooks", VOLUMES})


class OldVolumes(Flag):
    """What becomes of volumes that hold data. With both, those are kept that have a place in the new bundle."""

    REFUSED = 0
    KEPT = auto()
    DISCARDED = auto()


def check_destination(destination: Path, *, replace: bool, volumes: OldVolumes = OldVolumes.REFUSED) -> None:
    """Raise RequestError when something is at the destination already, unless `replace` is set and it is a bundle whose
    volumes hold no data, or `volumes` says what becomes of that.
    """
    _check_name(destination)
    check_folder_name(destination)
    check_member(destination)
    check_place(destination)
    if os.path.lexists(destination):
        if not replace:
            raise exists(destination)
        _check_replaceable(destination, volumes)


def check_replaceable(destination: Path, volumes: OldVolumes) -> None:
    """The same of a bundle that is there, wherever that is."""
    _check_name(destination)
    _check_replaceable(destination, volumes)


def _check_name(destination: Path) -> None:
    if destination.name in ("", ".."):
        label = printable(str(destination))
        raise RequestError(f"{label} cannot be a bundle's place", hint="name a directory of its own")


def carried_folders(destination: Path, made: Path, volumes: OldVolumes) -> list[str]:
    """The data folders that move from the directory `destination` into the bundle that was `made`: those that hold
    something, and those that it lacks. Raises RequestError.
    """
    old, new = _check_replaceable(destination, volumes), Bundle(made)
    if old is None or not OldVolumes.KEPT & volumes:
        return []
    homeless = homeless_data(old, new)
    if homeless and not OldVolumes.DISCARDED & volumes:
        what = f"{holding_data(destination, homeless)}, and the new bundle has no place for it"
        hint = "move it elsewhere first, or add --discard-volumes, which removes what has no place"
        raise RequestError(what, hint=hint)
    places = data_places(new.record.document)
    there = [path for path in data_folders(destination, old.record.document) if path in places]
    return [path for path in there if not is_empty(destination, path) or not os.path.lexists(made / path)]


def homeless_data(old: Bundle, new: Bundle) -> list[str]:
    """The folders of the bundle `old` that hold data, and have no place in the bundle `new`."""
    recorded, places = old.record.document, data_places(new.record.document)
    there = data_folders(old.path, recorded)
    return [path for path in there if path not in places and holds_data(old.path, path, recorded)]


def _check_replaceable(destination: Path, volumes: OldVolumes) -> Bundle | None:
    """The bundle that may be replaced; None for an empty directory. Raises RequestError, BundlerError."""
    try:
        old = _replaceable(destination)
        if old is not None and volumes is OldVolumes.REFUSED:
            recorded = old.record.document
            data = [path for path in data_folders(destination, recorded) if holds_data(destination, path, recorded)]
            if data:
                raise RequestError(holding_data(destination, data), hint=WHAT_BECOMES)
    except OSError as error:
        raise failure_at(destination, error) from error
    return old


def holding_data(bundle: Path, paths: Sequence[str]) -> str:
    """What to say of data that would be lost."""
    return f"{printable(str(bundle))}: there is data in {', '.join(map(printable, paths))}"


def check_file(destination: Path, *, replace: bool) -> None:
    """Raise RequestError for a destination in a bundle or a project, and when something is there already, unless
    `replace` is set and it is a file.
    """
    check_place(destination)
    if not os.path.lexists(destination):
        return
    if not replace:
        raise exists(destination)
    if destination.is_symlink() or not destination.is_file():
        raise RequestError(
            f"{printable(str(destination))} is not a file; --force replaces files only", hint="-o names another place"
        )


def exists(destination: Path) -> RequestError:
    hint = "--force replaces it, -o names another place"
    return RequestError(f"{printable(str(destination))} exists already", hint=hint)


def _replaceable(destination: Path) -> Bundle | None:
    """The bundle that may be replaced; None for an empty directory. Raises RequestError."""
    label = printable(str(destination))
    # --force is for bundles: a slip of the finger such as `-o /home` must not cost a user his home.
    if destination.is_symlink() or not destination.is_dir():
        raise RequestError(f"{label} is not a directory; --force replaces bundles only", hint="-o names another place")
    if not any(destination.iterdir()):
        return None
    # A config.json and a rootfs alone do not make a bundle of ours.
    missing = next(
        (name for name in ("bundler.json", "config.json", "rootfs") if not _is_there(destination, name)), None
    )
    if missing is not None:
        raise RequestError(
            f"{label} is not a bundle, it has no {missing}; --force replaces bundles only",
            hint="-o names another place",
        )
    old = Bundle(destination)
    foreign = next(_foreign(destination, old.record.document), None)
    if foreign is not None:
        what = f"{label} holds {printable(foreign)}, which no bundle has; --force replaces bundles only"
        raise RequestError(what, hint="move it elsewhere first")
    check_idle(destination, old.record.document)
    return old


def _is_there(bundle: Path, name: str) -> bool:
    path = bundle / name
    return not path.is_symlink() and (path.is_dir() if name == "rootfs" else path.is_file())


def _foreign(bundle: Path, recorded: Mapping[str, Json]) -> Iterator[str]:
    """What is at the top of the bundle, and in hooks/, that no build has put there."""
    paths = {path for part in recorded.values() if isinstance(part, dict) for path in part}
    of_image = {IMAGE, UPPER} if has_image(recorded) else set()
    tops = {os.fsdecode(name) for name in DOCUMENTS} | _FOLDERS | of_image | {path.partition("/")[0] for path in paths}
    for name in sorted(os.listdir(bundle)):  # noqa: PTH208 -- names are enough
        if name not in tops:
            yield name
    hooks = bundle / "hooks"
    if hooks.is_dir() and not hooks.is_symlink():
        yield from (f"hooks/{path.name}" for path in sorted(hooks.iterdir()) if f"hooks/{path.name}" not in paths)
