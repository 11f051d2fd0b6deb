"""A config.json as leaves, so that two can be compared: every value by its place, with what is chance taken out.

Docker's order of capabilities, paths, rlimits, namespaces and of mounts at one depth means nothing: these are sets, or
found by name. Device rules and seccomp rules become their effect. What is empty is as good as absent, as for Go.
A value `*` stands for anything: a container's id, a path of Docker's own, a number of the machine it ran on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ANY = "*"
MANAGED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_AUTOMATIC_NAME = re.compile("[0-9a-f]{12}")
_OF_DOCKER = re.compile(r"/var/lib/docker/(containers|volumes|overlay2|vfs|rootfs|image|tmp)/")
_DEFAULT_CGROUP = re.compile(r"/docker/[0-9a-f]{64}|system\.slice:docker:[0-9a-f]{64}")
Leaves = dict[str, Any]


def leaves(config: Mapping[str, Any], *, of_docker: bool) -> Leaves:
    """`of_docker` says that a daemon wrote it: what is its own or its machine's becomes `*`."""
    process, linux = config.get("process", {}), config.get("linux", {})
    found: Leaves = {
        "/hostname": _hostname(config.get("hostname"), of_docker=of_docker),
        "/root/readonly": config.get("root", {}).get("readonly"),
        **_environment(process.get("env") or [], config.get("hostname"), of_docker=of_docker),
        **dict(_process(process)),
        **dict(_mounts(config.get("mounts") or [], of_docker=of_docker)),
        **dict(_linux(linux, of_docker=of_docker)),
        **dict(_seccomp(linux.get("seccomp"))),
        **{f"/annotations/{name}": value for name, value in (config.get("annotations") or {}).items()},
    }
    return {place: value for place, value in found.items() if not _is_empty(value) or place == "/process/capabilities"}


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (not value and isinstance(value, str | list | dict))


