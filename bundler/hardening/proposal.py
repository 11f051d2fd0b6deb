"""The proposal: lines of an overrides file by pure rules over the evidence, each with its reason in a comment."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from bundler.errors import printable
from bundler.hardening.known_programs import KNOWN, Known
from bundler.hardening.rootfs_facts import Evidence, Folder
from bundler.light_dataclasses import dataclass
from bundler.overrides.keys.process import NAMES as CAPABILITIES

_FREE_PORTS: Final = "net.ipv4.ip_unprivileged_port_start"
_PRIVILEGED_PORTS: Final = 1024
_ORDINARY_USERS: Final = range(1000, 65534)
_SAFE_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+")  # what a short form of a mount can hold
_SAFE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
# Below these nothing has to last; all else that is written to is kept.
_PASSING: Final = ("/run/", "/tmp/", "/var/tmp/", "/var/cache/", "/var/lock/")  # noqa: S108
_SCRATCH: Final = ("/run", "/tmp", "/var/tmp")  # noqa: S108
_SHOWN: Final = 6  # files that a reason names
_PROCESSES: Final = 512


@dataclass(frozen=True, slots=True)
class Line:
    """A key and a value, or an item of its list, and why; `active` ones count, the others are only written down."""

    key: str
    value: str | int
    why: str
    active: bool = True


def propose(evidence: Evidence) -> list[Line]:
    """Lines of one key follow each other. The same evidence gives the same lines."""
    return [*_capabilities(evidence), *_privileges(evidence), *_files(evidence), *_suggestions(evidence)]


def _rows(evidence: Evidence) -> list[Known]:
    return [row for row in KNOWN if evidence.words & {*row.names}]


def _is_root(evidence: Evidence) -> bool:
    return evidence.config.process.uid == 0


def _capabilities(evidence: Evidence) -> Iterator[Line]:
    """What is left of the capabilities; each with the first reason that is found."""
    reasons: dict[str, str] = {}
    if _is_root(evidence):
        for row in _rows(evidence):
            reason = f"{', '.join(name for name in row.names if name in evidence.words)} {row.why}"
            reasons |= {name: reason for name in row.capabilities if name not in reasons}
        foreign = [folder.path for folder in _written(evidence) if folder.uid != 0]
        if foreign:
            reasons.setdefault("DAC_OVERRIDE", f"root writes to {_listed(foreign)}, which root does not own")
    for path in _started(evidence, evidence.capable):
        reasons |= dict.fromkeys(evidence.capable[path], f"{path} has it, and starts with it alone")
    if _needs_low_ports(evidence):
        reasons.setdefault("NET_BIND_SERVICE", "a port below 1024 may be served, and the network is not its own")
    yield Line("cap_drop", "ALL", "Docker's fourteen are for any program; what this one needs is added again")
    for name in CAPABILITIES:
        plain = name.removeprefix("CAP_")
        if plain in reasons:
            yield Line("cap_add", plain, reasons[plain])
    others = [path for path in evidence.capable if path not in _started(evidence, evidence.capable)]
    for name in sorted({name for path in others for name in evidence.capable[path]} - reasons.keys()):
        holders = [path for path in others if name in evidence.capable[path]]
        yield Line("cap_add", name, f"{_listed(holders)} cannot start without it", active=False)


def _needs_low_ports(evidence: Evidence) -> bool:
    low = evidence.ports is None or any(port < _PRIVILEGED_PORTS for port in evidence.ports)
    return low and _is_root(evidence) and evidence.config.sysctl.get(_FREE_PORTS) != "0"


def _started(evidence: Evidence, files: "dict[str, tuple[str, ...]] | tuple[str, ...]") -> list[str]:
    """Those of `files` that the start of the container runs."""
    return [path for path in files if path in evidence.trail or path.rpartition("/")[2] in evidence.words]


def _privileges(evidence: Evidence) -> Iterator[Line]:
    """`no_new_privileges`: only another user than root can need a file that gives privileges."""
    needed = [] if _is_root(evidence) else _started(evidence, evidence.set_id)
    gaining = _started(evidence, evidence.capable)
    if needed or (gaining and not _is_root(evidence)):
        yield Line(
            "no_new_privileges", True, f"{_listed([*needed, *gaining])} would start without privileges", active=False
        )
        return
    others = f"; ordinary programs then: {_listed(list(evidence.set_id))}" if evidence.set_id else ""
    yield Line("no_new_privileges", True, f"nothing on the way to the program needs a setuid file{others}")


def _files(evidence: Evidence) -> Iterator[Line]:
    """A read-only root, and what is written to all the same."""
    mounted = _mounts(evidence)
    kept = [
        path for path in mounted if path.startswith("/") and not path.startswith(("/dev", "/proc", "/sys", "/etc/"))
    ]
    volumes = f"; its mounts stay as they are: {_listed(kept)}" if kept else ""
    yield Line("read_only", True, f"the files of the image need not change{volumes}")
    folders = [folder for folder in _written(evidence) if _SAFE_PATH.fullmatch(folder.path)]
    for path in _SCRATCH:
        if path not in mounted:
            yield Line("tmpfs", path, "for files that need not last")
    for folder in folders:
        if folder.path.startswith(_PASSING):
            yield Line("tmpfs", _tmpfs(folder), "the image has it, and it need not last")
    for folder in folders:
        if not folder.path.startswith(_PASSING):
            name = folder.path.strip("/").replace("/", "-")
            yield Line("volumes", f"{name}:{folder.path}", "is written to, and kept in the bundle's volumes")


def _tmpfs(folder: Folder) -> str:
    owner = f",uid={folder.uid},gid={folder.gid}" if folder.uid or folder.gid else ""
    return f"{folder.path}:mode={folder.mode:o}{owner}"


def _written(evidence: Evidence) -> list[Folder]:
    """The folders that this service writes to: those of /run, its own, and those of the user it is, or could be."""
    rows = _rows(evidence)
    known = {path for row in rows for path in row.writes}
    names = {name for row in rows for name in row.users}
    uids = {user.uid for user in evidence.accounts.users if user.name in names}
    uids.add(evidence.config.process.uid)
    mounted = _mounts(evidence)
    return [
        folder
        for folder in evidence.folders
        if (folder.path in known or (folder.uid in uids - {0}) or folder.path.startswith("/run/"))
        and not any(folder.path == path or folder.path.startswith(path.rstrip("/") + "/") for path in mounted)
    ]


def _mounts(evidence: Evidence) -> list[str]:
    return [mount.destination for mount in evidence.config.mounts]


def _suggestions(evidence: Evidence) -> Iterator[Line]:
    """What only an operator who knows the service can decide."""
    user = _user(evidence)
    if user:
        yield Line("user", user, "the image has this user; without root, cap_add may go, too", active=False)
    yield Line("pids_limit", _PROCESSES, "against fork bombs; a program with many threads needs more", active=False)
    yield Line("network_mode", "none", "if it talks to no other machine", active=False)


def _user(evidence: Evidence) -> str | None:
    """One that goes with the program, else the only ordinary one."""
    if not _is_root(evidence):
        return None
    users = evidence.accounts.users
    names = [name for row in _rows(evidence) for name in row.users]
    fitting = [name for name in names if any(user.name == name and user.uid for user in users)]
    ordinary = [user.name for user in users if user.uid in _ORDINARY_USERS and _SAFE_NAME.fullmatch(user.name)]
    return next(iter(fitting), ordinary[0] if len(ordinary) == 1 else None)


def _listed(paths: list[str]) -> str:
    more = len(paths) - _SHOWN
    return printable(", ".join(paths[:_SHOWN])) + (f" and {more} more" if more > 0 else "")


_LISTS: Final = frozenset(("cap_drop", "cap_add", "tmpfs", "volumes"))
# Text that stands for itself in YAML, but for words that mean something to some reader of it.
_PLAIN: Final = re.compile(r"[A-Za-z/]([A-Za-z0-9_./:,=+-]*[A-Za-z0-9_/])?")
_NOT_PLAIN: Final = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def write(lines: Sequence[Line], name: str, command: str = "bundler build IMAGE --overrides THIS-FILE") -> str:
    """`name` is what the proposal is for, `command` what takes it. Comments cannot end before their line does: all is
    printable.
    """
    written = [
        f"# What {printable(name)} can do without, as far as its files tell. Read it, build with",
        f"# {printable(command)}, and try it: what it does only now and then does not show here.",
    ]
    open_key = ""
    for line in lines:
        mark = "" if line.active else "# "
        value = _scalar(line.value)
        if line.key not in _LISTS:
            written += ["", f"# {printable(line.why)}", f"{mark}{line.key}: {value}"]
        else:
            if line.key != open_key:
                written += ["", f"{_mark_of(lines, line.key)}{line.key}:"]
            written.append(f"{mark}  - {value}  # {printable(line.why)}")
        open_key = line.key
    return "\n".join(written) + "\n"


def _scalar(value: str | int) -> str:
    """Anything that is not plain is quoted as JSON, which YAML reads as well."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return json.dumps(value)


def _mark_of(lines: Sequence[Line], key: str) -> str:
    """A list of which nothing is active is not begun, or it would be null."""
    return "" if any(line.active for line in lines if line.key == key) else "# "
