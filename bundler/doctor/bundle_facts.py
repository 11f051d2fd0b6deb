"""A bundle as it lies on disk, looked at without starting anything: the facts that its checks judge by."""

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.image_reading import holds_image, is_unmounted, open_outline
from bundler.bundles.pieces import check_sources
from bundler.bundles.reach import exposed_here
from bundler.bundles.record import part_of
from bundler.conversion.process.accounts import Accounts, parse_accounts
from bundler.conversion.target import Target
from bundler.doctor.host_facts import HostFacts
from bundler.doctor.mount_points import MountPoint, forbids_execution, is_read_only, look_at_mount_points
from bundler.doctor.networks import carried, missing_programs, taken_ports
from bundler.doctor.program import ElfChain, Seeker
from bundler.errors import BundlerError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, pointer_token
from bundler.profiles import load_profile
from bundler.rootfs.home import Home
from bundler.rootfs.tree import Tree
from bundler.runtime_spec.parts import HOOK_KINDS, Device, Hook, Mount, Namespace, Process
from bundler.runtime_spec.runtime_config import Fault, RuntimeConfig, values_at

_LIBRARY: Final = "libseccomp.so.2"
_UNKNOWN: Final = -1  # __NR_SCMP_ERROR; calls of other architectures have other negative numbers
_LARGEST_ACCOUNTS: Final = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class BoundPath:
    """Something that config.json names by a path; `kind` is what is there: `file`, `directory`, `missing`, another
    word, or `unknown` where that cannot be seen from here. `onto` is the same of where it is mounted.
    """

    pointer: str
    path: str
    kind: str
    onto: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """A bundle, the machine it is to run on, and that machine's surroundings: None where it is another machine.

    `rootfs` says what is wrong with the root filesystem; then nothing is known of what is in it. `has_image` says that
    it is an image, to be mounted or mounted already. `hooks` that are not executable are of the kind `not executable`,
    devices that are others than on the machine `another device`. `missing_programs` are those that a hook of bundler's
    own would look for, `taken_ports` say what keeps it from publishing ports, `parameters` are the kernel's.
    `read_only` and `noexec` say how the file system of the rootfs is mounted here.
    """

    target: Target
    surroundings: HostFacts | None
    config: RuntimeConfig
    recorded: Json
    stale: bool
    rootfs: str = ""
    has_image: bool = False
    exposed: tuple[Fault, ...] = ()
    program: ElfChain | None = None
    cwd: str = "unknown"
    accounts: Accounts | None = None
    read_only: bool = False
    noexec: bool = False
    mount_points: tuple[MountPoint, ...] = ()
    binds: tuple[BoundPath, ...] = ()
    hooks: tuple[BoundPath, ...] = ()
    devices: tuple[BoundPath, ...] = ()
    namespaces: tuple[BoundPath, ...] = ()
    unknown_syscalls: tuple[str, ...] = ()
    missing_programs: tuple[str, ...] = ()
    taken_ports: tuple[str, ...] = ()
    parameters: tuple[BoundPath, ...] = ()

    @property
    def process(self) -> Process:
        return self.config.process


def built_for(bundle: Bundle) -> Json:
    """The name of the runtime that bundler.json says the bundle was built for; None where it does not."""
    return part_of(bundle.config_file.recorded or {}, "target").get("runtime")


def look_at(bundle: Bundle, target: Target, surroundings: HostFacts | None) -> BundleFacts:
    """Everything about `bundle` that the checks ask for. Raises RequestError where there is no runtime config."""
    written, folder = bundle.config_file, bundle.path
    config = written.config
    check_sources(folder, config)
    here = surroundings is not None
    subject = BundleFacts(
        target=target,
        surroundings=surroundings,
        config=config,
        recorded=written.recorded,
        stale=written.stale,
        has_image=holds_image(bundle),
        exposed=tuple(exposed_here(folder, config, here=here)),
        devices=tuple(_devices(config.devices)) if here else (),
        namespaces=tuple(_namespaces(config.namespaces)) if here else (),
        parameters=tuple(_parameters(config.sysctl)) if here else (),
        unknown_syscalls=_unknown_to_libseccomp(_calls(config)) if here else (),
        missing_programs=() if surroundings is None else missing_programs(folder, config, root=surroundings.uid == 0),
        taken_ports=() if surroundings is None else taken_ports(config),
    )
    try:
        with open_rootfs(bundle) as tree:
            seeker = seeker_of(tree, config)
            args = config.process.args
            read_only = here and _is_fixed(bundle)
            mount_points = look_at_mount_points(folder, config, tree, here=here, read_only=read_only)
            return replace(
                subject,
                program=seeker.program(args[0]) if args else None,
                cwd=seeker.kind(config.process.cwd or "/"),
                accounts=accounts_of(tree),
                read_only=read_only,
                noexec=here and not is_unmounted(bundle) and forbids_execution(_root_of(bundle)),
                mount_points=mount_points,
                binds=tuple(_binds(folder, config.mounts, mount_points, here=here)),
                hooks=tuple(_hooks(folder, config.hooks, seeker, here=here)),
            )
    except OSError as error:
        where = error.filename if isinstance(error.filename, str | bytes) else str(folder)
        return replace(subject, rootfs=f"{printable(where)}: {error.strerror}")


def _calls(config: RuntimeConfig) -> list[str]:
    """The names in the filter's rules but those that Docker's own filter has, which are spelt right."""
    dockers = set(values_at(load_profile().seccomp, ("syscalls", "*", "names", "*")))
    named = config.values("linux", "seccomp", "syscalls", "*", "names", "*")
    return [name for name in dict.fromkeys(map(str, named)) if name not in dockers]


