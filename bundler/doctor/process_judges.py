"""Judges of what a container starts with: its program, working directory, user, and the files that config.json names.

Each takes a BundleFacts and gives a sentence for everything that is wrong; all texts are printable.
"""

from collections.abc import Iterator
from typing import Final

from bundler.conversion.process.security import KINDS
from bundler.doctor.bundle_facts import BoundPath, BundleFacts
from bundler.doctor.permission import outside
from bundler.doctor.program import ElfChain
from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides.keys.process import NAMES
from bundler.runtime_spec.validity import STARTABLE

# What a processor runs besides its own programs.
ALSO_RUN: Final = {"amd64": ("386",), "arm64": ("arm",), "ppc64le": (), "mips64le": ("mipsle",), "mips64": ("mips",)}
_SHOWN_TRAIL: Final = " → "


def rootfs(subject: BundleFacts) -> Iterator[str]:
    if subject.rootfs:
        yield subject.rootfs


def form(subject: BundleFacts) -> Iterator[str]:
    """What no runtime starts, whatever is on disk."""
    if not subject.config.has_process:
        yield "/process: there is none, so nothing would be started"
    for startable in STARTABLE:
        for fault in startable(subject.config):
            yield printable(f"{fault.pointer}: {fault.what}")


def program(subject: BundleFacts) -> Iterator[str]:
    if subject.program is not None and subject.program.fault:
        yield _with_trail(subject.program, subject.program.fault)


def program_hidden(subject: BundleFacts) -> Iterator[str]:
    if subject.program is not None and subject.program.hidden:
        yield _with_trail(subject.program, subject.program.hidden)


def _with_trail(found: ElfChain, what: str) -> str:
    return f"{what} ({_SHOWN_TRAIL.join(found.trail)})" if len(found.trail) > 1 else what


def architecture(subject: BundleFacts) -> Iterator[str]:
    machine, needed = subject.target.architecture, "" if subject.program is None else subject.program.architecture
    if needed and machine and needed not in (machine, *ALSO_RUN.get(machine, ())) and not _emulated(subject, needed):
        trail = subject.program.trail if subject.program else ()
        yield f"{trail[0]} is for {needed}, the machine is {machine}"


def emulation(subject: BundleFacts) -> Iterator[str]:
    needed = "" if subject.program is None else subject.program.architecture
    if needed and needed != subject.target.architecture and _emulated(subject, needed):
        yield f"the program is for {needed}, which this machine emulates (binfmt_misc)"


def _emulated(subject: BundleFacts, architecture: str) -> bool:
    return architecture in (subject.target.emulates or ())


def working_directory(subject: BundleFacts) -> Iterator[str]:
    if subject.cwd not in ("directory", "missing", "hidden", "unknown"):
        yield f"the working directory {_cwd(subject)} is a {subject.cwd}"


def working_directory_missing(subject: BundleFacts) -> Iterator[str]:
    if subject.cwd == "missing":
        yield f"the working directory {_cwd(subject)} is not there"


def _cwd(subject: BundleFacts) -> str:
    return printable(subject.process.cwd)


def mapped(subject: BundleFacts) -> Iterator[str]:
    """user_namespaces(7): an id without a mapping cannot be taken on."""
    config, process = subject.config, subject.process
    for key, mappings, numbers in (
        ("uidMappings", config.uid_mappings, (process.uid,)),
        ("gidMappings", config.gid_mappings, process.gids),
    ):
        ids = outside(mappings, numbers)
        for number in (number for number, known in zip(numbers, ids, strict=True) if known is None):
            yield f"the process needs the id {number}, and no range of /linux/{key} has it"


def account(subject: BundleFacts) -> Iterator[str]:
    uid = subject.process.uid
    if (
        subject.accounts is not None
        and subject.accounts.users
        and not any(known.uid == uid for known in subject.accounts.users)
    ):
        yield f"user {uid} is not in the rootfs's /etc/passwd"


def sources(subject: BundleFacts) -> Iterator[str]:
    yield from _missing(subject.binds, "the source of the mount")


