"""Things of this machine that a container needs and that are missing: told in terms of the bundle, before the runtime
is called, whose own messages are hard to understand.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from bundler.bundles.record import part_of
from bundler.conversion.shared_namespaces import comes_with
from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.runtime_spec.reach import mounted_paths
from bundler.runtime_spec.runtime_config import RuntimeConfig

_FOLDER: Final = "mkdir -p makes a folder; Docker does so by itself for -v, bundler does not: the name may be mistyped"


class _Needed(NamedTuple):
    """A path of the machine, or of the bundle, with what the container has it for and what to do without it."""

    pointer: str
    path: str
    purpose: str
    hint: str


def check_there(
    bundle: Path, config: RuntimeConfig, recorded: Mapping[str, Json], before: Collection[str] = ()
) -> None:
    """Raise RequestError for the first path of `config` that leads to nothing; out of sight it may be there.

    `before` are the names of containers that start before, and bring along the namespaces that they share.
    """
    for needed in _needed(config):
        place = bundle / needed.path
        if comes_with(str(place), before):
            continue
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            source = _source(recorded, needed.pointer)
            what = f"{printable(str(place))} is not there, {needed.purpose} ({source})"
            raise RequestError(what, hint=needed.hint) from None
        except (OSError, ValueError):
            continue


def _needed(config: RuntimeConfig) -> Iterator[_Needed]:
    places = {mount.pointer: mount.destination for mount in config.mounts}
    for mount in mounted_paths(config):
        where = next(place for pointer, place in places.items() if mount.pointer.startswith(f"{pointer}/"))
        yield _Needed(mount.pointer, mount.path, f"which is to be mounted at {printable(where)}", _FOLDER)
    for hook in config.hooks:
        if hook.is_outer and hook.path.startswith("/"):
            yield _Needed(hook.pointer, hook.path, "a hook of the container", "install it, or build without that hook")
    for namespace in config.namespaces:
        if namespace.path:
            hint = f"{os.path.dirname(namespace.path)} has those that there are"  # noqa: PTH120 -- as it is written
            purpose = f"the {printable(namespace.type)} namespace that the container is to be in"
            yield _Needed(namespace.pointer, namespace.path, purpose, hint)


def _source(recorded: Mapping[str, Json], pointer: str) -> str:
    """Who has asked for it, as bundler.json has that: a flag, or a place in a file; else the place in config.json."""
    origins = part_of(recorded, "origins")
    whole = f"config.json{pointer}"
    while pointer:
        origin = origins.get(pointer)
        if isinstance(origin, str):
            return printable(origin.removeprefix("overrides "))
        pointer = pointer.rpartition("/")[0]
    return whole
