"""All that running containers could leave behind on a machine: of its network, mounts, processes, groups and files."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.support.booted import Booted
from tests.support.machine import rules_in
from tests.support.waiting import awaited

ASKED: Mapping[str, str] = {
    "links": "ip -brief link | sed 's/@.*//' | sort",
    "addresses": "ip -brief address | sort",
    "routes": "ip route show table all; ip -6 route show table all; ip rule; ip -6 rule",
    "loop devices": 'losetup --all | grep "/srv/bundles/$0/" || true',
    "mounts": "cut -d ' ' -f 2- /proc/1/mounts",
    "containers": "runc list -q; crun list -q; ls /run/runc /run/crun 2>/dev/null || true",
    "run": "find /run/bundler* ! -name lock ! -name addresses ! -name network ! -name bundler || true",
    "units": "systemctl list-units --failed --plain --no-legend; systemctl list-jobs --plain --no-legend",
}


def state_of(machine: Booted, bundles: str) -> dict[str, str]:
    """What there is; `bundles` is the folder whose images are mounted: all machines share the kernel's loop devices."""
    seen = {name: machine.must("sh", "-c", command, bundles) for name, command in ASKED.items()}
    files = Path(f"/proc/{machine.pid}/root")
    groups = sorted(folder for folder, _, _ in os.walk(files / "sys/fs/cgroup"))
    rules = rules_in("".join(map(machine.must, ("iptables-save", "ip6tables-save"))))
    return seen | {"rules": rules, "processes": _processes(files / "proc"), "groups": "\n".join(groups)}


def _processes(proc: Path) -> str:
    lines = []
    for folder in proc.glob("[0-9]*"):
        try:
            lines.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return "\n".join(sorted(lines))


def left_behind(machine: Booted, bundles: str, before: Mapping[str, str]) -> dict[str, list[str]]:
    """What is there and was not before, or the other way round, by its kind; nothing where all is as it was.

    Control groups and processes of systemd's own go a moment later.
    """
    as_before = awaited(lambda: not _difference(before, state_of(machine, bundles)), pause=0.5)
    return {} if as_before else _difference(before, state_of(machine, bundles))


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    lines = {name: (before[name].splitlines(), after[name].splitlines()) for name in before}
    return {
        name: [*(f"- {line}" for line in old if line not in new), *(f"+ {line}" for line in new if line not in old)]
        for name, (old, new) in lines.items()
        if old != new
    }
