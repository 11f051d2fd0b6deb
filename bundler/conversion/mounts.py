"""`/mounts` and what follows from them (runtime-spec config.md, mounts)."""

from typing import Final

from bundler.conversion.etc_files import etc_mounts
from bundler.conversion.givens import Givens
from bundler.conversion.part import ABSENT, Part, array, whole
from bundler.conversion.volumes import BundleFolder, user_mounts
from bundler.origins import Json, Sourced

# A bind that passes mounts on needs a root that does, or runtimes refuse it.
_ROOT_PROPAGATION: Final = {"shared": "shared", "rshared": "shared", "slave": "rslave", "rslave": "rslave"}


def mounts(givens: Givens) -> Part:
    """The profile's mounts, then the user's and the three files of /etc by depth, as Docker orders them.

    A user's mount takes the place of the default one at the same destination, and a mount on /dev of all below it. By
    depth, so that no mount hides one that came before; those of equal depth keep the order they were written in.
    """
    chosen = {mount.destination: mount.mount for mount in user_mounts(givens)}
    managed = {str(mount.value["destination"]): mount for mount in etc_mounts(givens)}
    late = sorted([*chosen.values(), *(mount for path, mount in managed.items() if path not in chosen)], key=_depth)
    defaults = [_adapted(givens, mount) for mount in givens.profile.items("/mounts")]
    kept = [mount for mount in defaults if not _replaced(str(mount.value["destination"]), chosen)]
    return array([*kept, *late])


def _depth(mount: Sourced[dict[str, Json]]) -> int:
    return str(mount.value["destination"]).count("/")


def _replaced(destination: str, chosen: dict[str, Sourced[dict[str, Json]]]) -> bool:
    return destination in chosen or ("/dev" in chosen and destination.startswith("/dev/"))


def _adapted(givens: Givens, mount: Sourced[Json]) -> Sourced[Json]:
    """A default mount; a privileged container may write to /sys and to its cgroups.

    `writable_cgroups` decides the latter in either direction.
    """
    overrides = givens.overrides
    destination, options = mount.value["destination"], mount.value.get("options", [])
    deciding = None
    if destination in ("/sys", "/sys/fs/cgroup") and overrides.is_true("privileged"):
        deciding = overrides.entries["privileged"]
    if destination == "/sys/fs/cgroup" and "writable_cgroups" in overrides.entries:
        wanted = overrides.entries["writable_cgroups"]
        deciding = wanted if wanted.value is True else None
    if deciding is None or "ro" not in options:
        return mount
    return Sourced(mount.value | {"options": [option for option in options if option != "ro"]}, deciding.origin)


def folders(givens: Givens) -> list[BundleFolder]:
    """The folders of the bundle that its mounts need, each once, sorted by path."""
    found: dict[str, BundleFolder] = {}
    for mount in user_mounts(givens):
        # A volume that is mounted twice is filled from the first place that may fill it.
        if mount.folder and (mount.folder.path not in found or found[mount.folder.path].seed is None):
            found[mount.folder.path] = mount.folder
    return [found[path] for path in sorted(found)]


def rootfs_propagation(givens: Givens) -> Part:
    """`/linux/rootfsPropagation`: written only when a bind needs more than private; shared wins over slave."""
    raised = ABSENT
    for mount in user_mounts(givens):
        binds = mount.mount.value["type"] == "bind"
        for option in mount.mount.value["options"] if binds else ():
            propagation = _ROOT_PROPAGATION.get(option)
            if propagation and raised.value != "shared":
                raised = whole(propagation, mount.mount.origin)
    return raised
