"""The conversion: a table of small pure functions, one owner for each place of the runtime config.

A rule looks at the givens only, never at another rule's result, and no pointer of the table contains another; so the
order of the table is nothing but the order of the file that is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bundler.conversion import (
    annotations,
    hooks,
    id_mappings,
    json_patch,
    linux,
    merge_patch,
    namespaces,
    rootless,
    seccomp,
    support,
)
from bundler.conversion.inputs import Givens
from bundler.conversion.mounts import mounts, root
from bundler.conversion.networking import network
from bundler.conversion.process import capabilities, environment, process, scheduling, selinux
from bundler.conversion.resources import cgroups, devices, memory, processors, resources
from bundler.conversion.rule_result import Part
from bundler.origins import UNSET, Json, Origin, pointer_tokens
from bundler.runtime_spec import oci_version, validity

Rule = Callable[[Givens], Part]

RULES: Final[dict[str, Rule]] = {
    "/process/terminal": process.terminal,
    "/process/consoleSize": process.console_size,
    "/process/user": process.user,
    "/process/args": process.args,
    "/process/env": environment.env,
    "/process/cwd": process.cwd,
    "/process/capabilities": capabilities.capabilities,
    "/process/rlimits": process.rlimits,
    "/process/noNewPrivileges": process.no_new_privileges,
    "/process/apparmorProfile": process.apparmor_profile,
    "/process/oomScoreAdj": scheduling.oom_score_adj,
    "/process/scheduler": scheduling.scheduler,
    "/process/selinuxLabel": selinux.selinux_label,
    "/process/ioPriority": scheduling.io_priority,
    "/process/execCPUAffinity": scheduling.exec_cpu_affinity,
    "/root": root.root,
    "/hostname": environment.hostname,
    "/mounts": mounts.mounts,
    "/hooks": hooks.hooks,
    "/annotations": annotations.annotations,
    "/linux/uidMappings": id_mappings.uid_mappings,
    "/linux/gidMappings": id_mappings.gid_mappings,
    "/linux/sysctl": linux.sysctl,
    "/linux/resources/devices": devices.device_rules,
    "/linux/resources/memory": memory.memory,
    "/linux/resources/cpu": processors.cpu,
    "/linux/resources/pids": resources.pids,
    "/linux/resources/blockIO": resources.block_io,
    "/linux/resources/hugepageLimits": resources.huge_pages,
    "/linux/resources/network": resources.network,
    "/linux/resources/rdma": resources.rdma,
    "/linux/resources/unified": resources.unified,
    "/linux/cgroupsPath": cgroups.cgroups_path,
    "/linux/namespaces": namespaces.namespaces,
    "/linux/rootfsPropagation": mounts.rootfs_propagation,
    "/linux/devices": devices.devices,
    "/linux/netDevices": network.net_devices,
    "/linux/seccomp": seccomp.seccomp,
    "/linux/maskedPaths": linux.masked_paths,
    "/linux/readonlyPaths": linux.readonly_paths,
    "/linux/mountLabel": selinux.mount_label,
    "/linux/intelRdt": cgroups.intel_rdt,
    "/linux/memoryPolicy": cgroups.memory_policy,
    "/linux/personality": namespaces.personality,
    "/linux/timeOffsets": namespaces.time_offsets,
}


_LOWEST_VERSION: Final = Origin("bundler", "the lowest version that has every field used")


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """The content of config.json, the origin of each value by its JSON Pointer, and what to warn of.

    `without_meaning` names the overrides' keys that a bundle has no place for, each with its file; `remarks` are what
    importers said.
    """

    document: dict[str, Json]
    origins: dict[str, Origin]
    warnings: tuple[str, ...] = ()
    without_meaning: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def working_directory(self) -> str:
        """The process's cwd, `/` where `spec` took it away."""
        process = self.document.get("process")
        cwd = process.get("cwd") if isinstance(process, dict) else None
        return cwd if isinstance(cwd, str) and cwd.startswith("/") else "/"


def convert(givens: Givens) -> RuntimeConfig:
    """Apply every rule, then `spec`, `spec_patch` and `remove`; choose the version, and check the result.

    Raises RequestError or ImageError.
    """
    document: dict[str, Json] = {"ociVersion": ""}
    origins: dict[str, Origin] = {"/ociVersion": _LOWEST_VERSION}
    warnings = _assumptions(givens)
    for pointer, rule in RULES.items():
        part = rule(givens)
        warnings += part.warnings
        if part.value is not UNSET:
            _place(document, pointer, part.value)
            origins.update({pointer + inner: origin for inner, origin in part.origins.items()})
    if givens.rootless:
        warnings += rootless.adapt(givens, document, origins)
    document, patched = _patched(givens, document, origins)
    if not document.get("ociVersion"):
        version, origin = _version(givens, document)
        document = {"ociVersion": ""} | document | {"ociVersion": version}
        origins["/ociVersion"] = origin
    warnings += support.unsupported(document, givens.target)
    warnings += validity.check(document, origins, patched=patched)
    overrides = givens.overrides
    return RuntimeConfig(document, origins, tuple(warnings), overrides.without_meaning, overrides.remarks)


def _assumptions(givens: Givens) -> list[str]:
    """What had to be taken for granted because the image does not say it."""
    image_config = givens.image_config
    if not image_config.platform_assumed:
        return []
    return [f"the image does not say what platform it is for: {image_config.platform} is assumed (--platform)"]


def _patched(givens: Givens, document: Json, origins: dict[str, Origin]) -> tuple[Json, Origin | None]:
    """`document` as `spec`, `spec_patch` and `remove` leave it, and the last of them."""
    patched = None
    merge, steps, removed = (givens.overrides.get(key) for key in ("spec", "spec_patch", "remove"))
    if merge is not UNSET:
        document, patched = merge_patch.apply(document, merge, origins), merge.origin
    if steps is not UNSET:
        document, patched = json_patch.apply(document, steps.items(), origins), steps.origin
    if removed is not UNSET:
        document, patched = json_patch.remove(document, removed.items(), origins), removed.origin
    return document, patched


def _version(givens: Givens, document: Json) -> tuple[str, Origin]:
    target = givens.target
    if target.oci_version == "auto":
        return oci_version.lowest(document), _LOWEST_VERSION
    return support.pinned_version(document, target.oci_version, target.origin), target.origin


def _place(document: dict[str, Json], pointer: str, value: Json) -> None:
    *parents, last = pointer_tokens(pointer)
    for token in parents:
        document = document.setdefault(token, {})
    document[last] = value
