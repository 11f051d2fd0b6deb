"""Mounts: -v, --mount and --tmpfs, as entries of the keys `volumes` and `tmpfs`."""

import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.values import boolean, size, split
from bundler.overrides.keys.mounts import PROPAGATIONS, clean_path, holds_dockers_data

# What the options of -v are about; dockerd takes one word about each.
_ABOUT: Final = {
    **dict.fromkeys(("ro", "rw"), "writing"),
    **dict.fromkeys(("z", "Z"), "labels"),
    **dict.fromkeys(PROPAGATIONS, "propagation"),
    "nocopy": "copying",
    **dict.fromkeys(("consistent", "cached", "delegated"), "consistency"),
}
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_SECTIONS: Final = 3


def volume(given: str) -> list[str]:
    """[SOURCE:]TARGET[:OPTIONS] as its one, two or three sections."""
    sections = given.split(":")
    if not given:
        raise ValueError("it is empty")
    if not all(sections):
        raise ValueError("it has an empty section between colons")
    if len(sections) > _SECTIONS:
        raise ValueError("it has more than three sections between colons")
    if len(sections) > 1 and len(sections[0]) == 1 and sections[0].isalpha():
        raise ValueError("the name of a volume has at least two characters, and a folder's begins with / or ./")
    if len(sections) == 2 and sections[1].split(",")[0] in _ABOUT:  # noqa: PLR2004  (SOURCE:TARGET)
        raise ValueError("it has options, but no source")
    _check_target(sections[0] if len(sections) == 1 else sections[1])
    if len(sections) > 1 and not sections[0].startswith(("/", ".")):
        _check_name(sections[0])
    if len(sections) == _SECTIONS:
        options = sections[2].split(",")
        _check_options(options)
        _check_propagation(sections[0], next((option for option in options if option in PROPAGATIONS), ""))
    return sections


def _check_options(options: list[str]) -> None:
    about = [_ABOUT.get(option) for option in options]
    if None in about:
        raise ValueError(f"{options[about.index(None)]!r} is not one of its options: {', '.join(_ABOUT)}")
    if len(set(about)) < len(about):
        raise ValueError("two of its options are about the same")


def _check_propagation(source: str, propagation: str) -> None:
    free = propagation in ("", "rslave", "rshared")
    if source.startswith("/") and not free and holds_dockers_data(clean_path(source)):
        raise ValueError("Docker's own data is in or above the source: its propagation has to be rslave or rshared")


def tmpfs(given: str) -> tuple[str, str]:
    """TARGET[:OPTIONS]."""
    target, _, options = given.partition(":")
    _check_target(target)
    return target, options


def _check_target(target: str) -> None:
    if not target.startswith("/") or clean_path(target) == "/":
        raise ValueError(f"the mount point {target!r} is not an absolute path other than /")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a volume ([a-zA-Z0-9][a-zA-Z0-9_.-]+) and no absolute path")


def mount(given: str) -> dict[str, Json]:
    """One --mount: fields of CSV, as the long form of an entry of `volumes`. The source is as it was written."""
    fields = _fields(given)
    kind = fields.pop("type", "volume").lower()
    if kind not in _FAMILIES:
        raise ValueError(f"the type {kind!r} is not one of {', '.join(_FAMILIES)}")
    _check_families(kind, fields)
    target = fields.get("target", "")
    if not target:
        raise ValueError("target is required")
    _check_target(target)
    entry: dict[str, Json] = {"type": kind}
    if fields.get("source"):
        entry["source"] = fields["source"]
    entry["target"] = target
    if _switch(fields, "readonly"):
        entry["read_only"] = True
    if any(key in fields for key in _FOR_A_DRIVER):
        entry[DRIVEN] = True
    options = _FAMILIES[kind](fields, entry)
    return entry | ({kind: options} if options else {})


# Says of an entry that Docker would make its volume in a way of its own; it is no part of the overrides file.
DRIVEN: Final = "driven"
_FOR_A_DRIVER: Final = ("volume-label", "volume-driver", "volume-opt")
_SYNONYMS: Final = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_SWITCHES: Final = ("readonly", "volume-nocopy", "bind-nonrecursive")
_KEYS: Final = (
    *("type", "source", "target", "readonly", "consistency", "bind-propagation", "bind-nonrecursive"),
    *("bind-recursive", "volume-subpath", "volume-nocopy", "volume-label", "volume-driver", "volume-opt"),
    *("image-subpath", "tmpfs-size", "tmpfs-mode"),
)


def _fields(given: str) -> dict[str, str]:
    """The fields by name; a switch that stands alone is true. Of one that stands twice the last counts."""
    fields: dict[str, str] = {}
    for field in split(given):
        name, separator, value = field.partition("=")
        key = _SYNONYMS.get(name.lower(), name.lower())
        if not separator:
            if key not in _SWITCHES:
                raise ValueError(f"the field {field!r} has to be KEY=VALUE")
            value = "true"
        if key not in _KEYS:
            raise ValueError(f"unexpected key {name!r} in {field!r}")
        fields[key] = value
    return fields


