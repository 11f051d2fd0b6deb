"""The parts of config.json by the names that the runtime-spec gives them.

Any person or program may have written the document. What is not of the runtime-spec's form counts as absent here, so
that a reader gets values of the types it expects; `validity.malformed` says what is wrong.
"""

import posixpath
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple, Self

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

# The kinds of hooks, in the order that a runtime runs them (config.md, POSIX-platform hooks).
HOOK_KINDS: Final = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_IN_THE_CONTAINER: Final = "startContainer"  # config.md: the only hooks whose path is one of the rootfs
_BINDS: Final = frozenset(("bind", "rbind"))


class Mount(NamedTuple):
    """A mount (config.md, mounts); `pointer` is its JSON Pointer."""

    pointer: str
    destination: str
    type: str
    source: str | None
    options: tuple[str, ...]

    @classmethod
    def of(cls, pointer: str, members: Mapping[str, Json]) -> Self:
        source = members.get("source")
        return cls(
            pointer,
            text_of(members.get("destination")),
            text_of(members.get("type")),
            source if isinstance(source, str) else None,
            texts_of(members.get("options")),
        )

    @property
    def is_bind(self) -> bool:
        """Whether files are mounted that are there already."""
        return self.type == "bind" or not _BINDS.isdisjoint(self.options)

    @property
    def is_read_only(self) -> bool:
        """Of several such options the last one counts; `rro` counts for all below, too."""
        return next((option != "rw" for option in reversed(self.options) if option in ("ro", "rw", "rro")), False)

    @property
    def bundle_source(self) -> str:
        """The clean path in the bundle of a bind's source (config.md: it may be relative); empty for any other."""
        if not self.is_bind or not self.source or self.source[0] == "/":
            return ""
        clean = posixpath.normpath(self.source)
        return "" if clean.partition("/")[0] == ".." else clean

    @property
    def place(self) -> str:
        """The destination as a clean absolute path."""
        return posixpath.normpath("/" + self.destination.lstrip("/"))


class Hook(NamedTuple):
    """A hook of one of the HOOK_KINDS, or of a kind that the runtime-spec does not know."""

    pointer: str
    kind: str
    path: str
    args: tuple[str, ...]

    @property
    def is_outer(self) -> bool:
        """Whether the machine, and not the container, has the hook's program."""
        return self.kind != _IN_THE_CONTAINER


class Namespace(NamedTuple):
    """A namespace of a type: one of the container's own, or the one at `path` (config-linux.md, namespaces)."""

    pointer: str
    type: str
    path: str


class IdMapping(NamedTuple):
    """A range of ids in a user namespace, and where it begins outside (config-linux.md, user namespace mappings)."""

    pointer: str
    container_id: int
    host_id: int
    size: int

    @classmethod
    def of(cls, pointer: str, members: Mapping[str, Json]) -> Self | None:
        """None for what lacks one of the numbers."""
        numbers = [number_of(members.get(name)) for name in ("containerID", "hostID", "size")]
        return None if None in numbers else cls(pointer, *(number or 0 for number in numbers))


class ResourceLimit(NamedTuple):
    """A limit of setrlimit(2) (config.md, POSIX process)."""

    pointer: str
    type: str
    soft: int
    hard: int


class Device(NamedTuple):
    """A device node that the runtime makes (config-linux.md, devices)."""

    pointer: str
    path: str
    type: str
    major: int | None
    minor: int | None
    file_mode: int | None
    uid: int | None
    gid: int | None


@dataclass(frozen=True)
class Process:
    """The container's process (config.md, process); `members` is the object itself, empty where there is none."""

    members: Mapping[str, Json]

    @property
    def args(self) -> tuple[str, ...]:
        return texts_of(self.members.get("args"))

    @property
    def env(self) -> tuple[str, ...]:
        return texts_of(self.members.get("env"))

    @property
    def cwd(self) -> str:
        return text_of(self.members.get("cwd"))

    @property
    def terminal(self) -> bool:
        return self.members.get("terminal") is True

    @property
    def uid(self) -> int:
        return number_of(self._user.get("uid")) or 0

    @property
    def gid(self) -> int:
        return number_of(self._user.get("gid")) or 0

    @property
    def gids(self) -> tuple[int, ...]:
        """The group, and those of `additionalGids`."""
        return (self.gid, *self.additional_gids)

    @property
    def additional_gids(self) -> tuple[int, ...]:
        return tuple(gid for gid in list_of(self._user.get("additionalGids")) if number_of(gid) is not None)

    @property
    def umask(self) -> int | None:
        return number_of(self._user.get("umask"))

    @property
    def capabilities(self) -> Mapping[str, tuple[str, ...]] | None:
        """The sets by their names; None where the runtime is to leave its own."""
        sets = self.members.get("capabilities")
        return {name: texts_of(names) for name, names in sets.items()} if isinstance(sets, dict) else None

    @cached_property
    def rlimits(self) -> tuple[ResourceLimit, ...]:
        return tuple(
            ResourceLimit(f"/process/rlimits/{index}", text_of(limit.get("type")), soft, hard)
            for index, limit in objects_of(self.members.get("rlimits"))
            if (soft := number_of(limit.get("soft"))) is not None and (hard := number_of(limit.get("hard"))) is not None
        )

    @property
    def no_new_privileges(self) -> bool:
        return self.members.get("noNewPrivileges") is True

    @property
    def apparmor_profile(self) -> str:
        return text_of(self.members.get("apparmorProfile"))

    @property
    def selinux_label(self) -> str:
        return text_of(self.members.get("selinuxLabel"))

    @property
    def oom_score_adj(self) -> int | None:
        return number_of(self.members.get("oomScoreAdj"))

    @property
    def _user(self) -> Mapping[str, Json]:
        return object_of(self.members.get("user"))


def machine_ids(ranges: Iterable[IdMapping], numbers: Iterable[int]) -> list[int | None]:
    """The machine's id for each of the container's `numbers`; None where no range of the map has it.

    Both may be thousands in a hostile config.json. Ranges that overlap are refused elsewhere.
    """
    sorted_ranges = sorted(ranges, key=_start)
    ids: list[int | None] = []
    for number in numbers:
        index = bisect_right(sorted_ranges, number, key=_start) - 1
        mapping = sorted_ranges[index] if index >= 0 else None
        inside = mapping is not None and number - mapping.container_id < mapping.size
        ids.append(mapping.host_id + number - mapping.container_id if mapping is not None and inside else None)
    return ids


def _start(mapping: IdMapping) -> int:
    return mapping.container_id


def object_of(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def list_of(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def objects_of(value: Json) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """The objects of a list, each with its index."""
    return ((index, item) for index, item in enumerate(list_of(value)) if isinstance(item, dict))


def text_of(value: Json) -> str:
    return value if isinstance(value, str) else ""


def texts_of(value: Json) -> tuple[str, ...]:
    return tuple(item for item in list_of(value) if isinstance(item, str))


def number_of(value: Json) -> int | None:
    return value if type(value) is int else None
