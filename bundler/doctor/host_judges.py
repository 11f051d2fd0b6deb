"""Judges of a machine for itself, before there is a bundle; each gives printable sentences."""

from collections.abc import Iterator
from typing import Final

from bundler.conversion.target import Target
from bundler.doctor.host_facts import HostFacts
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.sizes import readable_size

_NEEDED: Final = ("mount", "network", "uts", "pid", "ipc")  # what every bundle with Docker's defaults has
_LIMITED: Final = ("memory", "cpu", "pids")
_LITTLE: Final = 2 << 30  # bytes: an image of a few hundred MB and its rootfs


@dataclass(frozen=True, slots=True)
class Machine:
    """This one: as a target, and what else its user finds here."""

    target: Target
    surroundings: HostFacts


def runtime(machine: Machine) -> Iterator[str]:
    if not machine.target.runtime_version:
        yield "neither runc nor crun is there, or new enough"


def runtimes(machine: Machine) -> Iterator[str]:
    """One of them is enough, unless it is there and cannot be used."""
    for program in machine.surroundings.programs:
        if program.used_for == "running bundles" and program.fault and "not on PATH" not in program.fault:
            yield f"{printable(program.fault)}; {program.hint}"


def programs(machine: Machine) -> Iterator[str]:
    for program in machine.surroundings.programs:
        if program.used_for != "running bundles" and program.fault:
            yield f"{printable(program.fault)}; {program.hint} (for {program.used_for})"


def namespaces(machine: Machine) -> Iterator[str]:
    there = machine.target.namespaces
    missing = [kind for kind in _NEEDED if there is not None and kind not in there]
    if missing:
        yield f"the kernel has no {', '.join(missing)} namespaces"


def seccomp(machine: Machine) -> Iterator[str]:
    if not machine.target.seccomp_actions:
        yield "the kernel does not say that it filters system calls"


def controllers(machine: Machine) -> Iterator[str]:
    there = machine.target.controllers or ()
    missing = [name for name in _LIMITED if name not in there]
    if missing:
        yield f"cgroup {machine.target.cgroup} has no controller {', '.join(missing)}"


def cgroup_version(machine: Machine) -> Iterator[str]:
    if machine.target.cgroup == "v1":
        yield "control groups are of version 1"


def delegation(machine: Machine) -> Iterator[str]:
    around = machine.surroundings
    if around.uid != 0 and not around.delegated:
        yield "no control group is delegated to you"


def user_namespaces(machine: Machine) -> Iterator[str]:
    around = machine.surroundings
    if around.user_namespaces == 0 or (around.uid != 0 and not around.unprivileged):
        yield "you may not make user namespaces here"


def subordinate_ids(machine: Machine) -> Iterator[str]:
    around = machine.surroundings
    if around.uid != 0 and not (around.subuids and around.subgids):
        yield "you have no ranges in /etc/subuid and /etc/subgid"


def network(machine: Machine) -> Iterator[str]:
    missing = machine.surroundings.missing_for_bridge
    if missing:
        yield f"a network through a bridge would need {', '.join(missing)}"


def policy(machine: Machine) -> Iterator[str]:
    if not machine.surroundings.policy:
        yield "there is no signature policy (policy.json)"


def space(machine: Machine) -> Iterator[str]:
    free = machine.surroundings.free
    if free is not None and free < _LITTLE:
        yield f"{readable_size(free)} are free at {printable(machine.surroundings.store)}"


def overlay(machine: Machine) -> Iterator[str]:
    if not machine.surroundings.overlay:
        yield "the kernel has no overlay file system"


def checkpoint(machine: Machine) -> Iterator[str]:
    if machine.surroundings.criu:
        yield printable(machine.surroundings.criu)