def _unknown_to_libseccomp(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that this machine's libseccomp does not know, in order: a runtime passes over rules about them.
    None where the library is not there to be asked.
    """
    try:
        resolve = ctypes.CDLL(_LIBRARY).seccomp_syscall_resolve_name
    except (OSError, AttributeError):
        return ()
    return tuple(name for name in names if "\0" in name or resolve(name.encode("utf-8", "replace")) == _UNKNOWN)


@contextmanager
def open_rootfs(bundle: Bundle) -> Iterator[Home]:
    """The tree that config.json names, or the one in the image that is to be mounted there.

    Raises OSError, and what open_outline raises.
    """
    if is_unmounted(bundle):
        with open_outline(bundle) as outline:
            yield outline
        return
    path = _root_of(bundle)
    try:
        tree = Tree(path)
    except ValueError:
        raise OSError(0, "no path of a root filesystem", printable(str(path))) from None
    with tree:
        yield tree


def _root_of(bundle: Bundle) -> Path:
    """Where config.json says that the root filesystem is."""
    return bundle.path.resolve() / (bundle.config.root_path or "rootfs")


def _is_fixed(bundle: Bundle) -> bool:
    """Whether nothing can be made in the root filesystem. What is written over an image is kept in the bundle."""
    if is_unmounted(bundle):
        return bundle.config.root_is_readonly or is_read_only(bundle.path)
    return is_read_only(_root_of(bundle))


def seeker_of(tree: Home, config: RuntimeConfig) -> Seeker:
    """Looks for the process's files, where none of its mounts will cover them."""
    # Of two entries of one name the later one counts: runtimes set them one after the other.
    search = [entry.removeprefix("PATH=") for entry in config.process.env if entry.startswith("PATH=")]
    mounted = {mount.place for mount in config.mounts}
    return Seeker(tree, mounted, config.process.cwd or "/", search[-1] if search else None)


def accounts_of(tree: Home) -> Accounts | None:
    """The users of the rootfs; None where the files cannot be what they are taken for."""
    try:
        return parse_accounts(*(tree.read_regular(name, _LARGEST_ACCOUNTS) for name in (b"etc/passwd", b"etc/group")))
    except BundlerError:
        return None


def _binds(bundle: Path, mounts: Iterable[Mount], points: Sequence[MountPoint], *, here: bool) -> Iterator[BoundPath]:
    """A relative source is one of the bundle (runtime-spec config.md, mounts), any other is the machine's."""
    onto = {point.pointer: point.kind for point in points if not point.below}
    for mount in mounts:
        if mount.is_bind:
            source = mount.source or ""
            kind = "unknown" if source.startswith("/") and not here else _kind(bundle / source)
            yield BoundPath(mount.pointer, source, kind, onto.get(mount.pointer, "unknown"))


def _hooks(bundle: Path, hooks: Iterable[Hook], seeker: Seeker, *, here: bool) -> Iterator[BoundPath]:
    for hook in sorted((hook for hook in hooks if hook.kind in HOOK_KINDS), key=_turn):
        own = carried(hook)
        if own is not None and hook.is_outer:
            yield BoundPath(hook.pointer, own, _runnable(bundle / own))
        if not hook.is_outer:
            program = seeker.program(hook.path)
            yield BoundPath(hook.pointer, hook.path, "file" if not program.fault else "not executable")
        elif here or not hook.path.startswith("/"):
            yield BoundPath(hook.pointer, hook.path, _runnable(bundle / hook.path))


def _turn(hook: Hook) -> int:
    return HOOK_KINDS.index(hook.kind)


def _devices(devices: Iterable[Device]) -> Iterator[BoundPath]:
    kinds = {"c": stat.S_ISCHR, "u": stat.S_ISCHR, "b": stat.S_ISBLK}
    for device in devices:
        is_kind = kinds.get(device.type)
        if is_kind is None:  # a fifo is the container's own
            continue
        kind = _kind(Path(device.path))
        if kind == "device":
            status = os.stat(device.path)  # noqa: PTH116
            numbers = (os.major(status.st_rdev), os.minor(status.st_rdev))
            same = is_kind(status.st_mode) and numbers == (device.major, device.minor)
            kind = "device" if same else "another device"
        yield BoundPath(device.pointer, device.path, kind)


def _namespaces(namespaces: Iterable[Namespace]) -> Iterator[BoundPath]:
    for namespace in namespaces:
        if namespace.path:
            yield BoundPath(namespace.pointer, namespace.path, _kind(Path(namespace.path)))


def _parameters(names: Iterable[str]) -> Iterator[BoundPath]:
    """But for those of single interfaces, which the container may get from a hook."""
    for name in names:
        path = name.replace(".", "/")
        if not {"conf", "neigh"} & set(path.split("/")):
            yield BoundPath(f"/linux/sysctl/{pointer_token(name)}", name, _kind(Path("/proc/sys", path)))


def _runnable(path: Path) -> str:
    """`file` for one that may be executed."""
    kind = _kind(path)
    return "not executable" if kind == "file" and not os.access(path, os.X_OK) else kind


def _kind(path: Path) -> str:
    """What is there, on this machine; nothing is opened."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 -- for a bind, the kernel follows links as well
    except PermissionError:
        return "unknown"
    except (OSError, ValueError):
        return "missing"
    if stat.S_ISDIR(mode):
        return "directory"
    return "device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "file"
