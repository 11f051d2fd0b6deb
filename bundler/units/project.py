"""The units of a project on disk: a target, the units of each bundle, and gates between those that wait for others."""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.pieces import on_the_way, shared_sources
from bundler.bundles.record import part_of
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.project.dependency import Condition
from bundler.project.names import is_project_name
from bundler.project.record import ProjectBundle, ProjectRecord, starting_order
from bundler.units.bundle import placing_of, units_of
from bundler.units.gates import gate_unit
from bundler.units.health import parse_health
from bundler.units.membership import Membership, Wait
from bundler.units.placing import Placing, check_absolute
from bundler.units.service import Units, install_rows
from bundler.units.text import unit_text

# systemd's own (systemd.special(7)), which a project of that name would replace.
_SPECIAL: Final = """
basic bluetooth boot-complete cryptsetup cryptsetup-pre ctrl-alt-del default emergency exit factory-reset final
first-boot-complete getty getty-pre graphical halt hibernate hybrid-sleep
initrd initrd-fs initrd-root-device initrd-root-fs initrd-switch-root initrd-usr-fs integritysetup
integritysetup-pre kbrequest kexec local-fs local-fs-pre machines multi-user network network-online network-pre
nss-lookup nss-user-lookup paths poweroff printer reboot remote-cryptsetup remote-fs remote-fs-pre
remote-veritysetup rescue rpcbind runlevel0 runlevel1 runlevel2 runlevel3 runlevel4 runlevel5 runlevel6 shutdown
sigpwr sleep slices smartcard sockets soft-reboot sound storage-target-mode suspend suspend-then-hibernate swap
sysinit system-update system-update-pre time-set time-sync timers tpm2 umount usb-gadget veritysetup
veritysetup-pre xdg-desktop-autostart
"""


@dataclass(frozen=True, slots=True)
class _Member:
    """A bundle of the project, open, with its place and what its bundler.json says of its life."""

    bundle: ProjectBundle
    opened: Bundle
    placing: Placing

    @property
    def name(self) -> str:
        return self.placing.name


def units_of_project(
    folder: Path, *, name: str | None = None, directory: str | None = None, runtime: str | None = None
) -> Units:
    """The units that keep the project in `folder` running when it lies in `directory` (default: where it is).

    `name` (default: the project's) is the target's, which comes first; `runtime` is that of `units_of`. Raises
    RequestError.
    """
    record = ProjectRecord.open(folder)
    name = _target_name(name or record.name)
    target = f"{name}.target"
    if directory is not None:
        directory = check_absolute(directory, "--directory")
    members = {
        bundle.name: _open(folder / bundle.name, bundle, directory, runtime)
        for bundle in starting_order(folder, record)
    }
    memberships = _memberships(record, members, target)
    texts: dict[str, str] = {}
    remarks: list[str] = []
    for member in members.values():
        own = None if directory is None else member.placing.directory
        made = units_of(member.opened, directory=own, runtime=runtime, member=memberships[member.bundle.name])
        _add(texts, made.texts, member.bundle.name)
        remarks += (f"{member.bundle.name}: {remark}" for remark in made.remarks)
    _add(texts, dict(_gates(target, members, memberships)), "depends_on")
    placing = next(iter(members.values())).placing
    services = " ".join(f"{member.name}.service" for member in members.values())
    whole = unit_text(Unit=[("Description", f"Project {name}"), ("Wants", services)], Install=install_rows(placing))
    return Units({target: whole, **texts}, tuple(remarks))


def _target_name(name: str) -> str:
    if not is_project_name(name):
        raise RequestError(f"{printable(name[:60])!r} is no name of a project", hint="--name takes a-z, 0-9, _ and -")
    if name in _SPECIAL.split():
        hint = "--name gives the target another name"
        raise RequestError(f"{name}.target is systemd's own, and the project would replace it", hint=hint)
    return name


def _open(path: Path, bundle: ProjectBundle, directory: str | None, runtime: str | None) -> _Member:
    opened = Bundle.open(path)
    place = None if directory is None else posixpath.join(directory, bundle.name)
    return _Member(bundle, opened, placing_of(opened, directory=place, runtime=runtime))


def _memberships(record: ProjectRecord, members: Mapping[str, _Member], target: str) -> dict[str, Membership]:
    waits = {
        bundle.name: tuple(
            Wait(members[other.name].name, dependency)
            for service, dependency in bundle.depends_on.items()
            for other in record.of_service(service)
        )
        for bundle in record.bundles
    }
    awaited: dict[str, set[Condition]] = {}
    for wait in (each for listed in waits.values() for each in listed):
        awaited.setdefault(wait.name, set()).add(wait.dependency.condition)
    return {
        bundle: Membership(target, waits[bundle], frozenset(awaited.get(member.name, ())), tuple(_parts(member)))
        for bundle, member in members.items()
    }


def _parts(member: _Member) -> Iterator[str]:
    """The paths in volumes of the project that the bundle mounts, and those of the folders that hold them."""
    project = posixpath.dirname(member.placing.directory)
    for path in sorted(on_the_way(shared_sources(member.opened.config))):
        yield posixpath.join(project, path)


def _gates(
    target: str, members: Mapping[str, _Member], memberships: Mapping[str, Membership]
) -> Iterator[tuple[str, str]]:
    """The gates, each once, however many services wait at it."""
    by_name = {member.name: member for member in members.values()}
    waits = {wait.gate: wait for membership in memberships.values() for wait in membership.waits}
    for gate, wait in waits.items():
        yield gate, gate_unit(target, wait, by_name[wait.name].placing, _retries(by_name[wait.name], wait))


def _retries(member: _Member, wait: Wait) -> int:
    """How many failed checks in a row make it unhealthy; 0 where that is not asked."""
    if wait.dependency.condition is not Condition.HEALTHY:
        return 0
    recorded = member.opened.config_file.recorded or {}
    health = parse_health(part_of(recorded, "lifecycle").get("healthcheck"))
    if health is None:
        what = f"{member.opened.label} has no health check to be waited for"
        raise RequestError(what, hint="give it a healthcheck, or wait with condition: service_started")
    return health.retries


def _add(texts: dict[str, str], more: Mapping[str, str], owner: str) -> None:
    """Put units beside others. Raises RequestError where two would have one name."""
    for name, text in more.items():
        if name in texts:
            what = f"{printable(owner)}: there are two units {printable(name)} in the project"
            raise RequestError(what, hint="container_name in the compose file gives one of the containers another name")
        texts[name] = text