def _switch(fields: dict[str, str], key: str) -> bool:
    if key not in fields:
        return False
    try:
        return boolean(fields[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _check_families(kind: str, fields: dict[str, str]) -> None:
    for key in fields:
        family, dash, _ = key.partition("-")
        if dash and family != kind:
            raise ValueError(f"{key} is for type={family}, this is type={kind}")


def _bind(fields: dict[str, str], entry: dict[str, Json]) -> dict[str, Json]:
    if not entry.get("source", "").startswith(("/", ".")):
        raise ValueError("the source of a bind has to be an absolute path")
    options: dict[str, Json] = {}
    propagation = fields.get("bind-propagation", "").lower()
    if propagation:
        if propagation not in PROPAGATIONS:
            raise ValueError(f"bind-propagation takes {', '.join(PROPAGATIONS)}")
        _check_propagation(fields["source"], propagation)
        options["propagation"] = propagation
    recursive = fields.get("bind-recursive", "enabled")
    known = schema.form("volume")["properties"]["bind"]["properties"]["recursive"]["enum"]
    if recursive not in known:
        raise ValueError(f"bind-recursive takes {', '.join(known)}")
    if recursive in ("writable", "readonly") and "read_only" not in entry:
        raise ValueError(f"bind-recursive={recursive} requires readonly")
    if recursive == "readonly" and propagation != "rprivate":
        raise ValueError("bind-recursive=readonly requires bind-propagation=rprivate")
    if _switch(fields, "bind-nonrecursive"):
        recursive = "disabled"
    return options | ({"recursive": recursive} if recursive != "enabled" else {})


def _volume(fields: dict[str, str], entry: dict[str, Json]) -> dict[str, Json]:
    """Labels and the options of a driver are about how Docker makes a volume: they leave no trace."""
    if "source" in entry:
        _check_name(entry["source"])
    options: dict[str, Json] = {"nocopy": True} if _switch(fields, "volume-nocopy") else {}
    if fields.get("volume-subpath"):
        if "source" not in entry:
            raise ValueError("volume-subpath needs a volume with a name")
        options["subpath"] = _inner(fields["volume-subpath"])
    return options


def _tmpfs(fields: dict[str, str], entry: dict[str, Json]) -> dict[str, Json]:
    if "source" in entry:
        raise ValueError("a tmpfs has no source")
    options: dict[str, Json] = {}
    if "tmpfs-size" in fields:
        try:
            options["size"] = size(fields["tmpfs-size"])
        except ValueError as error:
            raise ValueError(f"tmpfs-size: {error}") from None
    if "tmpfs-mode" in fields:
        if not re.fullmatch(r"[0-7]{1,8}", fields["tmpfs-mode"]):
            raise ValueError("tmpfs-mode is an octal number")
        options["mode"] = int(fields["tmpfs-mode"], 8)
    return options


def _image(fields: dict[str, str], entry: dict[str, Json]) -> dict[str, Json]:
    if "source" not in entry:
        raise ValueError("a mount of an image needs the image as its source")
    return {"subpath": _inner(fields["image-subpath"])} if fields.get("image-subpath") else {}


def _inner(path: str) -> str:
    if path.startswith("/") or posixpath.normpath(path).startswith(".."):
        raise ValueError(f"the path {path!r} has to stay inside")
    return path


_FAMILIES: Final[dict[str, Callable[[dict[str, str], dict[str, Json]], dict[str, Json]]]] = {
    "bind": _bind,
    "volume": _volume,
    "tmpfs": _tmpfs,
    "image": _image,
}


def mounts(
    volumes: Iterable[list[str]], long: Iterable[dict[str, Json]], tmpfses: Iterable[tuple[str, str]], client: Client
) -> dict[str, Json]:
    """The keys `volumes` and `tmpfs`. Raises RequestError where two mounts have one mount point.

    An anonymous volume gives way to any other mount; of a --tmpfs that is given twice, the last counts.
    """
    by_target: dict[str, Json] = {}
    anonymous: dict[str, Json] = {}
    for sections in dict.fromkeys(map(tuple, volumes)):  # what is said twice in the same words is said once
        if len(sections) == 1:
            anonymous[clean_path(sections[0])] = clean_path(sections[0])
        else:
            source = client.absolute(sections[0]) if sections[0].startswith(".") else sections[0]
            _place(by_target, sections[1], ":".join([source, clean_path(sections[1]), *sections[2:]]))
    for entry in long:
        source = entry.get("source", "")
        located = entry | ({"source": client.absolute(source)} if source.startswith(".") else {})
        located.pop(DRIVEN, None)
        _place(by_target, entry["target"], located)
    cleaned = ((clean_path(target), options) for target, options in tmpfses)
    in_memory = {target: f"{target}:{options}" if options else target for target, options in cleaned}
    for target in in_memory:
        if target in by_target:
            raise _duplicate(target)
    listed = [*by_target.values(), *(path for path in anonymous if path not in by_target | in_memory)]
    return {key: found for key, found in (("volumes", listed), ("tmpfs", list(in_memory.values()))) if found}


def _place(by_target: dict[str, Json], target: str, entry: Json) -> None:
    if clean_path(target) in by_target:
        raise _duplicate(clean_path(target))
    by_target[clean_path(target)] = entry


def _duplicate(target: str) -> RequestError:
    return RequestError(f"duplicate mount point: {printable(target)}", hint="one of the two mounts has to go")
