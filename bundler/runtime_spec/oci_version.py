"""`/ociVersion`: the lowest version of the runtime-spec that has every field a document uses.

The lowest, because runtimes refuse versions they do not know: crun 1.8 of Debian 12 takes nothing from 1.2.0 on.
"""

import re
from collections.abc import Iterator
from typing import Final

from bundler.errors import RequestError
from bundler.origins import Origin
from bundler.runtime_spec.runtime_config import RuntimeConfig

BASE: Final = "1.0.0"
_RELATIVE_DESTINATIONS: Final = "1.2.0"  # until then a mount's destination had to be an absolute path

# Fields by their path (`*` is any key or index) → the version that brought them. What is not here was in 1.0.0.
_FIELDS: Final[dict[tuple[str, ...], str]] = {
    ("vm",): "1.0.2",
    ("process", "commandLine"): "1.0.2",
    ("process", "user", "umask"): "1.0.2",
    ("hooks", "createRuntime"): "1.0.2",
    ("hooks", "createContainer"): "1.0.2",
    ("hooks", "startContainer"): "1.0.2",
    ("linux", "personality"): "1.0.2",
    ("linux", "resources", "memory", "useHierarchy"): "1.0.2",
    ("linux", "resources", "rdma"): "1.0.2",
    ("linux", "seccomp", "flags"): "1.0.2",
    ("linux", "intelRdt", "closID"): "1.0.2",
    ("linux", "intelRdt", "memBwSchema"): "1.0.2",
    ("domainname",): "1.1.0",
    ("zos",): "1.1.0",
    ("process", "scheduler"): "1.1.0",
    ("process", "ioPriority"): "1.1.0",
    ("mounts", "*", "uidMappings"): "1.1.0",
    ("mounts", "*", "gidMappings"): "1.1.0",
    ("linux", "timeOffsets"): "1.1.0",
    ("linux", "resources", "memory", "checkBeforeUpdate"): "1.1.0",
    ("linux", "resources", "cpu", "burst"): "1.1.0",
    ("linux", "resources", "cpu", "idle"): "1.1.0",
    ("linux", "resources", "unified"): "1.1.0",
    ("linux", "seccomp", "defaultErrnoRet"): "1.1.0",
    ("linux", "seccomp", "listenerPath"): "1.1.0",
    ("linux", "seccomp", "listenerMetadata"): "1.1.0",
    ("linux", "seccomp", "syscalls", "*", "errnoRet"): "1.1.0",
    ("process", "execCPUAffinity"): "1.2.1",
    ("freebsd",): "1.3.0",
    ("linux", "memoryPolicy"): "1.3.0",
    ("linux", "netDevices"): "1.3.0",
    ("linux", "intelRdt", "enableCMT"): "1.1.0",
    ("linux", "intelRdt", "enableMBM"): "1.1.0",
    ("linux", "intelRdt", "schemata"): "1.3.0",
    ("linux", "intelRdt", "enableMonitoring"): "1.3.0",
    ("vm", "hwconfig"): "1.3.0",
}
# Values that a field did not have from the start.
_VALUES: Final[dict[tuple[tuple[str, ...], str], str]] = {
    (("linux", "namespaces", "*", "type"), "time"): "1.1.0",
    (("linux", "seccomp", "architectures", "*"), "SCMP_ARCH_RISCV64"): "1.1.0",
    (("linux", "seccomp", "architectures", "*"), "SCMP_ARCH_LOONGARCH64"): "1.2.1",
    (("linux", "seccomp", "architectures", "*"), "SCMP_ARCH_M68K"): "1.2.1",
    (("linux", "seccomp", "architectures", "*"), "SCMP_ARCH_SH"): "1.2.1",
    (("linux", "seccomp", "architectures", "*"), "SCMP_ARCH_SHEB"): "1.2.1",
    (("linux", "seccomp", "flags", "*"), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"): "1.1.0",
    (("mounts", "*", "options", "*"), "idmap"): "1.2.0",
    (("mounts", "*", "options", "*"), "ridmap"): "1.2.0",
    **{
        (where, action): version
        for where in (("linux", "seccomp", "defaultAction"), ("linux", "seccomp", "syscalls", "*", "action"))
        for action, version in (
            ("SCMP_ACT_LOG", "1.0.2"),
            ("SCMP_ACT_KILL_PROCESS", "1.1.0"),
            ("SCMP_ACT_KILL_THREAD", "1.1.0"),
            ("SCMP_ACT_NOTIFY", "1.1.0"),
        )
    },
}


def lowest(config: RuntimeConfig) -> str:
    """The lowest ociVersion for `config`.

    Annotations do not raise it: every runtime ignores those it does not know.
    """
    versions = {BASE} | {version for _, version in requirements(config)}
    return max(versions, key=numbers_of)


def pinned(config: RuntimeConfig, version: str, origin: Origin) -> str:
    """`version`, which was asked for. Raises RequestError where a field of `config` came later."""
    for place, needed in requirements(config):
        if numbers_of(needed) > numbers_of(version):
            raise RequestError(
                f"{origin.where}: oci_version {version} does not have {place}, which came with {needed}",
                hint="oci_version: auto is the lowest version that has every field",
            )
    return version


def requirements(config: RuntimeConfig) -> Iterator[tuple[str, str]]:
    """What of `config` was not in 1.0.0: the place, and the version that brought it."""
    for path, version in _FIELDS.items():
        if any(True for _ in config.values(*path)):
            yield "/" + "/".join(path), version
    for (path, value), version in _VALUES.items():
        if value in config.values(*path):
            yield f"/{'/'.join(path)} ({value})", version
    if any(mount.destination and not mount.destination.startswith("/") for mount in config.mounts):
        yield "a relative destination of a mount", _RELATIVE_DESTINATIONS


def numbers_of(version: str) -> tuple[int, ...]:
    """The numbers of `1.0.2-dev`; none for what has no such form."""
    match = re.match(r"\d{1,4}(?:\.\d{1,4})*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
