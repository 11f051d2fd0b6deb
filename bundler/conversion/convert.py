"""The conversion: a table of small pure functions, one owner for each place of the runtime config.

A rule looks at the inputs only, never at another rule's result, and no pointer of the table contains another; so the
order of the table is nothing but the order of the file that is written.
"""

import json
from collections.abc import Callable
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
)
from bundler.conversion.mounts import mounts
from bundler.conversion.networking import network
from bundler.conversion.process import environment, process, scheduling, security
from bundler.conversion.profile import Profile
from bundler.conversion.resources import cgroups, devices, resources
from bundler.conversion.rule import Inputs, RuleResult, copy
from bundler.conversion.target import Target
from bundler.images.image_config import parse_image_config
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, pointer_tokens
from bundler.overrides.load import Overrides
from bundler.runtime_spec import oci_version, support, validity
from bundler.runtime_spec.runtime_config import RuntimeConfig

Rule = Callable[[Inputs], RuleResult]

# A key in the place of a rule is copied.
RULES: Final[dict[str, Rule | str]] = {
    "/process/terminal": "tty",
    "/process/consoleSize": process.console_size,
    "/process/user": process.user,
    "/process/args": process.args,
    "/process/env": environment.env,
    "/process/cwd": process.cwd,
    "/process/capabilities": security.capabilities,
    "/process/rlimits": process.rlimits,
    "/process/noNewPrivileges": "no_new_privileges",
    "/process/apparmorProfile": process.apparmor_profile,
    "/process/oomScoreAdj": "oom_score_adj",
    "/process/scheduler": scheduling.scheduler,
    "/process/selinuxLabel": security.selinux_label,
    "/process/ioPriority": "io_priority",
    "/process/execCPUAffinity": "exec_cpu_affinity",
    "/root": mounts.root,
    "/hostname": environment.hostname,
    "/mounts": mounts.mounts,
    "/hooks": hooks.hooks,
    "/annotations": annotations.annotations,
    "/linux/uidMappings": id_mappings.uid_mappings,
    "/linux/gidMappings": id_mappings.gid_mappings,
    "/linux/sysctl": linux.sysctl,
    "/linux/resources/devices": devices.device_rules,
    "/linux/resources/memory": resources.memory,
    "/linux/resources/cpu": resources.cpu,
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
    "/linux/mountLabel": security.mount_label,
    "/linux/intelRdt": cgroups.intel_rdt,
    "/linux/memoryPolicy": cgroups.memory_policy,
    "/linux/personality": "personality",
    "/linux/timeOffsets": namespaces.time_offsets,
}


_LOWEST_VERSION: Final = Origin("bundler", "the lowest version that has every field used")


@dataclass(frozen=True)
class ConvertedConfig(RuntimeConfig):
    """The content of config.json, the origin of each value by its JSON Pointer, and what to warn of.

    `without_meaning` names the overrides' keys that a bundle has no place for, each with its file; `remarks` are those
    of the importers.
    """

    origins: dict[str, Origin]
    warnings: tuple[str, ...] = ()
    without_meaning: str = ""
    remarks: tuple[str, ...] = ()


def convert(inputs: Inputs) -> ConvertedConfig:
    """Apply every rule, then `spec`, `spec_patch` and `remove`; choose the version, and check the result.

    Raises RequestError or ImageError.
    """
    document: dict[str, Json] = {"ociVersion": ""}
    origins: dict[str, Origin] = {"/ociVersion": _LOWEST_VERSION}
    warnings = _assumptions(inputs)
    for pointer, rule in RULES.items():
        part = copy(inputs, rule, pointer) if isinstance(rule, str) else rule(inputs)
        warnings += part.warnings
        if part.value is not UNSET:
            _place(document, pointer, part.value)
            origins.update({pointer + inner: origin for inner, origin in part.origins.items()})
    if inputs.rootless:
        warnings += rootless.adapt(inputs, document, origins)
    document, patched = _patched(inputs, document, origins)
    if not document.get("ociVersion"):
        version, origin = _version(inputs, document)
        document = {"ociVersion": ""} | document | {"ociVersion": version}
        origins["/ociVersion"] = origin
    config = RuntimeConfig(document)
    warnings += support.unsupported(config, inputs.target.known_runtime)
    warnings += validity.check(config, origins, patched=patched)
    overrides = inputs.overrides
    return ConvertedConfig(document, origins, tuple(warnings), overrides.without_meaning, overrides.remarks)


def _assumptions(inputs: Inputs) -> list[str]:
    """What had to be taken for granted because the image does not say it."""
    image_config = inputs.image_config
    if not image_config.platform_assumed:
        return []
    return [f"the image does not say what platform it is for: {image_config.platform} is assumed (--platform)"]


def _patched(inputs: Inputs, document: Json, origins: dict[str, Origin]) -> tuple[Json, Origin | None]:
    """`document` as `spec`, `spec_patch` and `remove` leave it, and the last of them."""
    patched = None
    merge, steps, removed = (inputs.overrides.get(key) for key in ("spec", "spec_patch", "remove"))
    if merge is not UNSET:
        document, patched = merge_patch.apply(document, merge, origins), merge.origin
    if steps is not UNSET:
        document, patched = json_patch.apply(document, steps.items(), origins), steps.origin
    if removed is not UNSET:
        document, patched = json_patch.remove(document, removed.items(), origins), removed.origin
    return document, patched


def _version(inputs: Inputs, document: Json) -> tuple[str, Origin]:
    target = inputs.target
    if target.oci_version == "auto":
        return oci_version.lowest(RuntimeConfig(document)), _LOWEST_VERSION
    return oci_version.pinned(RuntimeConfig(document), target.oci_version, target.origin), target.origin


def _place(document: dict[str, Json], pointer: str, value: Json) -> None:
    *parents, last = pointer_tokens(pointer)
    for token in parents:
        document = document.setdefault(token, {})
    document[last] = value


def default_config(profile: Profile, target: Target, architecture: str = "amd64") -> ConvertedConfig:
    """The config of an image that says only what it runs. `architecture` is Go's name."""
    image = {
        "os": "linux",
        "architecture": architecture,
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Cmd": ["/command"]},
    }
    image_config = parse_image_config(json.dumps(image).encode())
    return convert(Inputs(image_config=image_config, overrides=Overrides(), profile=profile, target=target))


def without_the_images_part(config: RuntimeConfig) -> RuntimeConfig:
    """`config` less what no profile can say: the command and the name of the container."""
    kept = {name: value for name, value in config.document.items() if name not in ("hostname", "ociVersion")}
    if not config.has_process:
        return RuntimeConfig(kept)
    members = {name: value for name, value in config.process.members.items() if name != "args"}
    members["env"] = [entry for entry in config.process.env if not entry.startswith("HOSTNAME=")]
    return RuntimeConfig(kept).with_process(members)
