"""The one form of every key: what compose lets people write in several ways becomes one, so that files can be merged.

NORMAL_FORMS has a row for each key with more than one spelling. The schema has been checked before.
"""

import shlex
from collections.abc import Callable, Mapping
from typing import Final

from bundler.errors import printable
from bundler.overrides.files import env_files
from bundler.overrides.keys import namespaces, networking
from bundler.overrides.keys.devices import expand_device_rules, expand_devices, refuse_gpus, request_devices
from bundler.overrides.keys.limits import block_io, by_name, huge_pages, microseconds, number_set, size_or_unlimited
from bundler.overrides.keys.mounts import (
    clean_patterns,
    each_once,
    expand_image_volumes,
    expand_mounts,
    expand_tmpfs,
    expand_volume,
    list_tmpfs,
    size_of,
)
from bundler.overrides.keys.namespaces import parse_id_map
from bundler.overrides.keys.networking import expand_ports
from bundler.overrides.keys.process import (
    check_proc_options,
    clean_paths,
    console_size,
    expand_personality,
    expand_system_paths,
    init,
    io_priority,
    list_capabilities,
    scheduler,
    umask,
)
from bundler.overrides.keys.scalars import MAXIMUM, parse_cpus, parse_time_offsets, switch, whole, whole_number
from bundler.overrides.keys.service import deployed_keys
from bundler.overrides.keys.verbatim import annotations, hooks, labels, patch_steps
from bundler.overrides.list_operators import is_edit, normalise_edit
from bundler.overrides.node import Node
from bundler.overrides.schema import ignored

UNLIMITED: Final = (1 << 64) - 1


def normalise(entries: Mapping[str, Node]) -> dict[str, Node]:
    """Every key in its normal form; `security_opt` and `deploy` are replaced by the keys they stand for.

    A null stays a null (the merge gives it its meaning), with or without a tag.
    """
    keys = {**_security_keys(entries), **deployed_keys(entries), **entries}
    for expanded in ("security_opt", "deploy"):
        keys.pop(expanded, None)
    return {key: _normal(key, node) for key, node in keys.items() if not key.startswith("x-") and not ignored(key)}


def _normal(key: str, node: Node) -> Node:
    if node.value is None:
        return node
    normal_form = NORMAL_FORMS.get(key, _as_it_is)
    return normalise_edit(node, normal_form) if is_edit(key, node) else normal_form(node)


def _as_it_is(node: Node) -> Node:
    return node


def _words(node: Node) -> Node:
    if not isinstance(node.value, str):
        return _texts(node)
    try:
        words = shlex.split(node.value)
    except ValueError as error:
        raise node.error(f"cannot be split into words: {str(error).lower()}") from None
    return _texts(node.with_value(tuple(node.with_value(word) for word in words)))


def _texts(node: Node) -> Node:
    """A list of texts; what is a number is taken as it is written."""
    return node.with_value(tuple(_text(item) for item in node.items()))


def _text(node: Node) -> Node:
    return node if isinstance(node.value, str) else node.with_value(node.written)


def _ids(node: Node) -> Node:
    return node.with_value(tuple(_id(item) for item in node.items()))


def _id(node: Node) -> Node:
    """A name, or a number in decimal digits: `0o17` is the id 15, not a user who is called that."""
    return node if isinstance(node.value, str) else node.with_value(str(node.value))


def _assignments(node: Node) -> Node:
    """NAME=VALUE lines as a map of names to text, or to null where there is no value."""
    if isinstance(node.value, dict):
        return node.with_value({name: _assigned(value) for name, value in node.value.items()})
    assigned: dict[str, Node] = {}
    for item in node.items():
        name, separator, value = item.text().partition("=")
        # A name that stands twice keeps its first place and gets the last value, as on docker's command line.
        assigned[name] = item.with_value(value if separator else None)
    return node.with_value(assigned)


