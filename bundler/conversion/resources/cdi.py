"""CDI devices: what their specs add to a container (CDI specification, container edits).

Edits that hold for all devices of a spec come first and once, then those of each device, in the order they were asked
for. The rules of config.json's places take their share from here.
"""

import math
from collections.abc import Iterator
from typing import Final

from bundler.conversion.resources.device_nodes import Device, find_node
from bundler.conversion.rule import Inputs
from bundler.errors import printable
from bundler.origins import Json, Origin, Sourced, beating
from bundler.overrides.keys.mounts import clean_path
from bundler.overrides.node import Node

# Fields of intelRdt that CDI and the runtime-spec share.
_RDT: Final = ("closID", "schemata", "l3CacheSchema", "memBwSchema", "enableMonitoring")


def edits(inputs: Inputs) -> list[Node]:
    """The container edits of every device asked for. Raises RequestError for one that no spec describes."""
    found: list[Node] = []
    for request in inputs.overrides.items("cdi"):
        entries = request.entries()
        specs = list(entries["specs"].items()) if "specs" in entries else []
        used: list[Node] = []
        for wanted in entries["devices"].items() if "devices" in entries else ():
            spec, device = _described(wanted, specs)
            if not any(spec is other for other in used):
                used.append(spec)
                found += [spec.entries()["containerEdits"]] if "containerEdits" in spec.entries() else []
            found.append(device.entries()["containerEdits"])
    return found


def _described(wanted: Node, specs: list[Node]) -> tuple[Node, Node]:
    kind, _, name = wanted.text().partition("=")
    matching = [
        (spec, device)
        for spec in specs
        if spec.entries()["kind"].value == kind
        for device in spec.entries()["devices"].items()
        if device.entries()["name"].value == name
    ]
    if not matching:
        kinds = sorted({spec.entries()["kind"].text() for spec in specs})
        hint = f"there are specs for {', '.join(map(printable, kinds))}" if kinds else "there is no spec at all"
        raise wanted.error(f"cdi: no spec describes {printable(wanted.text())}", hint=hint)
    highest = max(_priority(spec) for spec, _ in matching)
    matching = [found for found in matching if _priority(found[0]) == highest]
    if len(matching) > 1:
        second = matching[1][1].origin.where
        raise matching[0][1].error(f"cdi: {printable(wanted.text())} is described again at {second}")
    return matching[0]


def _priority(spec: Node) -> float:
    """The number of the directory it was found in; what stands in the overrides file itself comes last."""
    found = spec.entries().get("priority")
    return math.inf if found is None else float(found.plain())


def _parts(inputs: Inputs, name: str) -> Iterator[Node]:
    for edit in edits(inputs):
        if name in edit.entries():
            yield from edit.entries()[name].items()


def devices(inputs: Inputs) -> list[Sourced[Device]]:
    """Device nodes; a spec that leaves the numbers to the machine is understood where all machines agree on them."""
    found = []
    for node in _parts(inputs, "deviceNodes"):
        given = node.plain()
        path, kind = clean_path(given["path"]), given.get("type", "")
        known = find_node(clean_path(given.get("hostPath") or path))
        if kind != "p" and "major" not in given and known is None:
            hint = "write type, major and minor into the spec"
            raise node.error(f"cdi: {printable(path)} has other numbers on another machine", hint=hint)
        device: dict[str, Json] = {"path": path, "type": kind or (known.type if known else "c")}
        if "major" in given:
            device |= {"major": given["major"], "minor": given.get("minor", 0)}
        elif known is not None and kind != "p":
            device |= {"major": known.major, "minor": known.minor}
        if "fileMode" in given or known is not None:
            device["fileMode"] = given.get("fileMode", known.mode if known else 0)
        device |= {name: given[name] for name in ("uid", "gid") if name in given}
        found.append(Sourced(Device(device, given.get("permissions") or "rwm"), node.origin))
    return found


def mounts(inputs: Inputs) -> list[Sourced[dict[str, Json]]]:
    """Binds of files of the machine, as the specs have them."""
    found = []
    for node in _parts(inputs, "mounts"):
        given = node.plain()
        options = list(given.get("options") or ())
        if not given.get("type") and not {"bind", "rbind"} & set(options):
            options.append("bind")
        kind = given.get("type") or "bind"
        mount = {
            "destination": clean_path(given["containerPath"]),
            "type": kind,
            "source": given["hostPath"],
            "options": options,
        }
        found.append(Sourced(mount, node.origin))
    return found


def variables(inputs: Inputs) -> list[Sourced[str]]:
    """NAME=VALUE entries for the environment; the last of a name counts."""
    return [Sourced(node.text(), node.origin) for node in _parts(inputs, "env")]


def hooks(inputs: Inputs) -> dict[str, list[Sourced[Json]]]:
    """Hooks by the runtime-spec's name of their moment."""
    found: dict[str, list[Sourced[Json]]] = {}
    for node in _parts(inputs, "hooks"):
        hook = {name: value for name, value in node.plain().items() if name != "hookName"}
        found.setdefault(node.entries()["hookName"].text(), []).append(Sourced(hook, node.origin))
    return found


def groups(inputs: Inputs) -> list[Sourced[int]]:
    """Supplementary groups of the process; 0 adds nothing, as CDI has it."""
    return [Sourced(node.plain(), node.origin) for node in _parts(inputs, "additionalGids") if node.value]


def net_devices(inputs: Inputs) -> dict[str, Sourced[Json]]:
    """Network devices of the machine by their names there, with the names they get in the container."""
    return {
        node.entries()["hostInterfaceName"].text(): Sourced({"name": node.entries()["name"].text()}, node.origin)
        for node in _parts(inputs, "netDevices")
    }


def intel_rdt(inputs: Inputs) -> Sourced[dict[str, Json]] | None:
    """Resource Director settings; those of a later edit take the place of an earlier one's."""
    last: Sourced[dict[str, Json]] | None = None
    for edit in edits(inputs):
        if "intelRdt" in edit.entries():
            node = edit.entries()["intelRdt"]
            beaten: Origin | None = last.origin if last else None
            settings = {name: value for name, value in node.plain().items() if name in _RDT}
            last = Sourced(settings, beating(node.origin, beaten))
    return last
