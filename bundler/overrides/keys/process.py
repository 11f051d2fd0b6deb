"""Keys of the process that have several spellings: umask, console size, init, scheduler and I/O priority."""

import re
from typing import Final

from bundler.errors import printable
from bundler.overrides.keys.switches import whole_number
from bundler.overrides.node import Node

_CONSOLE: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_MOST_CELLS: Final = 65535  # a terminal's rows and columns are 16 bits wide (ioctl_tty(2))
_IO_LEVELS: Final = 7

DOCKERS_INIT: Final = "/usr/bin/docker-init"  # what `init: true` is for dockerd, which brings this file along


def umask(node: Node) -> Node:
    """The mask as a number; its text is octal, as for the shell's umask."""
    return node.with_value(int(node.text(), 8))


def console_size(node: Node) -> Node:
    """{height, width} of `[height, width]` or `HEIGHTxWIDTH`, in characters."""
    if isinstance(node.value, str):
        match = _CONSOLE.fullmatch(node.value)
        if match is None:
            raise node.error(
                f"console_size: {printable(node.value[:40])!r} is not HEIGHTxWIDTH", hint="for example 24x80"
            )
        height, width = (node.with_value(int(number)) for number in match.groups())
    else:
        height, width = node.items()
    for size in (height, width):
        whole_number(size, "console_size", 0, _MOST_CELLS)
    return node.with_value({"height": height, "width": width})


def init(node: Node) -> Node:
    """{path, embed} of `true` (docker's own), a path on the target, or a map; false stays false."""
    if isinstance(node.value, dict):
        path, embed = node.value["path"], node.value.get("embed")
        embedded = embed is not None and embed.value is True
        if not embedded and not path.text().startswith("/"):
            raise path.error("init: a path on the target is absolute", hint="embed: true takes it from this machine")
        return node.with_value({"path": path, "embed": node.with_value(embedded)})
    if node.value in (False, "false"):
        return node.with_value(value=False)
    path = node.with_value(DOCKERS_INIT) if node.value in (True, "true") else node
    return node.with_value({"path": path, "embed": node.with_value(value=False)})


def scheduler(node: Node) -> Node:
    """The runtime-spec's names of policies and flags."""
    entries = dict(node.entries())
    if "policy" in entries and entries["policy"].value is not None:
        entries["policy"] = entries["policy"].with_value(_prefixed(entries["policy"].text(), "SCHED_"))
    if "flags" in entries and entries["flags"].value is not None:
        flags = (flag.with_value(_prefixed(flag.text(), "SCHED_FLAG_")) for flag in entries["flags"].items())
        entries["flags"] = entries["flags"].with_value(tuple(flags))
    return node.with_value(entries)


def _prefixed(name: str, prefix: str) -> str:
    upper = name.upper().replace("-", "_")
    return upper if upper.startswith(prefix) else prefix + upper


def io_priority(node: Node) -> Node:
    """{class, priority} of `CLASS[:PRIORITY]` or a map; the class in the runtime-spec's name."""
    if isinstance(node.value, str):
        name, _, level = node.value.partition(":")
        entries = {"class": node.with_value(name), "priority": node.with_value(level or "0")}
    else:
        entries = {"priority": node.with_value(0)} | node.entries()
    entries["priority"] = node.with_value(whole_number(entries["priority"], "io_priority", 0, _IO_LEVELS))
    entries["class"] = entries["class"].with_value(_prefixed(entries["class"].text(), "IOPRIO_CLASS_"))
    return node.with_value({"class": entries["class"], "priority": entries["priority"]})