def _parameters(node: Node) -> Node:
    """NAME=VALUE lines, each with a value: without one there is nothing to set."""
    for item in node.value if isinstance(node.value, tuple) else ():
        if "=" not in item.text():
            raise item.error(f"sysctls: {printable(item.text())!r} is not NAME=VALUE")
    return _assignments(node)


def _assigned(node: Node) -> Node:
    return node if node.value is None else _text(node)


def _several(expand: Callable[[Node], Node]) -> Callable[[Node], Node]:
    """One entry or a list of entries as a list of `expand`ed ones; a mount point stands in a list only once."""

    def expand_all(node: Node) -> Node:
        given = node.items() if isinstance(node.value, tuple) else (node,)
        return node.with_value(each_once([expand(item) for item in given], "target"))

    return expand_all


def _ulimits(node: Node) -> Node:
    return node.with_value({name: _ulimit(name, limit) for name, limit in node.entries().items()})


def _ulimit(name: str, node: Node) -> Node:
    if node.value is None:
        return node
    given = node.value if isinstance(node.value, dict) else {"soft": node, "hard": node}
    limits = {key: _limit(name, limit) for key, limit in given.items()}
    soft, hard = limits["soft"], limits["hard"]
    if soft > hard:
        raise node.error(f"ulimits.{name}: the soft limit {soft} is above the hard limit {hard}")
    return node.with_value({"soft": node.with_value(soft), "hard": node.with_value(hard)})


def _limit(name: str, node: Node) -> int:
    return UNLIMITED if node.value in ("unlimited", -1, "-1") else whole_number(node, f"ulimits.{name}", 0, UNLIMITED)


def _size(node: Node) -> Node:
    return node.with_value(size_of(node))


def _cpus(node: Node) -> Node:
    try:
        return node.with_value(parse_cpus(node.written))
    except ValueError as error:
        raise node.error(f"cpus: {error}") from None


def _capability_sets(node: Node) -> Node:
    sets = node.entries()
    return node.with_value(
        {name: held if held.value is None else list_capabilities(held) for name, held in sets.items()}
    )


def _texts_by_name(node: Node) -> Node:
    return node.with_value({name: _assigned(value) for name, value in node.entries().items()})


