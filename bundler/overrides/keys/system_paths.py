"""Paths of /proc and /sys that a container is kept from, and the execution domain."""

from typing import Final

from bundler.errors import printable
from bundler.overrides.keys.mount_options import clean_path
from bundler.overrides.node import Node

# Every option of proc(5) that a mount of /proc takes.
_PROC_VALUES: Final = {
    "hidepid": ("0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable"),
    "subset": ("pid",),
}


def clean_paths(node: Node) -> Node:
    """A list of absolute paths without `..` and trailing slashes, each once."""
    cleaned = {clean_path(item.text()): item for item in node.items()}
    return node.with_value(tuple(item.with_value(path) for path, item in cleaned.items()))


def expand_system_paths(node: Node) -> Node:
    """`default`, `unconfined`, or {mask, unmask} with clean paths to mask; what to unmask may be patterns."""
    if not isinstance(node.value, dict):
        return node
    return node.with_value({name: clean_paths(item) if name == "mask" else item for name, item in node.value.items()})


def expand_personality(node: Node) -> Node:
    """`LINUX32` is short for {domain: LINUX32}."""
    return node if isinstance(node.value, dict) else node.with_value({"domain": node})


def check_proc_options(node: Node) -> Node:
    """Raise RequestError for what is no option of /proc (proc(5))."""
    for item in node.items():
        name, separator, value = item.text().partition("=")
        is_group = name == "gid" and value.isascii() and value.isdecimal() and len(value) <= 10  # noqa: PLR2004
        if not separator or not (is_group or value in _PROC_VALUES.get(name, ())):
            hint = "allowed are hidepid=0|1|2|4, gid=NUMBER and subset=pid"
            raise item.error(f"proc_opts: {printable(item.text()[:40])!r} is no option of /proc", hint=hint)
    return node