def _plain(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What has no form of its own: one leaf for each scalar and each list of scalars."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _plain(f"{place}/{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _plain(f"{place}/{index}", item)
    else:
        yield place, value


def _hostname(name: str | None, *, of_docker: bool) -> str | None:
    return ANY if of_docker and name and _AUTOMATIC_NAME.fullmatch(name) else name


def _environment(env: Sequence[str], hostname: str | None, *, of_docker: bool) -> Leaves:
    found: Leaves = {}
    for entry in env:
        name, _, value = entry.partition("=")
        key, count = name, 1
        while f"/process/env/{key}" in found:
            count += 1
            key = f"{name} (number {count})"
        automatic = name == "HOSTNAME" and of_docker and (hostname is None or value == hostname)
        found[f"/process/env/{key}"] = ANY if automatic and _hostname(value, of_docker=True) == ANY else f"={value}"
    return found | {"/process/env": [name.removeprefix("/process/env/") for name in found]}


def _process(process: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    user = process.get("user", {})
    yield "/process/user/uid", f"{user.get('uid', 0)}"
    yield "/process/user/gid", f"{user.get('gid', 0)}"
    yield "/process/user/additionalGids", sorted(set(user.get("additionalGids") or []))
    yield from _plain("/process/user", {key: user[key] for key in user if key not in ("uid", "gid", "additionalGids")})
    capabilities = process.get("capabilities")
    if capabilities == {}:
        yield "/process/capabilities", {}
    for name, held in (capabilities or {}).items():
        yield f"/process/capabilities/{name}", sorted(set(held or []))
    for limit in process.get("rlimits") or []:
        yield f"/process/rlimits/{limit['type']}", [limit["soft"], limit["hard"]]
    own = ("user", "capabilities", "rlimits", "env")
    yield from _plain("/process", {key: value for key, value in process.items() if key not in own})


def _mounts(mounts: Sequence[Mapping[str, Any]], *, of_docker: bool) -> Iterator[tuple[str, Any]]:
    order = [str(mount["destination"]) for mount in mounts]
    for mount in mounts:
        place, source = f"/mounts/{mount['destination']}", str(mount.get("source", ""))
        theirs = of_docker and (_OF_DOCKER.match(source) or mount["destination"] == "/sbin/docker-init")
        if theirs and mount["destination"] in MANAGED:
            yield place, ANY
            continue
        yield f"{place}/source", ANY if theirs else source
        yield f"{place}/options", sorted(mount.get("options") or [])
        own = ("destination", "source", "options")
        yield from _plain(place, {key: value for key, value in mount.items() if key not in own})
    yield "/mounts", sorted(f"{outer} before {inner}" for outer, inner in _nesting(order))


def _nesting(order: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The pairs of mounts, first and later, of which one is inside the other: were they swapped, it would show."""
    for index, first in enumerate(order):
        for later in order[index + 1 :]:
            if f"{later}/".startswith(f"{first.rstrip('/')}/") or f"{first}/".startswith(f"{later.rstrip('/')}/"):
                yield first, later


def _linux(linux: Mapping[str, Any], *, of_docker: bool) -> Iterator[tuple[str, Any]]:
    for namespace in linux.get("namespaces") or []:
        yield f"/linux/namespaces/{namespace['type']}", namespace.get("path") or "its own"
    for key in ("maskedPaths", "readonlyPaths"):
        # One for each processor of the machine.
        paths = [path for path in linux.get(key) or [] if not path.endswith("/thermal_throttle")]
        yield f"/linux/{key}", sorted(set(paths))
    path = linux.get("cgroupsPath") or ""
    if path:
        automatic = of_docker and _DEFAULT_CGROUP.fullmatch(path)
        yield "/linux/cgroupsPath", ANY if automatic else re.sub(r"[:/][^:/]*$", "", path)
    resources = linux.get("resources") or {}
    yield from device_effect(resources.get("devices") or [])
    yield from _plain("/linux/resources", {key: value for key, value in resources.items() if key != "devices"})
    yield from _device_nodes(linux, of_docker=of_docker)
    own = ("namespaces", "maskedPaths", "readonlyPaths", "cgroupsPath", "resources", "devices", "seccomp")
    yield from _plain("/linux", {key: value for key, value in linux.items() if key not in own})


def device_effect(rules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """What an ordered list of device rules allows in the end."""
    default, exceptions = "allow", dict[str, set[str]]()
    for rule in rules:
        verdict, access = "allow" if rule.get("allow") else "deny", set(rule.get("access") or "rwm")
        if rule.get("type", "a") == "a":
            if access == set("rwm"):
                default, exceptions = verdict, {}
            continue
        numbers = (rule.get("major"), rule.get("minor"))
        which = f"{rule['type']} " + ":".join("*" if number in (None, -1) else str(number) for number in numbers)
        kept = exceptions.get(which, set())
        exceptions[which] = kept | access if verdict != default else kept - access
    yield "/linux/resources/devices", default
    for which, access in exceptions.items():
        yield f"/linux/resources/devices/{which}", "".join(letter for letter in "rwm" if letter in access)


def _device_nodes(linux: Mapping[str, Any], *, of_docker: bool) -> Iterator[tuple[str, Any]]:
    nodes = linux.get("devices") or []
    if of_docker and len(nodes) > 10:  # a privileged container has all nodes of its machine
        yield "/linux/devices", ANY
        return
    for node in nodes:
        for key in set(node) - {"path"}:
            anything = of_docker and key in ("fileMode", "uid", "gid")
            yield f"/linux/devices/{node['path']}/{key}", ANY if anything else node[key]


def _seccomp(seccomp: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    """The effect of a filter: for each call and condition, the action."""
    if not seccomp:
        return
    default = (seccomp["defaultAction"], seccomp.get("defaultErrnoRet"))
    yield "/linux/seccomp", _action(*default)
    for key in set(seccomp) - {"defaultAction", "defaultErrnoRet", "syscalls"}:
        value = seccomp[key]
        yield f"/linux/seccomp/{key}", sorted(value) if isinstance(value, list) else value
    rules: dict[tuple[str, str], str] = {}
    for rule in seccomp.get("syscalls") or []:
        condition = " and ".join(sorted(map(_condition, rule.get("args") or [])))
        for name in rule.get("names") or []:
            rules.setdefault((name, condition), _action(rule["action"], rule.get("errnoRet")))
    for (name, condition), action in rules.items():
        if action != _action(*default) and not (condition and rules.get((name, "")) == action):
            yield f"/linux/seccomp/syscalls/{name}{f' if {condition}' if condition else ''}", action


def _action(action: str, errno: int | None) -> str:
    if action in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"):
        return f"{action} {1 if errno is None else errno}"
    return action


def _condition(argument: Mapping[str, Any]) -> str:
    values = [argument["value"], *([argument["valueTwo"]] if argument.get("valueTwo") else [])]
    return f"argument {argument['index']} {argument['op'].removeprefix('SCMP_CMP_')} {', '.join(map(str, values))}"


def differences(golden: Leaves, ours: Leaves) -> dict[str, tuple[Any, Any]]:
    """Where they differ, with what Docker and what we have (None for nothing). `*` of Docker's agrees with anything."""
    free = [place for place, value in golden.items() if value == ANY]
    unlike = (place for place in {**golden, **ours} if golden.get(place) != ours.get(place))
    return {
        place: (golden.get(place), ours.get(place))
        for place in unlike
        if not any(_within(place, above) for above in free)
    }


def _within(place: str, above: str) -> bool:
    return place == above or place.startswith(f"{above}/")
