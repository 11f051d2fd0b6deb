"""The JSON that `inspect` prints, read into values that know their place: web.json#/0/HostConfig/CapAdd.

The file is untrusted: it is bounded in size, and what two readers could read differently is refused.
"""

from collections.abc import Collection, Iterator
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, pointer_token
from bundler.path_kinds import CONFIG, JSON, TEXT, kind_of
from bundler.sizes import readable_size
from bundler.strict_json import JsonError, parse

MAXIMUM_BYTES: Final = 16 << 20  # a container takes some 20 KiB, most of it a seccomp profile where there is one
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # which editors and shells of Windows put in front
_SERVICE: Final = "com.docker.compose.service"  # compose's own label
_SHOWN: Final = 60  # characters of a text that a message repeats


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the document. Docker writes null, or nothing, for what is unset: both are empty here."""

    content: Json
    where: str

    def error(self, what: str, *, hint: str | None = None) -> RequestError:
        return RequestError(f"{self.where}: {what}", hint=hint)

    def get(self, *path: str) -> "Value":
        """What is at `path` below; its content is None where there is nothing."""
        value = self
        for name in path:
            content = {} if value.content is None else value.content
            if not isinstance(content, dict):
                raise value.expected("an object")
            value = Value(content.get(name), f"{value.where}/{printable(pointer_token(name[:_SHOWN]))}")
        return value

    def members(self) -> Iterator[tuple[str, "Value"]]:
        if not isinstance(self.content, dict | None):
            raise self.expected("an object")
        for name in self.content or {}:
            if "\0" in name:
                raise self.error("a name holds a NUL")
            yield name, self.get(name)

    def items(self) -> "list[Value]":
        if not isinstance(self.content, list | None):
            raise self.expected("an array")
        return [Value(content, f"{self.where}/{index}") for index, content in enumerate(self.content or ())]

    def text(self) -> str:
        if not isinstance(self.content, str | None):
            raise self.expected("a string")
        if "\0" in (self.content or ""):
            raise self.error("text holds a NUL")
        return self.content or ""

    def texts(self) -> list[str]:
        return [item.text() for item in self.items()]

    def number(self) -> int:
        if isinstance(self.content, bool) or not isinstance(self.content, int | None):
            raise self.expected("a whole number")
        return self.content or 0

    def flag(self) -> bool:
        if not isinstance(self.content, bool | None):
            raise self.expected("true or false")
        return bool(self.content)

    @property
    def says_nothing(self) -> bool:
        """Whether it is what Go writes for a field that is not set."""
        return not self.content  # what Go's omitempty leaves out: null, "", 0, false, [] and {}

    def expected(self, what: str) -> RequestError:
        return self.error(f"expected {what}, found {_shown(self.content)}")


def read_json(raw: bytes, where: str, maps: Collection[str] | None = None) -> Json:
    """A JSON value, strictly (strict_json.py); `maps` are those of a document that Go reads. Raises RequestError."""
    try:
        return parse(raw, maps=maps)
    except JsonError as error:
        raise RequestError(f"{where}: {error}", hint="docker inspect CONTAINER > FILE writes it whole") from None


def read_containers(raw: bytes, name: str) -> list[Value]:
    """The containers that a file holds. Raises RequestError for anything else, and says what it is."""
    if len(raw) > MAXIMUM_BYTES:
        hint = "inspect fewer containers at once"
        raise RequestError(f"{name}: more than {readable_size(MAXIMUM_BYTES)} are no container's inspect", hint=hint)
    text = raw.removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        raise RequestError(f"{name} is empty", hint="docker inspect CONTAINER > FILE")
    kind = kind_of(text)
    if kind is not None and kind not in (JSON, CONFIG, TEXT):
        raise RequestError(f"{name} {kind.what}, not what docker inspect prints", hint=kind.hint(name))
    content = read_json(text, name)
    root = Value(content, f"{name}#")
    entries = root.items() if isinstance(content, list) else [root]
    if not entries:
        raise RequestError(f"{name}: an empty list: inspect found no container", hint="docker inspect CONTAINER > FILE")
    for entry in entries:
        _check_container(entry)
    return entries


# What the inspect of something else has, and a container's has not.
_OTHERS: Final = {
    "RootFS": "an image",
    "RepoTags": "an image",
    "Mountpoint": "a volume",
    "IPAM": "a network",
    "Spec": "a service or a node of a swarm",
    "InfraContainerID": "a pod",
}


def _check_container(entry: Value) -> None:
    if not isinstance(entry.content, dict):
        raise entry.expected("what inspect says of a container")
    if "HostConfig" in entry.content and "Config" in entry.content:
        return
    kind = next((kind for sign, kind in _OTHERS.items() if sign in entry.content), None)
    if kind == "an image":
        hint = "docker inspect --type container NAME; an image needs no overrides: bundler build IMAGE"
        raise entry.error("this is the inspect of an image, not of a container", hint=hint)
    if kind is not None:
        raise entry.error(f"this is the inspect of {kind}, not of a container", hint="docker inspect CONTAINER")
    missing = "HostConfig" if "HostConfig" not in entry.content else "Config"
    raise entry.error(f"no container's inspect: {missing} is missing", hint="docker inspect CONTAINER > FILE")


def choose(entries: list[Value], name: str | None) -> Value:
    """The container called `name`, of the compose service `name`, or whose id begins with it; the only one where `name`
    is None.
    """
    if name is None:
        if len(entries) == 1:
            return entries[0]
        raise RequestError(f"{len(entries)} containers: {_names(entries)}", hint="--name NAME chooses one")
    wanted = name.removeprefix("/")
    matching = [entry for entry in entries if called(entry) == wanted]
    matching = matching or [entry for entry in entries if entry.get("Config", "Labels", _SERVICE).content == wanted]
    matching = matching or [entry for entry in entries if wanted and entry.get("Id").text().startswith(wanted)]
    if len(matching) != 1:
        how_many = "no" if not matching else f"{len(matching)} containers of"
        what = f"{how_many} name or id {printable(name[:_SHOWN])!r}: there is {_names(entries)}"
        raise RequestError(what, hint=f"--name chooses one of them: {_names(entries)}")
    return matching[0]


def called(entry: Value) -> str:
    """Docker puts a slash in front of a container's name, podman does not."""
    return entry.get("Name").text().removeprefix("/")


def _names(entries: list[Value]) -> str:
    names = [printable((called(entry) or entry.get("Id").text()[:12])[:_SHOWN]) for entry in entries[:20]]
    return ", ".join(names) + (f" and {len(entries) - 20} more" if len(entries) > len(names) else "")


def _shown(content: Json) -> str:
    if isinstance(content, str):
        return f"'{printable(content[:_SHOWN])}'"
    if isinstance(content, dict | list):
        return "an object" if isinstance(content, dict) else "an array"
    return "null" if content is None else str(content)[:_SHOWN].lower()
