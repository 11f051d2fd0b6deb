"""The conversion: a table of small pure functions, one owner for each place of the runtime config.

A rule looks at the givens only, never at another rule's result, and no pointer of the table contains another; so the
order of the table is nothing but the order of the file that is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bundler.conversion import (
    capabilities,
    environment,
    id_mappings,
    linux,
    merge_patch,
    mounts,
    namespaces,
    network,
    oci_version,
    process,
    resources,
    root,
    seccomp,
    validity,
)
from bundler.conversion.givens import Givens
from bundler.conversion.part import Part
from bundler.origins import UNSET, Json, Origin, pointer_tokens

Rule = Callable[[Givens], Part]

RULES: Final[dict[str, Rule]] = {
    "/process/terminal": process.terminal,
    "/process/user": process.user,
    "/process/args": process.args,
    "/process/env": environment.env,
    "/process/cwd": process.cwd,
    "/process/capabilities": capabilities.capabilities,
    "/process/rlimits": process.rlimits,
    "/process/noNewPrivileges": process.no_new_privileges,
    "/process/apparmorProfile": process.apparmor_profile,
    "/process/oomScoreAdj": process.oom_score_adj,
    "/root": root.root,
    "/hostname": environment.hostname,
    "/mounts": mounts.mounts,
    "/linux/uidMappings": id_mappings.uid_mappings,
    "/linux/gidMappings": id_mappings.gid_mappings,
    "/linux/sysctl": linux.sysctl,
    "/linux/resources/devices": resources.devices,
    "/linux/resources/memory": resources.memory,
    "/linux/resources/cpu": resources.cpu,
    "/linux/resources/pids": resources.pids,
    "/linux/namespaces": namespaces.namespaces,
    "/linux/rootfsPropagation": mounts.rootfs_propagation,
    "/linux/netDevices": network.net_devices,
    "/linux/seccomp": seccomp.seccomp,
    "/linux/maskedPaths": linux.masked_paths,
    "/linux/readonlyPaths": linux.readonly_paths,
    "/linux/personality": namespaces.personality,
    "/linux/timeOffsets": namespaces.time_offsets,
}


_LOWEST_VERSION: Final = Origin("bundler", "the lowest version that has every field used")


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """The content of config.json, the origin of each value by its JSON Pointer, and what to warn of."""

    document: dict[str, Json]
    origins: dict[str, Origin]
    warnings: tuple[str, ...] = ()

    @property
    def working_directory(self) -> str:
        """The process's cwd, `/` where `spec` took it away."""
        process = self.document.get("process")
        cwd = process.get("cwd") if isinstance(process, dict) else None
        return cwd if isinstance(cwd, str) and cwd.startswith("/") else "/"


def convert(givens: Givens) -> RuntimeConfig:
    """Apply every rule, then `spec`, choose the version, and check the result. Raises RequestError or ImageError."""
    document: dict[str, Json] = {"ociVersion": ""}
    origins: dict[str, Origin] = {"/ociVersion": _LOWEST_VERSION}
    warnings: list[str] = []
    for pointer, rule in RULES.items():
        part = rule(givens)
        warnings += part.warnings
        if part.value is not UNSET:
            _place(document, pointer, part.value)
            origins.update({pointer + inner: origin for inner, origin in part.origins.items()})
    patch = givens.overrides.get("spec")
    if patch is not UNSET:
        document = merge_patch.apply(document, patch, origins)
    if not document.get("ociVersion"):
        document = {"ociVersion": ""} | document | {"ociVersion": oci_version.lowest(document)}
        origins["/ociVersion"] = _LOWEST_VERSION
    warnings += validity.check(document, origins, patched=None if patch is UNSET else patch.origin)
    return RuntimeConfig(document, origins, tuple(warnings))


def _place(document: dict[str, Json], pointer: str, value: Json) -> None:
    *parents, last = pointer_tokens(pointer)
    for token in parents:
        document = document.setdefault(token, {})
    document[last] = value
