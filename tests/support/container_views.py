"""How the containers of a compose project look from inside, in words that say the same of Docker's and of bundler's.

Addresses become `web-1@front`, who has them on which network; what a container is called where nothing is said about
it, `(its own)`.
"""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("probe.py")
NAMESPACES = ("net", "ipc", "pid", "uts")
STATUS = ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
# Compared for every single container elsewhere, or different with each kernel.
UNSEEN = re.compile(r"/(proc|sys|dev)(?!/shm$)(/|$)")
NAMING = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
TMPFS_OPTIONS = ("ro", "rw", "nosuid", "nodev", "noexec", "size", "mode", "uid", "gid")
WEB = 80
ELSEWHERE = "192.0.2.2/8000"  # a web server of another machine
THE_MACHINE = "the machine"


@dataclass(frozen=True)
class Container:
    """One that runs: `name` is SERVICE-N, `own_names` are what it is called if nothing is said."""

    name: str
    pid: int
    own_names: Sequence[str]
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """Its containers, and what is to be looked at from inside of each: names, ports as ADDRESS/PORT, files."""

    containers: Sequence[Container]
    names: Sequence[str] = ()
    ports: Sequence[str] = ()
    files: Sequence[str] = ()

    @property
    def labels(self) -> dict[str, str]:
        return {
            address: f"{container.name}@{network}"
            for container in self.containers
            for network, addresses in container.addresses.items()
            for address in addresses
        }


def views(
    projects: Mapping[str, Project], labels: Mapping[str, str], machine: int, elsewhere: int
) -> dict[str, dict[str, Any]]:
    """By project and container, and what answers to the machine itself and to another one, of which each is kept by a
    process. `labels` are those of further addresses.
    """
    keepers = {THE_MACHINE: machine, "elsewhere": elsewhere}
    asked = {
        f"{name}/{container.name}": {
            "pid": container.pid,
            "names": list(project.names),
            "places": [*(f"{address}/{WEB}" for address in project.labels), *project.ports, ELSEWHERE],
        }
        for name, project in projects.items()
        for container in project.containers
    } | {
        f"{name}/{keeper}": {"pid": pid, "names": [], "places": list(project.ports)}
        for name, project in projects.items()
        for keeper, pid in keepers.items()
    }
    done = subprocess.run(
        [sys.executable, PROBE], input=json.dumps(asked), stdout=subprocess.PIPE, check=True, text=True
    )
    seen = json.loads(done.stdout)
    return {
        name: {
            each.name: view(project, each, seen[f"{name}/{each.name}"], {**labels, **project.labels}, machine)
            for each in project.containers
        }
        | {keeper: {"answers": answers(seen[f"{name}/{keeper}"], labels)} for keeper in keepers}
        for name, project in projects.items()
    }


def answers(seen: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    pairs = ((place.rpartition("/"), page) for place, page in sorted(seen["answers"].items()))
    return {f"{labels.get(address, address)}/{port}": page for (address, _, port), page in pairs}


def view(project: Project, own: Container, seen: Mapping[str, Any], labels: Mapping[str, str], machine: int) -> Any:
    def renamed(text: str) -> str:
        for name in own.own_names:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "(its own)", text)
        return text

    def labelled(address: str) -> str:
        return labels.get(address, address)

    proc = Path(f"/proc/{own.pid}")
    namespaces = shared(project, own, machine)
    links = [] if namespaces["net"] == THE_MACHINE else seen["interfaces"]
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    resolver = [line.split() for line in seen["resolver"].splitlines()]
    return {
        "arguments": (proc / "cmdline").read_text().split("\0")[:-1],
        "environment": sorted(renamed(entry) for entry in (proc / "environ").read_text().split("\0")[:-1]),
        "working directory": str((proc / "cwd").readlink()),
        "status": {key: " ".join(status[key].split()) for key in STATUS},
        "limits": limits(proc),
        "hostname": renamed(seen["hostname"]),
        "domainname": seen["domainname"],
        "resolver": sorted(" ".join(words) for words in resolver if words and words[0] in ("search", "options")),
        "namespaces": namespaces,
        "interfaces": interfaces(links, labelled),
        "ways out": [
            labelled(route["gateway"]) for route in (*seen["routes"], *seen["routes6"]) if route["dst"] == "default"
        ],
        "names": {name: sorted(map(labelled, addresses)) for name, addresses in seen["names"].items()},
        "answers": answers(seen, labels),
        "mounts": dict(mounts(proc)),
        "files": {path: line for mount in (*contents(proc), *project.files) for path, line in files(proc, mount)},
    }


