"""The profile's mounts as the overrides change them (runtime-spec config.md, mounts)."""

from collections.abc import Callable
from typing import Final

from bundler.conversion.id_mappings import maps_group
from bundler.conversion.namespaces import is_shared_with_machine, mode
from bundler.conversion.rule import Inputs
from bundler.origins import UNSET, Json, Origin, Sourced, beating

_TERMINAL_GROUP: Final = 5  # the gid of /dev/pts in the profile: Debian's tty


def default_mounts(inputs: Inputs) -> list[Sourced[Json]]:
    """The profile's mounts, in its order, less those that the overrides do without."""
    adapted = []
    for mount in inputs.profile.items("/mounts"):
        adapt = _ADAPTED.get(mount.value["destination"])
        changed = adapt(inputs, mount) if adapt else mount
        if changed is not None:
            adapted.append(changed)
    return adapted


def shares_memory(inputs: Inputs) -> bool:
    """Whether /dev/shm is shared: the machine's, or that of containers to come."""
    node = inputs.overrides.get("ipc")
    return node is not UNSET and node.value in ("host", "shareable")


def _process_table(inputs: Inputs, mount: Sourced[Json]) -> Sourced[Json]:
    """/proc with the options of `proc_opts`, which proc(5) lists."""
    added = inputs.overrides.items("proc_opts")
    if not added:
        return mount
    return _with_options(mount, [*_options(mount), *(node.text() for node in added)], added[0].origin)


def _terminals(inputs: Inputs, mount: Sourced[Json]) -> Sourced[Json]:
    """/dev/pts: the group of terminals has to exist in the container, or the kernel refuses the mount."""
    option = f"gid={_TERMINAL_GROUP}"
    if option not in _options(mount) or maps_group(inputs, _TERMINAL_GROUP):
        return mount
    return _with_options(mount, [kept for kept in _options(mount) if kept != option], mode(inputs, "user").origin)


def _system(inputs: Inputs, mount: Sourced[Json]) -> Sourced[Json]:
    """/sys, which a privileged container may write to."""
    if not inputs.overrides.is_true("privileged"):
        return mount
    return _writable(mount, inputs.overrides.entries["privileged"].origin)


def _control_groups(inputs: Inputs, mount: Sourced[Json]) -> Sourced[Json]:
    """/sys/fs/cgroup, writable for a privileged container and where there is an id map.

    In a user namespace it cannot be made read-only; a dockerd that maps ids leaves it writable also for a container
    with `userns_mode: host`. `writable_cgroups` decides it in either direction.
    """
    overrides = inputs.overrides
    decided = overrides.get("writable_cgroups")
    if decided is not UNSET:
        return _writable(mount, decided.origin) if decided.value is True else mount
    if overrides.is_true("privileged"):
        return _writable(mount, overrides.entries["privileged"].origin)
    if not is_shared_with_machine(inputs, "user"):
        return _writable(mount, mode(inputs, "user").origin)
    maps = [overrides.entries[key] for key in ("uid_map", "gid_map") if key in overrides.entries]
    return _writable(mount, maps[0].origin) if maps else mount


def _shared_memory(inputs: Inputs, mount: Sourced[Json]) -> Sourced[Json] | None:
    """Shared memory in the size of `shm_size`; 0 is dockerd's own default. Without it where `ipc` says so."""
    ipc, size = inputs.overrides.get("ipc"), inputs.overrides.get("shm_size")
    if shares_memory(inputs) or (ipc is not UNSET and ipc.value == "none"):
        return None
    if size is UNSET or size.value == 0:
        return mount
    kept = [option for option in _options(mount) if not option.startswith("size=")]
    return _with_options(mount, [*kept, f"size={size.value}"], size.origin)


def _options(mount: Sourced[Json]) -> list[str]:
    return list(mount.value.get("options", []))


def _with_options(mount: Sourced[Json], options: list[str], origin: Origin) -> Sourced[Json]:
    return Sourced(mount.value | {"options": options}, beating(origin, mount.origin))


def _writable(mount: Sourced[Json], origin: Origin) -> Sourced[Json]:
    options = _options(mount)
    if "ro" not in options:
        return mount
    return _with_options(mount, [option for option in options if option != "ro"], origin)


_ADAPTED: Final[dict[str, Callable[[Inputs, Sourced[Json]], Sourced[Json] | None]]] = {
    "/proc": _process_table,
    "/dev/pts": _terminals,
    "/sys": _system,
    "/sys/fs/cgroup": _control_groups,
    "/dev/shm": _shared_memory,  # noqa: S108  (a mount point inside the container)
}
