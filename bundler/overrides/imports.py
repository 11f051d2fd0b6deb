"""What people run elsewhere, as overrides: the one form that every importer gives.

An importer has read its file; what it makes of it lies below all overrides files. It is called twice for a build:
without an image, for what says which image is meant, and then with that image's settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bundler.origins import Json, Origin, pointer_token, setter
from bundler.overrides.emit import emit
from bundler.overrides.files import OverridesFile
from bundler.overrides.node import Node
from bundler.overrides.yaml_document import parse


class HealthSettings(Protocol):
    """An image's health check, times in nanoseconds."""

    @property
    def test(self) -> tuple[str, ...]: ...
    @property
    def interval(self) -> int: ...
    @property
    def timeout(self) -> int: ...
    @property
    def start_period(self) -> int: ...
    @property
    def start_interval(self) -> int: ...
    @property
    def retries(self) -> int: ...


class ImageSettings(Protocol):
    """What an image config says of how to run the image, as bundler.images.image_config has it; `digest` is its id."""

    @property
    def digest(self) -> object: ...
    @property
    def env(self) -> tuple[str, ...]: ...
    @property
    def entrypoint(self) -> tuple[str, ...]: ...
    @property
    def cmd(self) -> tuple[str, ...]: ...
    @property
    def user(self) -> str: ...
    @property
    def working_dir(self) -> str: ...
    @property
    def volumes(self) -> tuple[str, ...]: ...
    @property
    def exposed_ports(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def stop_signal(self) -> str: ...
    @property
    def healthcheck(self) -> HealthSettings | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The keys of an overrides file, and what people are to know of them.

    `name` is what messages and origins call the file where there is no better place. `places` says for JSON Pointers
    into `keys` where that, and all below it, was said: `web.json#/0/HostConfig/CapAdd`, `compose.yaml:12:5`. `remarks`
    are sentences for standard error, without a final full stop. `files` are the files that were read; what a key names
    by a relative path lies below `folder`.
    """

    keys: dict[str, Json]
    name: str
    places: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    files: tuple[OverridesFile, ...] = ()
    folder: Path = Path()

    @property
    def text(self) -> str:
        """The overrides file."""
        return emit(self.keys)

    def document(self) -> Node:
        """The file as it is read, each value with its place. Raises RequestError for what no such file may hold."""
        return _placed(parse(self.text.encode(), self.name), "", self)


class Importer(Protocol):
    """Gives what it has read. Told what the image says, it leaves that out, and names what the image has too many."""

    def __call__(self, image: ImageSettings | None) -> Imported: ...


def literal(variable: str) -> str:
    """NAME=VALUE for `environment`, whose value stays as it is where it looks like a reference to the image's."""
    name, separator, value = variable.partition("=")
    return f"{name}{separator}{value.replace('${image:', '$${image:')}"


def _placed(node: Node, pointer: str, imported: Imported) -> Node:
    where = setter(imported.places, pointer) or imported.name
    value = node.value
    if isinstance(value, dict):
        value = {key: _placed(inner, f"{pointer}/{pointer_token(key)}", imported) for key, inner in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_placed(inner, f"{pointer}/{index}", imported) for index, inner in enumerate(value))
    return replace(node, value=value, origin=Origin("overrides", where), key_where=where)