def limits(proc: Path) -> dict[str, str]:
    """Those that are others than what a daemon or a runtime gets from this process."""
    inherited = (Path("/proc/self/limits").read_text()).splitlines()
    lines = set((proc / "limits").read_text().splitlines()).difference(inherited)
    return {line[:25].strip(): " ".join(line[26:67].split()) for line in lines}


def shared(project: Project, own: Container, machine: int) -> dict[str, str]:
    """Whose namespaces the container is in, by kind; shared memory is what lies at /dev/shm."""

    def namespace(pid: int, kind: str) -> str:
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())

    def owners(pids: Mapping[str, str], mine: str) -> str:
        others = sorted(name for name, each in pids.items() if each == mine)
        return " ".join(others) or THE_MACHINE

    found = {}
    for kind in NAMESPACES:
        mine = namespace(own.pid, kind)
        of_machine = mine == namespace(machine, kind)
        pids = {each.name: namespace(each.pid, kind) for each in project.containers}
        found[kind] = THE_MACHINE if of_machine else owners(pids, mine)
    memory = {each.name: device(each.pid, "/dev/shm") for each in project.containers}
    found["shared memory"] = owners(memory, memory[own.name])
    return found


def mount_lines(proc: Path) -> Iterator[tuple[list[str], list[str]]]:
    for line in (proc / "mountinfo").read_text().splitlines():
        first, _, second = line.partition(" - ")
        yield first.split(), second.split()


def device(pid: int, path: str) -> str:
    return next((first[2] for first, _ in mount_lines(Path(f"/proc/{pid}")) if first[4] == path), "")


def mounts(proc: Path) -> Iterator[tuple[str, str]]:
    for first, second in mount_lines(proc):
        place, options = first[4], first[5].split(",")
        if UNSEEN.match(place):
            continue
        if second[0] == "tmpfs" and first[3] == "/" and place != "/":
            known = [word for word in (*options, *second[2].split(",")) if word.split("=")[0] in TMPFS_OPTIONS]
            yield place, " ".join(["tmpfs", *sorted(set(known))])
        else:
            yield place, options[0]


def contents(proc: Path) -> list[str]:
    """The mounts that have files of the machine."""
    return [
        first[4]
        for first, second in mount_lines(proc)
        if not UNSEEN.match(first[4])
        and first[4] not in ("/", *NAMING)
        and not (second[0] == "tmpfs" and first[3] == "/")
    ]


def files(proc: Path, place: str) -> Iterator[tuple[str, str]]:
    path = Path(f"{proc}/root{place}")
    if not path.exists():
        return
    listed = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
    for each in listed:
        status = each.lstat()
        text = repr(each.read_text()) if stat.S_ISREG(status.st_mode) and status.st_size < 200 else ""
        line = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {text}"
        yield str(each).removeprefix(f"{proc}/root"), line.strip()


def interfaces(listed: Sequence[Mapping[str, Any]], labelled: Any) -> list[str]:
    """In no order: which of several networks is eth0 is chance under Docker."""
    found = []
    for link in listed:
        addresses = [labelled(each["local"]) for each in link["addr_info"] if each["scope"] == "global"]
        if link["ifname"] == "lo" or not addresses:
            continue
        found.append(" ".join([*dict.fromkeys(addresses), f"mtu {link['mtu']}"]))
    return sorted(found)
