"""The services of a compose file that are started: by profile, by name, and by what depends on what (compose-spec)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.compose.project import nearest
from bundler.overrides.compose.services import Project
from bundler.overrides.keys.scalars import whole_number
from bundler.overrides.node import Node
from bundler.project.dependency import Condition, Dependency
from bundler.project.names import TAKEN, is_folder_name

ALL_PROFILES: Final = "*"
_MOST_REPLICAS: Final = 100
OF_SERVICE: Final = "service:"
_SHOWN: Final = 60
# What names another service by `service:NAME`, so that it has to be there first.
_SHARING: Final = ("network_mode", "ipc", "pid", "uts", "cgroup")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is started: all its settings in the compose files together, and its number of containers."""

    name: str
    node: Node
    depends_on: Mapping[str, Dependency]
    replicas: int

    @property
    def entries(self) -> dict[str, Node]:
        return self.node.entries()

    @property
    def bundles(self) -> tuple[str, ...]:
        """The names of its bundles."""
        if self.replicas == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.replicas + 1))


class _Waiting(NamedTuple):
    """What a service depends on, and where it says so."""

    dependency: Dependency
    node: Node


def started(project: Project, chosen: Sequence[str], profiles: Collection[str]) -> tuple[Service, ...]:
    """The services that `compose up CHOSEN...` starts, each after all that it depends on. Raises RequestError."""
    names = list(dict.fromkeys(name for file in project.files for name in file.names("services")))
    if not names:
        hint = "services: {web: {image: nginx:1.27}} is one with a service"
        raise RequestError(f"{project.files[0].name} has no services", hint=hint)
    for name in chosen:
        if name not in names:
            hint = nearest(name, names)
            raise RequestError(f"{project.files[0].name} has no service {printable(name[:_SHOWN])!r}", hint=hint)
    nodes = {name: _without_nulls(project.service(name)) for name in names}
    enabled = _enabled(nodes, chosen, profiles)
    waiting = {name: dict(_waiting(nodes[name], enabled, names)) for name in enabled}
    wanted = _with_dependencies(chosen, waiting) if chosen else set(enabled)
    ordered = _ordered([name for name in enabled if name in wanted], waiting)
    if not ordered:
        listed = sorted({profile for node in nodes.values() for profile in _profiles(node)})
        hint = f"--profile names one of {', '.join(map(printable, listed))}, or name services"
        raise RequestError(f"{project.files[0].name} has no service without a profile", hint=hint)
    services = [_service(name, nodes[name], waiting[name]) for name in ordered]
    none = {service.name for service in services if not service.replicas}
    return tuple(_without(service, none) for service in services if service.replicas)


def _without(service: Service, none: Collection[str]) -> Service:
    """The service without its dependencies on services that have no container."""
    return replace(service, depends_on={name: each for name, each in service.depends_on.items() if name not in none})


def _without_nulls(node: Node) -> Node:
    return node.with_value({key: each for key, each in node.entries().items() if each.value is not None})


def _profiles(node: Node) -> tuple[str, ...]:
    listed = node.entries().get("profiles")
    return () if listed is None else tuple(str(item.value) for item in listed.listed())


def _enabled(nodes: Mapping[str, Node], chosen: Sequence[str], profiles: Collection[str]) -> list[str]:
    """The services without a profile, and those of a profile that is on: who names a service turns its profiles on."""
    on = {*profiles, *(profile for name in chosen for profile in _profiles(nodes[name]))}
    return [
        name
        for name, node in nodes.items()
        if not _profiles(node) or ALL_PROFILES in on or not on.isdisjoint(_profiles(node))
    ]


def _waiting(node: Node, enabled: Collection[str], known: Sequence[str]) -> Iterator[tuple[str, _Waiting]]:
    """All dependencies of a service: those that it states, and else those that follow from what it shares."""
    waiting = dict(_implied(node))
    waiting |= dict(_stated(node.entries().get("depends_on")))
    for name, each in waiting.items():
        if name in enabled:
            yield name, each
        elif name not in known:
            raise each.node.error(f"{printable(name[:_SHOWN])!r} is no service here", hint=nearest(name, known))
        elif each.dependency.required:
            hint = "--profile turns it on, and required: false says that it may be missing"
            raise each.node.error(f"{printable(name[:_SHOWN])!r} is needed, and its profile is not on", hint=hint)


