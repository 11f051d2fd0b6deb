"""Mounts in the runtime-spec's own words, and what becomes of an image's volumes."""

import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.bundle_paths import HINT, refusal
from bundler.overrides.keys.id_maps import parse_id_map
from bundler.overrides.keys.mount_options import check_target, clean_path, each_once
from bundler.overrides.node import Node

IMAGE_VOLUME_MODES: Final = ("seed", "tmpfs", "tmpcopyup", "bind", "ignore")
_PLACE: Final = re.compile(r"(before|after):(/.*)")


def expand_mounts(node: Node) -> Node:
    """Mount objects of the runtime-spec with clean destinations, each once, and `at`: {place, destination}."""
    return node.with_value(each_once([_expand(item) for item in node.items()], "destination"))


def _expand(node: Node) -> Node:
    entry = dict(node.entries())
    destination = entry["destination"]
    entry["destination"] = destination.with_value(check_target(destination, destination.text()))
    for key in ("uidMappings", "gidMappings"):
        if key in entry and entry[key].value:
            entry[key] = parse_id_map(entry[key])
    options = {item.text() for item in entry["options"].items()} if "options" in entry else set()
    binds = bool(options & {"bind", "rbind"})
    if binds and "source" not in entry:
        raise node.error("mounts: a bind needs a source")
    why = refusal(entry["source"].text(), read_only=bool(options & {"ro", "rro"})) if binds else None
    if why is not None:
        raise entry["source"].error(f"mounts: the source {printable(entry['source'].text())!r} {why}", hint=HINT)
    if "at" in entry:
        entry["at"] = _place(entry["at"])
    return node.with_value(entry)


def _place(node: Node) -> Node:
    """`before:PATH` and `after:PATH` with a clean path; a number counts the mounts in front."""
    if not isinstance(node.value, str):
        return node
    match = _PLACE.fullmatch(node.value)
    if match is None:
        hint = "allowed are a number, before:PATH and after:PATH"
        raise node.error(f"mounts: {printable(node.value[:60])!r} is no place among the mounts", hint=hint)
    return node.with_value(f"{match[1]}:{clean_path(match[2])}")


def expand_image_volumes(node: Node) -> Node:
    """One mode for all of the image's volumes, or a map of clean paths to modes."""
    if isinstance(node.value, str):
        return node
    return node.with_value({clean_path(path): mode for path, mode in node.entries().items()})


def clean_patterns(node: Node) -> Node:
    """A list of mount points, or patterns of them, without trailing slashes."""
    return node.with_value(tuple(item.with_value(item.text().rstrip("/") or "/") for item in node.items()))
