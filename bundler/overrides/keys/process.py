"""Keys of the process: how it starts and is scheduled, what it may do, and what is hidden from it."""

import re
from typing import Final

from bundler.errors import closest, printable
from bundler.overrides.keys.mounts import clean_path
from bundler.overrides.keys.scalars import whole_number
from bundler.overrides.node import Node

_CONSOLE: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_MOST_CELLS: Final = 65535  # a terminal's rows and columns are 16 bits wide (ioctl_tty(2))

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
        entries = {"class": node.with_value(name), "priority": node.with_value(int(level or "0"))}
    else:
        entries = {"priority": node.with_value(0)} | node.entries()
    entries["class"] = entries["class"].with_value(_prefixed(entries["class"].text(), "IOPRIO_CLASS_"))
    return node.with_value({"class": entries["class"], "priority": entries["priority"]})


# capabilities(7) in the order of their numbers, 0 to 40: all that Linux has had since 5.9.
NAMES: Final = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST"),
    *("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"),
    *("CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE"),
    *("CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE"),
    *("CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM"),
    *("CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"),
)
ALL: Final = "ALL"


def list_capabilities(_key: str, node: Node) -> Node:
    """Capabilities of Linux as CAP_NAME, however they were spelled; `ALL` stays a word of its own.

    Raises RequestError.
    """
    return node.with_value(tuple(item.with_value(_capability(item)) for item in node.items()))


def _capability(node: Node) -> str:
    upper = node.text().upper()
    name = upper if upper == ALL or upper.startswith("CAP_") else f"CAP_{upper}"
    if name != ALL and name not in NAMES:
        near = closest(name, NAMES)
        hint = f"did you mean {near}?" if near else "capabilities(7) lists them"
        raise node.error(f"{printable(name[:60])} is not a capability of Linux", hint=hint)
    return name


# Every option of proc(5) that a mount of /proc takes.
_PROC_VALUES: Final = {
    "hidepid": ("0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable"),
    "subset": ("pid",),
}


def clean_paths(_key: str, node: Node) -> Node:
    """A list of absolute paths without `..` and trailing slashes, each once."""
    cleaned = {clean_path(item.text()): item for item in node.items()}
    return node.with_value(tuple(item.with_value(path) for path, item in cleaned.items()))


def expand_system_paths(node: Node) -> Node:
    """`default`, `unconfined`, or {mask, unmask} with clean paths to mask; what to unmask may be patterns."""
    if not isinstance(node.value, dict):
        return node
    return node.with_value(
        {name: clean_paths(name, item) if name == "mask" else item for name, item in node.value.items()}
    )


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
