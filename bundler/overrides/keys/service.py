"""Keys that stand for others (`deploy`, `security_opt`), and keys that have no meaning for a bundle."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.keys.scalars import parse_cpus, parse_size
from bundler.overrides.node import EDIT, Node

# deploy.resources → the key of the same meaning.
_DEPLOYED: Final = {
    ("limits", "cpus"): "cpus",
    ("limits", "memory"): "mem_limit",
    ("limits", "pids"): "pids_limit",
    ("reservations", "memory"): "mem_reservation",
    ("reservations", "devices"): "gpus",
}
_QUANTITIES: Final[Mapping[str, Callable[[str], int]]] = {
    "cpus": parse_cpus,
    "mem_limit": parse_size,
    "mem_reservation": parse_size,
    "pids_limit": int,
}


def deployed_keys(entries: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that `deploy.resources` stands for. Raises RequestError where a key says otherwise, as compose does."""
    keys = {}
    for group, name, node in _resources(entries):
        key = _DEPLOYED.get((group, name))
        if key is None or node.value is None or not schema.rule(key):
            continue
        beside = entries.get(key)
        if beside is not None and beside.value is not None and _meant(key, beside) != _meant(key, node):
            raise node.error(f"deploy.resources.{group}.{name}: {key} says otherwise in the same file")
        keys[key] = node
    return keys


def _meant(key: str, node: Node) -> Json:
    """What a value stands for: 0.5 and '0.50', or 20m and 20M, say the same."""
    read = _QUANTITIES.get(key)
    if read is None or isinstance(node.value, dict | tuple):
        return node.plain()
    try:
        return read(node.written)
    except ValueError:
        return node.plain()


def without_meaning(entries: Mapping[str, Node]) -> tuple[str, ...]:
    """The keys of a file that a bundle has no place for, in its order."""
    names = [key for key, node in entries.items() if schema.ignored(key) and node.value is not None]
    if "deploy" in entries and isinstance(entries["deploy"].value, dict):
        names += [f"deploy.{printable(key)}" for key in entries["deploy"].value if key != "resources"]
        names += [
            f"deploy.resources.{group}.{name}"
            for group, name, _ in _resources(entries)
            if not schema.rule(_DEPLOYED.get((group, name), ""))
        ]
    return tuple(names)


def _resources(entries: Mapping[str, Node]) -> Iterator[tuple[str, str, Node]]:
    node = entries.get("deploy")
    deploy = node.value if node is not None and isinstance(node.value, dict) else {}
    resources = deploy["resources"].value if "resources" in deploy else None
    for group, named in resources.items() if isinstance(resources, dict) else ():
        for name, value in named.value.items() if isinstance(named.value, dict) else ():
            if not name.startswith("x-"):
                yield group, name, value


_TRUTH: Final = {**dict.fromkeys(("true", "1", "t", ""), True), **dict.fromkeys(("false", "0", "f"), False)}
_APPARMOR: Final = re.compile(r"apparmor[=:](?!unconfined$)")


def secured_keys(entries: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that the options of `security_opt` stand for; a later option wins, as on docker's command line."""
    node = entries.get("security_opt")
    if node is None:
        return {}
    if node.value is None:
        raise node.error("security_opt: only the keys it stands for can be unset", hint="for example seccomp: null")
    keys = dict(_secured_key(option) for option in _options(node))
    keys.pop("label", None)  # leaves no trace in config.json unless the daemon runs on a machine with SELinux
    return keys


def _options(node: Node) -> Iterator[Node]:
    if node.tag != EDIT:
        yield from node.items()
        return
    lists = node.entries()
    if "remove" in lists:
        raise lists["remove"].error("security_opt: options cannot be removed", hint="unset the key one stands for")
    for listed in lists.values():
        yield from listed.items()


def _divided(option: str) -> tuple[str, str, str]:
    """Name, separator and value: dockerd splits at the first `=` if there is one, else at the first `:`, as before
    1.11.
    """
    return option.partition("=" if "=" in option else ":")


def _secured_key(node: Node) -> tuple[str, Node]:
    name, separator, value = _divided(node.text())
    match name:
        case "no-new-privileges" | "writable-cgroups":
            if value.lower() not in _TRUTH or (separator and not value):
                raise node.error(f"security_opt: {printable(node.text())!r} takes true or false")
            return name.replace("-", "_"), node.with_value(_TRUTH[value.lower()])
        case "seccomp" if value:
            return name, node.with_value("docker" if value == "builtin" else value)
        case "apparmor" | "label" if value:
            return name, node.with_value(value)
        case "systempaths" if value == "unconfined":
            return "system_paths", node.with_value(value)
        case _:
            known = "no-new-privileges, seccomp=, apparmor=, systempaths=unconfined, writable-cgroups, label="
            raise node.error(f"security_opt: {printable(node.text())!r} is not an option of Docker's ({known})")


def security_keys(options: Iterable[str], profile_of: Callable[[str], Json]) -> dict[str, Json]:
    """The options as they are, but for a profile: `profile_of` gives what seccomp= stands for. Raises ValueError."""
    kept: list[str] = []
    profile: Json = None
    for option in options:
        name, separator, value = _divided(option)
        if name != "no-new-privileges" and not (separator and value):
            raise ValueError(f"{printable(option[:80])!r}: it is not NAME=VALUE")
        if name != "seccomp":
            kept.append(option)
            continue
        kept = [earlier for earlier in kept if not earlier.startswith("seccomp")]
        profile = None
        if value in ("unconfined", "builtin"):
            kept.append(option)
        else:
            profile = profile_of(value)
    keys: dict[str, Json] = {"security_opt": kept} if kept else {}
    if any(_APPARMOR.match(option) for option in kept):
        keys["target"] = {"apparmor": True}  # who names a profile has a machine that knows it; it must not be lost
    return keys if profile is None else keys | {"seccomp": profile}
