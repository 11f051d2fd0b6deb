"""`/linux/devices` and the device rules of `/linux/resources` (config-linux.md, devices, allowed device list)."""

import posixpath

from bundler.conversion.process import process
from bundler.conversion.resources import cdi
from bundler.conversion.resources.device_nodes import DIRECTORIES, Device, find_node
from bundler.conversion.rule import Inputs, RuleResult, array
from bundler.errors import printable
from bundler.origins import Json, Sourced
from bundler.overrides.node import Node


def devices(inputs: Inputs) -> RuleResult:
    """`/linux/devices` (config-linux.md, devices): those of `devices`, then those of `cdi`; the last of a path counts.

    A CDI device without an owner is the process's own, as the CDI specification has it; without that, root's.
    """
    injected = cdi.devices(inputs)
    owner: dict[str, Json] = _owner(inputs) if injected else {}
    listed = [(device.value.node, device.origin) for device in _chosen(inputs)]
    listed += [(device.value.node | _missing(owner, device.value.node), device.origin) for device in injected]
    found = {str(node["path"]): Sourced(node, origin) for node, origin in listed}
    return array(found.values())


def _owner(inputs: Inputs) -> dict[str, Json]:
    user: Json = process.user(inputs).value
    return {name: user[name] for name in ("uid", "gid") if user[name] > 0}


def _missing(members: dict[str, Json], node: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in members.items() if name not in node}


def device_rules(inputs: Inputs) -> RuleResult:
    """`/linux/resources/devices`, in order: the profile's deny-all and its exceptions, then what is allowed besides.

    A privileged container may use any device; dockerd looks at no other rule then.
    """
    rules = inputs.profile.items("/linux/resources/devices")
    if inputs.overrides.is_true("privileged"):
        origin = inputs.overrides.entries["privileged"].origin
        return array([*rules, Sourced({"allow": True, "access": "rwm"}, origin)])
    chosen = [Sourced(device.value.rule, device.origin) for device in _chosen(inputs)]
    written = [Sourced(node.plain(), node.origin) for node in inputs.overrides.items("device_cgroup_rules")]
    injected = [
        Sourced(device.value.rule, device.origin) for device in cdi.devices(inputs) if device.value.node["type"] != "p"
    ]
    return array([*rules, *chosen, *written, *injected])


def _chosen(inputs: Inputs) -> list[Sourced[Device]]:
    found = []
    for node in inputs.overrides.items("devices"):
        entry = node.entries()
        host, path, access = (entry[key].text() for key in ("host", "path", "access"))
        for name in _inside(inputs, host):
            device = _numbered(inputs, node, posixpath.join(host, name), posixpath.join(path, name))
            found.append(Sourced(Device(device, access), node.origin))
    return found


def _inside(inputs: Inputs, path: str) -> list[str]:
    """The names of the nodes in a directory, as the target was found or as it is everywhere; else `path` is a node."""
    found = [node.removeprefix(f"{path}/") for node in inputs.target.devices if node.startswith(f"{path}/")]
    return found or list(DIRECTORIES.get(path, ("",)))


def _numbered(inputs: Inputs, node: Node, host: str, path: str) -> dict[str, Json]:
    """The device at `path`: with the numbers it was given, or those of `host` on the target or on every machine."""
    host, path = host.rstrip("/"), path.rstrip("/")
    entry = node.entries()
    there = inputs.target.devices.get(host)
    if there is not None and "major" not in entry:
        owned = {
            "fileMode": there.get("file_mode", 0o600) & 0o777,
            "uid": there.get("uid", 0),
            "gid": there.get("gid", 0),
        }
        return {"path": path} | {name: there[name] for name in ("type", "major", "minor")} | owned
    known = find_node(host)
    if "major" not in entry and known is None:
        raise node.error(
            f"devices: {printable(host)} has other numbers, or is absent, on another machine",
            hint=f"give them: {{path: {printable(path)}, type: c, major: N, minor: N}}; --target host looks",
        )
    device: dict[str, Json] = {"path": path}
    if "major" in entry:
        device |= {name: entry[name].value for name in ("type", "major", "minor")}
    elif known is not None:
        device |= {"type": known.type, "major": known.major, "minor": known.minor}
    mode, gid = (known.mode, known.gid) if known is not None and "major" not in entry else (0o600, 0)
    given = {name: entry[name].value for name in ("file_mode", "uid", "gid") if name in entry}
    return device | {"fileMode": given.get("file_mode", mode), "uid": given.get("uid", 0), "gid": given.get("gid", gid)}
