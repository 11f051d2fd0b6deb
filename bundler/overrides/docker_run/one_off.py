"""Flags of `docker run` on a command line of bundler's own: one more layer of overrides, above all files.

The grammar and the meaning are those of a `docker run` line. But a network is asked of bundler here, and no longer of
Docker: `bridge` is bundler's own, and what publishes a port is connected to it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.coercions import read_keys
from bundler.overrides.docker_run.command_line import parse
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.flags import FLAGS
from bundler.overrides.docker_run.network import is_of_ones_own
from bundler.overrides.docker_run.refusals import networks
from bundler.overrides.docker_run.settings import check_words, settings
from bundler.overrides.docker_run.values import boolean
from bundler.overrides.files import OverridesFile
from bundler.overrides.imports import located
from bundler.overrides.node import Node

NAME: Final = "command line"
_IMAGE: Final = "image"  # a docker run line has one; which it is does not matter here
_BRIDGE: Final = "bridge"
_DEFAULT: Final = "default"
_SHOWN: Final = 200
_OF_OURS: Final = "bridge is bundler's own; network_mode and cni in an overrides file have others"


@dataclass(frozen=True, slots=True)
class Settings:
    """Keys in their one form, each of whose values names its flag as its place; nothing where no flag was given."""

    entries: Mapping[str, Node]
    file: OverridesFile

    def network(self, complete: Mapping[str, Node]) -> dict[str, Node]:
        """What publishing a port asks for besides, where the `complete` overrides ask for no network."""
        if "ports" not in self.entries or "network_mode" in complete:
            return {}
        origin = self.entries["ports"].items()[0].origin
        return {"network_mode": Node(_BRIDGE, origin, written=_BRIDGE)}


def convert(flags: Sequence[tuple[str, str]], client: Client) -> Settings | None:
    """The layer that `flags` make, each a name and a value as Docker takes it: ("publish", "80:80").

    Raises RequestError for what Docker would refuse.
    """
    if not flags:
        return None
    words = [f"--{name}={value}" for name, value in flags]
    check_words(words)
    keys = _keys(words, client)
    places = {
        pointer: _place(name, value)
        for name, value in flags
        for pointer in _pointers(_keys([f"--{name}={value}"], client), _index(keys))
    }
    root = located(keys, NAME, places)
    content = json.dumps(keys, sort_keys=True, separators=(",", ":")).encode()
    return Settings(read_keys(root, NAME), OverridesFile(NAME, hashlib.sha256(content).hexdigest()))


def _keys(words: Sequence[str], client: Client) -> dict[str, Json]:
    line = parse([*words, _IMAGE])
    keys = settings(line, client).keys
    del keys["image"]
    for network in networks(line):
        if is_of_ones_own(network):
            raise RequestError(f"--network: bundler has no network {printable(network)!r}", hint=_OF_OURS)
        if network in (_BRIDGE, _DEFAULT):
            keys["network_mode"] = _BRIDGE
    return keys


def _index(keys: Mapping[str, Json]) -> dict[tuple[str, str], str]:
    """Where what flags say stands in `keys`: the JSON Pointer of each key, and of each entry of one that is a list."""
    whole = {(key, ""): f"/{key}" for key, value in keys.items() if not isinstance(value, list)}
    entries = (
        ((key, json.dumps(entry)), f"/{key}/{number}")
        for key, value in keys.items()
        if isinstance(value, list)
        for number, entry in enumerate(value)
    )
    return {**whole, **dict(entries)}


def _pointers(keys: Mapping[str, Json], index: Mapping[tuple[str, str], str]) -> list[str]:
    """Those of what one flag says by itself; a later one may have taken its place."""
    return [pointer for entry in _index(keys) if (pointer := index.get(entry)) is not None]


def _place(name: str, value: str) -> str:
    """A flag as it was given. The value of a variable may be a secret, and stands beside its name anyway."""
    if FLAGS[name].grammar is boolean and value == "true":
        return f"--{name}"
    value_shown = value.partition("=")[0] if name == "env" else value
    return f"--{name} {printable(value_shown[:_SHOWN])}"
