"""Devices, their rules, and devices of the Container Device Interface, in every form they are written in.

`cdi` (CDI specification 0.3 to 1.1) becomes a list of requests {devices, spec_dirs, specs}, one for each overrides
file: a request is answered by the specs that its own file names, so that requests can simply follow one another. Each
spec that was read has the number of its directory as its `priority`: of two that describe a device, that of the later
directory counts (CDI specification, SPEC.md), and one that stands in the overrides file itself counts most.
"""

import re
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.overrides import schema, validation
from bundler.overrides.files import Reader
from bundler.overrides.keys.mounts import clean_path
from bundler.overrides.node import Node

ALL_ACCESS: Final = "rwm"
_ACCESS: Final = re.compile(r"(?!.*(.).*\1)[rwm]{1,3}")
_RULE: Final = re.compile(r"([acb]) ([0-9]{1,10}|\*):([0-9]{1,10}|\*) ([rwm]{1,3})")
_ANY: Final = -1  # of a major or minor number in a rule


def is_access(text: str) -> bool:
    """Whether a text is some of r, w and m, each once."""
    return _ACCESS.fullmatch(text) is not None


def is_cdi_name(text: str) -> bool:
    """Whether a text names a device of the Container Device Interface, VENDOR/CLASS=DEVICE, which is never a path."""
    return re.search(str(schema.form("cdi_name")["pattern"]).replace("$", r"\Z"), text) is not None


def expand_devices(node: Node) -> Node:
    """A list of {host, path, access}; with {type, major, minor, file_mode, uid, gid} where these are given.

    `host` is the node on the machine, `path` the one in the container. Raises RequestError.
    """
    forms = (_short(item) if isinstance(item.value, str) else _long(item) for item in node.items())
    return node.with_value(tuple(forms))


def _short(node: Node) -> Node:
    """`HOST[:CONTAINER[:ACCESS]]`, or `HOST:ACCESS`, as docker reads them."""
    text = node.text()
    if is_cdi_name(text):
        hint = f"cdi: {{devices: [{printable(text[:60])}], spec_dirs: [DIRECTORY]}}"
        raise node.error(f"devices: {printable(text[:60])!r} is a CDI device", hint=hint)
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:  # noqa: PLR2004  (HOST:CONTAINER:ACCESS)
        raise node.error(f"devices: {printable(text[:80])!r} is not HOST[:CONTAINER[:rwm]]")
    if len(parts) == 2 and is_access(parts[1]):  # noqa: PLR2004
        parts = [parts[0], parts[0], parts[1]]
    host, path = parts[0], (parts[1] if len(parts) > 1 else "") or parts[0]
    access = parts[2] if len(parts) == 3 else ALL_ACCESS  # noqa: PLR2004
    entries = {"host": _path(node, host), "path": _path(node, path), "access": _access(node, access)}
    return node.with_value({name: node.with_value(value) for name, value in entries.items()})


def _long(node: Node) -> Node:
    """{source, target, permissions} of compose, or {path, type, major, minor, ...} of the runtime-spec."""
    given = dict(node.entries())
    numbers = [name for name in ("type", "major", "minor") if name in given]
    if "source" in given and numbers:
        raise given[numbers[0]].error(f"devices: {numbers[0]} is for a device given by path, type, major and minor")
    if ("source" in given) == ("path" in given):
        raise node.error("devices: a device needs either a source or a path")
    if numbers and len(numbers) != 3:  # noqa: PLR2004
        raise node.error("devices: type, major and minor belong together")
    host = given.pop("source", None) or given["path"]
    path = given.pop("target", None) or given.get("path") or host
    access = given.pop("permissions", None) or given.get("access")
    entries = given | {
        "host": host.with_value(_path(host, host.text())),
        "path": path.with_value(_path(path, path.text())),
        "access": access.with_value(_access(access, access.text())) if access else node.with_value(ALL_ACCESS),
    }
    return node.with_value(entries)


def _path(node: Node, path: str) -> str:
    if not path.startswith("/") or clean_path(path) == "/":
        raise node.error(f"devices: {printable(path[:80])!r} is no absolute path of a device")
    return clean_path(path)


