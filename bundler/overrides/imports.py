"""What people run elsewhere, as overrides: the one form that every importer gives, and its text.

An importer has read its file; the overrides that it makes lie below all overrides files. It is called twice for a
build: without an image, for the keys that say which image is meant, and then with that image's settings.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Final, Protocol

from bundler.light_dataclasses import dataclass
from bundler.origins import Json, Origin, pointer_token, setter
from bundler.overrides.files import OverridesFile
from bundler.overrides.node import Budget, Node, Scalar, spelling
from bundler.overrides.yaml_document import check_length

# Reasons why a setting of Docker leaves no trace in a bundle.
NETWORK_AT_RUN: Final = "the network of the bundle is made when it is run"
RECORD_OF_DOCKER: Final = "Docker keeps it as a record of its own"

# Text that every reader of YAML takes for text without quotes; anything else is written as JSON, which YAML contains.
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_/.@+-]*(:[A-Za-z0-9_/.@+-]+)*")
_WORDS_OF_OTHERS: Final = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_LONGEST_LINE: Final = 100  # characters of a list that is written on one line


def emit(keys: dict[str, Json]) -> str:
    """The YAML that people would write: one line for each scalar; short lists of scalars on one line, too."""
    return "".join(f"{line}\n" for line in _map(keys, ""))


def _map(entries: dict[str, Json], indent: str) -> Iterator[str]:
    for key, value in entries.items():
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent + "  ")


def _entry(start: str, value: Json, indent: str) -> Iterator[str]:
    """`value` behind `start`, or below it."""
    if isinstance(value, dict) and value:
        yield start
        yield from _map(value, indent)
    elif isinstance(value, list) and value:
        flow = (
            f"{start} [{', '.join(map(_scalar, value))}]"
            if not any(isinstance(item, dict | list) for item in value)
            else ""
        )
        if flow and len(flow) <= _LONGEST_LINE:
            yield flow
        else:
            yield start
            for item in value:
                yield from _item(item, indent)
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: Json, indent: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield from _entry(f"{indent}-", value, indent + "  ")
        return
    lines = list(_map(value, indent + "  "))
    yield f"{indent}- {lines[0].removeprefix(indent + '  ')}"
    yield from lines[1:]


def _scalar(value: Json) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_OTHERS:
        return value
    return json.dumps(value, ensure_ascii=False) if _shows(value) else json.dumps(value)


def _shows(value: Json) -> bool:
    return not isinstance(value, str) or value.isprintable()


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
    """An overrides file that an importer has made, and what there is to know of it.

    `root` is what the file says, each value with its place; `entries` are its keys in their one form. `name` is the
    file's in messages. `remarks` are sentences for standard error, without a final full stop. `files` are the files
    that were read; what a key names by a relative path lies below `folder`.
    """

    root: Node
    entries: Mapping[str, Node]
    name: str
    remarks: tuple[str, ...] = ()
    files: tuple[OverridesFile, ...] = ()
    folder: Path = Path()

    @property
    def keys(self) -> dict[str, Json]:
        """What the file says, without places."""
        return {key: node.plain() for key, node in self.root.entries().items()}

    @property
    def text(self) -> str:
        """The file as people read it. Raises RequestError for one that is larger than such a file may be."""
        text = emit(self.keys)
        check_length(len(text.encode()), self.name)
        return text

    def of_image(self, reference: str) -> "Imported":
        """The file with another image."""
        image = Node(reference, Origin("overrides", self.name), written=reference)
        return replace(self, root=self.root.with_value({"image": image} | self.root.entries() | {"image": image}))


class Importer(Protocol):
    """Gives what it has read. Told what the image says, it leaves that out, and names what the image has too many."""

    def __call__(self, image: ImageSettings | None) -> Imported: ...


def literal(variable: str) -> str:
    """NAME=VALUE for `environment`, whose value stays as it is where it looks like a reference to the image's."""
    name, separator, value = variable.partition("=")
    return f"{name}{separator}{value.replace('${image:', '$${image:')}"


def located(keys: Json, name: str, places: Mapping[str, str]) -> Node:
    """The keys of an overrides file as its root. Raises RequestError for what no such file may hold.

    `places` says for JSON Pointers into `keys` where that, and all below it, was said, as web.json#/0/HostConfig/CapAdd
    is; `name` is the place of the rest.
    """
    root = _Locator(name, places).node(keys, "")
    check_texts(root)
    return root


def check_texts(node: Node) -> None:
    """Raise RequestError for text that no file of YAML could hold, in a value or in a name."""
    if isinstance(node.value, str) and _NO_TEXT.search(node.value):
        raise node.error("text cannot hold a NUL, nor half of a surrogate pair")
    if isinstance(node.value, dict):
        for name, inner in node.value.items():
            check_texts(inner.with_value(name))
            check_texts(inner)
    for item in node.value if isinstance(node.value, tuple) else ():
        check_texts(item)


@dataclass(frozen=True, slots=True)
class _Locator:
    name: str
    places: Mapping[str, str]
    budget: Budget = field(default_factory=Budget)

    def node(self, value: Json, pointer: str) -> Node:
        where = setter(self.places, pointer) or self.name
        self.budget.spend(where, len(value) if isinstance(value, str) else 0)
        content: Scalar | tuple[Node, ...] | dict[str, Node] = value
        if isinstance(value, dict):
            content = {key: self.node(inner, f"{pointer}/{pointer_token(key)}") for key, inner in value.items()}
        elif isinstance(value, list):
            content = tuple(self.node(inner, f"{pointer}/{index}") for index, inner in enumerate(value))
        return Node(content, Origin("overrides", where), written=spelling(value), key_where=where)