def reach(subject: BundleFacts) -> Iterator[str]:
    for fault in subject.exposed:
        yield printable(f"{fault.pointer}: {fault.what}")


def source_kinds(subject: BundleFacts) -> Iterator[str]:
    destinations = {mount.pointer: mount.destination for mount in subject.config.mounts}
    for bind in subject.binds:
        pair = (bind.kind, bind.onto)
        if ("directory" in pair) and not {*pair} & {"missing", "unknown"} and pair != ("directory", "directory"):
            where = printable(destinations[bind.pointer])
            yield f"{bind.pointer}: {printable(bind.path)} is a {bind.kind}, {where} in the rootfs a {bind.onto}"
    binds = {bind.pointer for bind in subject.binds}
    for point in subject.mount_points:
        if point.kind == "nowhere":
            yield f"{point.pointer}: nothing can be mounted on {printable(point.path)}: something else is in its way"
        elif point.pointer.startswith("/linux/"):  # what is there stays, a device or not
            continue
        elif point.pointer not in binds and point.kind not in ("directory", "missing", "unknown"):
            yield f"{point.pointer}: a file system is mounted on {printable(point.path)}, in the rootfs a {point.kind}"


def mount_points(subject: BundleFacts) -> Iterator[str]:
    """What a runtime would make before it starts anything, and cannot."""
    for point in subject.mount_points:
        if point.fixed and point.kind == "missing":
            where = printable(point.below or "the rootfs")
            yield f"{point.pointer}: {printable(point.path)} is not there to mount onto, and {where} is read-only"
    if subject.read_only and subject.cwd == "missing":
        yield f"the working directory {_cwd(subject)} is not there, and the rootfs is read-only"


def execution(subject: BundleFacts) -> Iterator[str]:
    """The mount of a container's rootfs has the options of what it lies on."""
    if subject.noexec and subject.program is not None and subject.program.first is not None:
        yield "the rootfs lies on a file system that is mounted noexec"


def hooks(subject: BundleFacts) -> Iterator[str]:
    yield from _missing(subject.hooks, "the hook")
    for hook in subject.hooks:
        if hook.kind not in ("file", "missing", "unknown"):
            what = hook.kind if hook.kind == "not executable" else f"a {hook.kind}"
            yield f"{hook.pointer}: the hook {printable(hook.path)} is {what}"


def namespace_paths(subject: BundleFacts) -> Iterator[str]:
    yield from _missing(subject.namespaces, "the namespace")


def kernel_parameters(subject: BundleFacts) -> Iterator[str]:
    yield from _missing(subject.parameters, "the kernel parameter")


def devices(subject: BundleFacts) -> Iterator[str]:
    yield from _missing(subject.devices, "the device")
    for device in subject.devices:
        if device.kind not in ("device", "missing", "unknown"):
            yield f"{device.pointer}: {printable(device.path)} is {device.kind} on this machine"


def _missing(references: tuple[BoundPath, ...], what: str) -> Iterator[str]:
    for reference in references:
        if reference.kind == "missing":
            yield f"{reference.pointer}: {what} {printable(reference.path)} is not there"


def _lifecycle(recorded: Json) -> dict[str, Json]:
    lifecycle = (recorded or {}).get("lifecycle")
    return lifecycle if isinstance(lifecycle, dict) else {}


def lifecycle(subject: BundleFacts) -> Iterator[str]:
    kept = [key for key in ("restart", "healthcheck", "stop_signal") if key in _lifecycle(subject.recorded)]
    if kept:
        yield f"{', '.join(kept)}: kept in bundler.json, for which config.json has no place"


def stale(subject: BundleFacts) -> Iterator[str]:
    if subject.stale:
        yield "config.json is no longer the one that bundler.json is about"


def capabilities(subject: BundleFacts) -> Iterator[str]:
    """What the kernel does not have, a runtime cannot give (capabilities(7))."""
    last = subject.target.last_capability
    sets = subject.process.capabilities or {}
    held = {name for kind in KINDS for name in sets.get(kind, ())}
    for name in sorted(held & set(NAMES), key=NAMES.index):
        if last is not None and NAMES.index(name) > last:
            yield f"the machine's kernel does not have {name}"
