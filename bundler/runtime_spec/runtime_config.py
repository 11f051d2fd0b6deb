"""config.json: read strictly, and looked at in place, by name; never copied.

Workers load this module, which therefore imports nothing heavy.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, Self

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.runtime_spec.parts import (
    Device,
    Hook,
    IdMapping,
    Mount,
    Namespace,
    Process,
    number_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)
from bundler.strict_json import parse_object

# Members of config.json, folded, whose names are data (a test holds this against the schema).
MAPS: Final = frozenset(("annotations", "netdevices", "rdma", "sysctl", "unified"))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the value at a JSON Pointer, and what would be right."""

    pointer: str
    what: str
    hint: str | None = None


@dataclass(frozen=True)
class RuntimeConfig:
    """A config.json: `document` as it was read or made, and its parts by name."""

    document: dict[str, Json]

    @classmethod
    def parse(cls, content: bytes, label: str) -> Self:
        """The document that `content` is, read as all runtimes read it; `label` names it. Raises RequestError."""
        return cls(parse_object(content, label, MAPS))

    @property
    def oci_version(self) -> str:
        return text_of(self.document.get("ociVersion"))

    @property
    def has_process(self) -> bool:
        return isinstance(self.document.get("process"), dict)

    @cached_property
    def process(self) -> Process:
        return Process(object_of(self.document.get("process")))

    def with_process(self, members: Mapping[str, Json]) -> "RuntimeConfig":
        """A config that differs in its process."""
        return RuntimeConfig({**self.document, "process": dict(members)})

    @property
    def working_directory(self) -> str:
        """The process's cwd, `/` where there is none."""
        return self.process.cwd if self.process.cwd.startswith("/") else "/"

    @property
    def root_is_readonly(self) -> bool:
        """Whether nothing can be written to the root filesystem."""
        return object_of(self.document.get("root")).get("readonly") is True

    @property
    def root_path(self) -> str | None:
        path = object_of(self.document.get("root")).get("path")
        return path if isinstance(path, str) else None

    @property
    def hostname(self) -> str:
        return text_of(self.document.get("hostname"))

    @property
    def domainname(self) -> str:
        return text_of(self.document.get("domainname"))

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        return tuple(Mount.of(f"/mounts/{index}", mount) for index, mount in objects_of(self.document.get("mounts")))

    @cached_property
    def hooks(self) -> tuple[Hook, ...]:
        """All hooks with a path, in the order of the document."""
        return tuple(
            Hook(f"/hooks/{kind}/{index}", kind, path, texts_of(hook.get("args")))
            for kind, listed in object_of(self.document.get("hooks")).items()
            for index, hook in objects_of(listed)
            if isinstance(path := hook.get("path"), str)
        )

    @property
    def hook_kinds(self) -> tuple[str, ...]:
        """The names below /hooks, known or not."""
        return tuple(object_of(self.document.get("hooks")))

    @cached_property
    def namespaces(self) -> tuple[Namespace, ...]:
        return tuple(
            Namespace(f"/linux/namespaces/{index}", text_of(namespace.get("type")), text_of(namespace.get("path")))
            for index, namespace in objects_of(self._linux.get("namespaces"))
        )

    def has_namespace(self, kind: str) -> bool:
        """Whether the container is not in the runtime's own namespace of this type."""
        return any(namespace.type == kind for namespace in self.namespaces)

    @cached_property
    def uid_mappings(self) -> tuple[IdMapping, ...]:
        return tuple(self._mappings("uidMappings"))

    @cached_property
    def gid_mappings(self) -> tuple[IdMapping, ...]:
        return tuple(self._mappings("gidMappings"))

    def with_same_ids(self) -> "RuntimeConfig":
        """A config whose container has its ids from a user namespace around it that maps them to the machine's."""
        same = {
            key: [{**members, "hostID": members.get("containerID")} for _, members in objects_of(self._linux.get(key))]
            for key in ("uidMappings", "gidMappings")
        }
        return RuntimeConfig({**self.document, "linux": {**self._linux, **same}})

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        numbers = ("major", "minor", "fileMode", "uid", "gid")
        return tuple(
            Device(
                f"/linux/devices/{index}",
                text_of(device.get("path")),
                text_of(device.get("type")),
                *(number_of(device.get(name)) for name in numbers),
            )
            for index, device in objects_of(self._linux.get("devices"))
        )

    @property
    def sysctl(self) -> Mapping[str, Json]:
        return object_of(self._linux.get("sysctl"))

    @property
    def has_seccomp(self) -> bool:
        return isinstance(self._linux.get("seccomp"), dict)

    def with_seccomp(self, seccomp: Mapping[str, Json]) -> "RuntimeConfig":
        """A config that differs in its filter."""
        return RuntimeConfig({**self.document, "linux": {**self._linux, "seccomp": dict(seccomp)}})

    @property
    def seccomp_actions(self) -> Iterator[str]:
        """What the filter does: by default, then by its rules."""
        yield from map(str, self.values("linux", "seccomp", "defaultAction"))
        yield from map(str, self.values("linux", "seccomp", "syscalls", "*", "action"))

    @property
    def cgroups_path(self) -> str:
        return text_of(self._linux.get("cgroupsPath"))

    @property
    def mount_label(self) -> str:
        return text_of(self._linux.get("mountLabel"))

    def values(self, *path: str) -> Iterator[Json]:
        """Every value that `path` reaches; `*` is any key or index."""
        return values_at(self.document, path)

    @property
    def _linux(self) -> Mapping[str, Json]:
        return object_of(self.document.get("linux"))

    def _mappings(self, key: str) -> Iterator[IdMapping]:
        for index, mapping in objects_of(self._linux.get(key)):
            entry = IdMapping.of(f"/linux/{key}/{index}", mapping)
            if entry is not None:
                yield entry


def values_at(value: Json, path: tuple[str, ...]) -> Iterator[Json]:
    """Every value of a JSON document that `path` reaches; `*` is any key or index."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*":
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    else:
        children = [value[step]] if isinstance(value, dict) and step in value else []
    for child in children:
        yield from values_at(child, rest)