NORMAL_FORMS: Final[dict[str, Callable[[Node], Node]]] = {
    "entrypoint": _words,
    "command": _words,
    "environment": _assignments,
    "user": _id,
    "group_add": _ids,
    "sysctls": _parameters,
    "cap_add": list_capabilities,
    "cap_drop": list_capabilities,
    "volumes": _several(expand_volume),
    "tmpfs": lambda node: _several(expand_tmpfs)(list_tmpfs(node)),
    "ulimits": _ulimits,
    "cpus": _cpus,
    "env_file": env_files,
    "umask": umask,
    "console_size": console_size,
    "init": init,
    "oom_score_adj": whole("oom_score_adj", -1000, 1000),
    "capabilities": _capability_sets,
    "ambient_caps": list_capabilities,
    "scheduler": scheduler,
    "io_priority": io_priority,
    "mem_limit": size_or_unlimited("mem_limit"),
    "mem_reservation": size_or_unlimited("mem_reservation"),
    "memswap_limit": size_or_unlimited("memswap_limit"),
    "mem_swappiness": whole("mem_swappiness", -1, 100),
    "cpu_shares": whole("cpu_shares", 0, MAXIMUM),
    "cpu_quota": whole("cpu_quota", -MAXIMUM - 1, MAXIMUM),
    "cpu_period": whole("cpu_period", 0, 1_000_000),
    "cpu_rt_period": microseconds("cpu_rt_period"),
    "cpu_rt_runtime": microseconds("cpu_rt_runtime"),
    "cpuset": number_set("cpuset"),
    "cpuset_mems": number_set("cpuset_mems"),
    "pids_limit": whole("pids_limit", -1, MAXIMUM),
    "memory": by_name({name: size_or_unlimited(f"memory.{name}") for name in ("kernel", "kernel_tcp")}),
    "exec_cpu_affinity": by_name({name: number_set(f"exec_cpu_affinity.{name}") for name in ("initial", "final")}),
    "memory_policy": by_name({"nodes": number_set("memory_policy.nodes")}),
    "blkio_config": block_io,
    "hugepages": huge_pages,
    "unified": _texts_by_name,
    "hooks": hooks,
    "annotations": annotations,
    "labels": labels,
    "spec_patch": patch_steps,
    **dict.fromkeys(
        ("tty", "oom_kill_disable", "stdin_open", "read_only", "privileged", "read_only_tmpfs"),
        switch,
    ),
    "network_mode": namespaces.check_network_mode,
    "ports": expand_ports,
    "ipc": namespaces.check_ipc,
    "pid": namespaces.check_pid,
    "uts": namespaces.check_uts,
    "cgroup": namespaces.check_cgroup,
    "time": namespaces.check_time,
    "mount_ns": namespaces.check_mount,
    "userns_mode": namespaces.check_users,
    "uid_map": parse_id_map,
    "gid_map": parse_id_map,
    "time_offsets": parse_time_offsets,
    "personality": expand_personality,
    "system_paths": expand_system_paths,
    "masked_paths": clean_paths,
    "readonly_paths": clean_paths,
    "proc_opts": check_proc_options,
    "extra_hosts": networking.expand_extra_hosts,
    "dns": networking.expand_dns,
    "dns_search": networking.expand_dns_search,
    "dns_opt": networking.expand_dns_opt,
    "shm_size": _size,
    "mounts": expand_mounts,
    "image_volumes": expand_image_volumes,
    "remove_mounts": clean_patterns,
    "devices": expand_devices,
    "device_cgroup_rules": expand_device_rules,
    "gpus": refuse_gpus,
    "cdi": request_devices,
}


def _security_keys(entries: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that the options of `security_opt` stand for; a later option wins, as on docker's command line."""
    node = entries.get("security_opt")
    if node is None:
        return {}
    if node.value is None:
        raise node.error("security_opt: only the keys it stands for can be unset", hint="for example seccomp: null")
    keys: dict[str, Node] = {}
    for option in _security_options(node):
        key, value = _security_key(option)
        if key:
            keys[key] = value
    return keys


def _security_options(node: Node) -> tuple[Node, ...]:
    if not is_edit("security_opt", node):
        return node.items()
    lists = node.entries()
    if "remove" in lists:
        raise lists["remove"].error("security_opt: options cannot be removed", hint="unset the key one stands for")
    return tuple(option for listed in lists.values() for option in listed.items())


def _security_key(node: Node) -> tuple[str, Node]:
    text = node.text()
    # dockerd splits at the first `=` if there is one, else at the first `:` (the spelling of before 1.11).
    name, separator, value = text.partition("=" if "=" in text else ":")
    match name:
        case "no-new-privileges":
            return "no_new_privileges", node.with_value(_switch(node, separator, value))
        case "writable-cgroups":
            return "writable_cgroups", node.with_value(_switch(node, separator, value))
        case "seccomp" if value:
            return "seccomp", node.with_value("docker" if value == "builtin" else value)
        case "apparmor" if value:
            return "apparmor", node.with_value(value)
        case "systempaths" if text == "systempaths=unconfined":
            return "system_paths", node.with_value(value)
        case "label" if value:
            # SELinux labels leave no trace in config.json unless the daemon runs on an SELinux host.
            return "", node
        case _:
            known = "no-new-privileges, seccomp=, apparmor=, systempaths=unconfined, writable-cgroups, label="
            raise node.error(f"security_opt: {printable(text)!r} is not an option of Docker's ({known})")


def _switch(node: Node, separator: str, value: str) -> bool:
    if not separator:
        return True
    if value.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise node.error(f"security_opt: {printable(node.text())!r} takes true or false")
    return value.lower() in ("true", "1", "t")
