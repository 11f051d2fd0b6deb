"""What will run the bundle: facts about a machine, given or fixed, never looked up here.

What is at paths of the machine that runs the bundle: what its target says, and what every machine has.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Final, Literal

from bundler.errors import printable
from bundler.images.platform import Platform
from bundler.light_dataclasses import dataclass
from bundler.origins import Json, Origin
from bundler.overrides.node import Node
from bundler.runtime_spec import features
from bundler.runtime_spec.features import Features
from bundler.runtime_spec.support import Runtime

_RECURSIVE_READ_ONLY_SINCE: Final = (5, 12)  # mount_setattr(2)
_ARCHITECTURES: Final = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc", "ppc64", "ppc64le"),
    *("riscv64", "s390", "s390x", "sparc64"),
)
Kind = Literal["directory", "file"]
"""What is mounted, and what has to be there to mount it onto."""
DEFAULT_ORIGIN: Final = Origin("target", "default")
# By path, what there is on the machine.
_MAPS: Final = ("devices", "sources")
# What a kernel can be said to have. Where nothing is said, everything is taken to be there.
_LISTS: Final = ("controllers", "namespaces", "seccomp_actions", "emulates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The defaults are those of Debian 12 with runc, so that the same input gives the same bytes on any machine.

    `architecture` is Go's name, empty for the image's own. `runtime_version` is empty where it is not known; then every
    field of the ociVersion in use is taken to be understood. `devices` maps paths of device nodes to {type, major,
    minor, file_mode, uid, gid}, `sources` paths that are mounted to what is there. `origin` says who described the
    target.

    The rest is None, or empty, where it is not known. `features` is what the runtime says of itself, `libseccomp` the
    version it filters with. Of the kernel: the `controllers` of control groups that it shares out, its `namespaces`
    (the runtime-spec's words), `last_capability` (a number of capabilities(7)), `seccomp_actions` (the kernel's words),
    and in `emulates` the foreign architectures (Go's names) whose programs binfmt_misc(5) hands to an emulator.
    """

    runtime: str = "runc"
    runtime_version: tuple[int, ...] = ()
    kernel: tuple[int, int] = (6, 1)
    cgroup: str = "v2"
    cgroup_manager: str = "cgroupfs"
    apparmor: bool = False
    architecture: str = ""
    oci_version: str = "auto"
    devices: Mapping[str, Json] = field(default_factory=dict)
    sources: Mapping[str, Kind] = field(default_factory=dict)
    features: Features | None = None
    libseccomp: str = ""
    selinux: bool | None = None
    controllers: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] | None = None
    last_capability: int | None = None
    seccomp_actions: tuple[str, ...] | None = None
    emulates: tuple[str, ...] | None = None
    origin: Origin = DEFAULT_ORIGIN

    @property
    def known_runtime(self) -> Runtime:
        """The runtime, as far as it is known."""
        return Runtime(self.runtime, self.runtime_version, self.features)

    @property
    def read_only(self) -> str:
        """The option of a read-only bind: Docker makes all mounts below it read-only, too, where the kernel can."""
        return "rro" if self.kernel >= _RECURSIVE_READ_ONLY_SINCE else "ro"

    def described(self) -> dict[str, Json]:
        """The target as bundler.json records it, in the spelling of the overrides key `target`."""
        looked_at: dict[str, Json] = {
            "features": None if self.features is None else self.features.described(),
            "libseccomp": self.libseccomp or None,
            "selinux": self.selinux,
            "last_capability": self.last_capability,
        }
        looked_at |= {key: None if (held := getattr(self, key)) is None else list(held) for key in _LISTS}
        known = {key: value for key, value in looked_at.items() if value is not None}
        return (
            {
                "runtime": self.runtime,
                "runtime_version": ".".join(map(str, self.runtime_version)),
                "kernel": ".".join(map(str, self.kernel)),
                "cgroup": self.cgroup,
                "cgroup_manager": self.cgroup_manager,
                "apparmor": self.apparmor,
                "arch": self.architecture,
                "oci_version": self.oci_version,
            }
            | {key: dict(there) for key in _MAPS if (there := getattr(self, key))}
            | known
        )


def describe(target: Target, entries: Mapping[str, Node], origin: Origin) -> Target:
    """`target` with what the overrides key `target`, or a file of the same form, says of it."""
    versions = {"kernel": "kernel", "runtime_version": "runtime_version"}
    texts = ("runtime", "cgroup", "cgroup_manager", "oci_version", "libseccomp")
    changed: dict[str, Json] = {key: entries[key].text() for key in texts if key in entries}
    if changed.get("cgroup") == "auto":  # what it is without a word, or what a description of the machine says
        del changed["cgroup"]
    changed |= {field: _version(entries[key]) for key, field in versions.items() if key in entries}
    if "arch" in entries:
        changed["architecture"] = _architecture(entries["arch"])
    changed |= {key: entries[key].plain() for key in _MAPS if key in entries}
    changed |= {key: entries[key].value for key in ("apparmor", "selinux", "last_capability") if key in entries}
    changed |= {key: tuple(entries[key].plain()) for key in _LISTS if key in entries}
    if "features" in entries:
        changed["features"] = features.parse(entries["features"].plain())
    return replace(target, **changed, origin=origin)


def _architecture(node: Node) -> str:
    """Go's name of an architecture that may have the kernel's; a wrong one would silently be a weaker filter."""
    name = Platform.of("linux", node.text()).architecture
    if name and name not in _ARCHITECTURES:
        raise node.error(
            f"target.arch: {printable(name)} is not known here", hint=f"known are {', '.join(_ARCHITECTURES)}"
        )
    return name


def _version(node: Node) -> tuple[int, ...]:
    """The numbers of `6.1` or `1.1.5`; the schema has checked the text."""
    text = node.text()
    return tuple(map(int, text.split("."))) if text else ()


# What people mount and every machine has as the same kind (Filesystem Hierarchy Standard, and where daemons listen).
ON_EVERY_MACHINE: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("/boot", "/dev", "/dev/shm", "/etc", "/home", "/lib/modules", "/media", "/mnt"), "directory"),  # noqa: S108
    **dict.fromkeys(("/opt", "/proc", "/root", "/run", "/srv", "/sys", "/sys/fs/cgroup", "/tmp"), "directory"),  # noqa: S108
    **dict.fromkeys(("/usr", "/usr/src", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"), "directory"),  # noqa: S108
    **dict.fromkeys(("/etc/group", "/etc/hostname", "/etc/hosts", "/etc/passwd", "/etc/resolv.conf"), "file"),
    **dict.fromkeys(("/etc/localtime", "/etc/machine-id", "/etc/os-release", "/etc/timezone"), "file"),
    **dict.fromkeys(("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"), "file"),
}


def kind_at(target: Target, path: str) -> Kind | None:
    """What is at a clean path there; None where only that machine can tell."""
    return target.sources.get(path) or ON_EVERY_MACHINE.get(path)