def _stated(node: Node | None) -> Iterator[tuple[str, _Waiting]]:
    if node is None:
        return
    if not isinstance(node.value, dict):
        yield from ((str(item.value), _Waiting(Dependency(), item)) for item in node.listed())
        return
    for name, each in node.value.items():
        yield name, _Waiting(_dependency(each), each)


def _dependency(node: Node) -> Dependency:
    settings = node.value if isinstance(node.value, dict) else {}
    for key in settings:
        if key not in ("condition", "restart", "required"):
            raise settings[key].key_error(
                f"depends_on: unknown key {printable(key[:_SHOWN])!r}", "known: condition, restart, required"
            )
    stated = settings.get("condition")
    try:
        condition = Condition.STARTED if stated is None else Condition(str(stated.value))
    except ValueError:
        what = f"depends_on: {printable(str(stated.value if stated else '')[:_SHOWN])!r} is no condition"
        raise node.error(what, hint=f"one of {', '.join(Condition)}") from None
    flags = {key: settings[key].value is True for key in ("restart", "required") if key in settings}
    return Dependency(condition, **flags, where=node.origin.where)


def _implied(node: Node) -> Iterator[tuple[str, _Waiting]]:
    """The services that this one shares something with, or calls by another name: compose waits for these, too."""
    entries = node.entries()
    for key in _SHARING:
        text = str(entries[key].value) if key in entries else ""
        if text.startswith(OF_SERVICE):
            yield text.removeprefix(OF_SERVICE), _Waiting(Dependency(restart=True), entries[key])
    for key in ("links", "volumes_from"):
        for item in entries[key].listed() if key in entries else ():
            name = str(item.value).partition(":")[0]
            if name != "container":
                yield name, _Waiting(Dependency(restart=key == "links"), item)


def _with_dependencies(chosen: Sequence[str], waiting: Mapping[str, Mapping[str, _Waiting]]) -> set[str]:
    wanted: set[str] = set()
    pending = list(chosen)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += waiting[name]
    return wanted


def _ordered(names: Sequence[str], waiting: Mapping[str, Mapping[str, _Waiting]]) -> list[str]:
    """Each after what it depends on, else in the order of the file. Raises RequestError for a circle."""
    ordered: dict[str, None] = {}
    for first in names:
        trail = [first]
        pending = [iter(waiting[first].items())]
        while pending and first not in ordered:
            name, each = next(pending[-1], (None, None))
            if name is None or each is None:
                ordered[trail.pop()] = None
                pending.pop()
            elif name in trail:
                circle = " → ".join(printable(step[:_SHOWN]) for step in [*trail[trail.index(name) :], name][-10:])
                raise each.node.error(
                    f"depends_on: a circle, in which none can be first: {circle}", hint="take one away"
                )
            elif name not in ordered:
                trail.append(name)
                pending.append(iter(waiting[name].items()))
    return list(ordered)


def _service(name: str, node: Node, waiting: Mapping[str, _Waiting]) -> Service:
    if not is_folder_name(name) or name.lower() in TAKEN:
        why = "is the name of something else in a project" if name.lower() in TAKEN else "cannot be a folder's name"
        raise node.key_error(
            f"a service's bundle is called like it, and {printable(name[:_SHOWN])!r} {why}", "rename it"
        )
    return Service(name, node, {other: each.dependency for other, each in waiting.items()}, _replicas(node))


def _replicas(node: Node) -> int:
    """`scale`, or `deploy.replicas`: how many containers a service has."""
    entries = node.entries()
    deployed = entries["deploy"].value if "deploy" in entries else None
    deployed_replicas = deployed.get("replicas") if isinstance(deployed, dict) else None
    named = entries.get("scale") or deployed_replicas
    if named is None or named.value is None:
        return 1
    return whole_number(named, "scale" if "scale" in entries else "deploy.replicas", 0, _MOST_REPLICAS)