def _access(node: Node, access: str) -> str:
    if not is_access(access):
        raise node.error(f"devices: bad access {printable(access[:20])!r}", hint="allowed are r, w, m and all of these")
    return access


def expand_device_rules(node: Node) -> Node:
    """A list of the runtime-spec's {allow, type, major, minor, access}; -1 is any number (docker's `*`)."""
    return node.with_value(tuple(_rule(item) for item in node.items()))


def _rule(node: Node) -> Node:
    if not isinstance(node.value, str):
        allowed: dict[str, Node] = {"allow": node.with_value(value=True), "access": node.with_value(ALL_ACCESS)}
        entries = allowed | node.entries()
        _access(entries["access"], entries["access"].text())
        order = ("allow", "type", "major", "minor", "access")
        return node.with_value({name: entries[name] for name in order if name in entries})
    match = _RULE.fullmatch(node.value)
    if match is None:
        hint = "for example 'c 189:* rwm'"
        raise node.error(f"device_cgroup_rules: {printable(node.value[:60])!r} is no device rule", hint=hint)
    major, minor = (_ANY if text == "*" else int(text) for text in match.group(2, 3))
    rule = {"allow": True, "type": match[1], "major": major, "minor": minor, "access": match[4]}
    return node.with_value({name: node.with_value(value) for name, value in rule.items()})


def refuse_gpus(node: Node) -> Node:
    """Docker asks a driver of the machine that runs the container; a bundle is built elsewhere."""
    hint = "name them as CDI devices: cdi: {devices: [VENDOR/gpu=all], spec_dirs: [DIRECTORY]}"
    raise node.error("gpus: only the driver of the machine knows its processors", hint=hint)


_NVIDIAS: Final = "nvidia.com/"  # what docker's --gpus is about
_SPEC_NAMES: Final = (".json", ".yaml", ".yml")
_MAXIMUM_SPECS: Final = 1000  # files in one directory


def request_devices(node: Node) -> Node:
    """One file's request. Raises RequestError for devices that nothing describes."""
    entries = node.entries()
    if entries.get("devices") and not (entries.get("spec_dirs") or entries.get("specs")):
        names = [printable(device.text()) for device in entries["devices"].items()]
        how = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml writes one; " if _NVIDIAS in names[0] else ""
        raise node.error(
            f"cdi: no spec describes {', '.join(names)}",
            hint=f"{how}an overrides file names the folder of the specs: "
            f"cdi: {{devices: [{', '.join(names)}], spec_dirs: [/etc/cdi]}}",
        )
    return node.with_value((node,))


def read_specs(request: Node, reader: Reader) -> Node:
    """`request` with the specs in its directories, which are relative to the folder of `reader`.

    Raises RequestError, with file, line and column, for a spec that is malformed.
    """
    entries = dict(request.entries())
    specs = list(entries["specs"].items()) if "specs" in entries else []
    directories = entries["spec_dirs"].items() if "spec_dirs" in entries else ()
    for number, directory in enumerate(directories):
        for path in _spec_files(directory, reader.folder / directory.text()):
            spec = reader.read_path(path, directory).document()
            validation.check_value("cdi", Node({"specs": Node((spec,), spec.origin)}, spec.origin))
            specs.append(spec.with_value(spec.entries() | {"priority": directory.with_value(number)}))
    entries.pop("spec_dirs", None)
    return request.with_value(entries | {"specs": request.with_value(tuple(specs))})


def _spec_files(node: Node, directory: Path) -> list[Path]:
    """The specs in a directory, sorted, so that every machine reads them in the same order."""
    folder = printable(str(directory))
    try:
        specs = sorted(path for path in directory.iterdir() if path.name.endswith(_SPEC_NAMES))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"{node.origin.where}: cdi: cannot read {folder}: {reason}") from None
    if len(specs) > _MAXIMUM_SPECS:
        raise node.error(f"cdi: {folder} holds more than {_MAXIMUM_SPECS} specs")
    return specs
