"""`/root`, `/mounts` and what follows from them (runtime-spec config.md, root and mounts)."""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from bundler.conversion.mounts.default_mounts import default_mounts
from bundler.conversion.mounts.etc_files import etc_mounts
from bundler.conversion.mounts.volumes import BundleFolder, user_mounts
from bundler.conversion.process.init import init_mounts
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array, whole
from bundler.errors import RequestError, printable
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.bundle_paths import SHARED_VOLUMES
from bundler.overrides.node import Node


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` is `path`, component by component."""
    steps, patterns = path.split("/"), pattern.rstrip("/").split("/")
    return len(steps) == len(patterns) and all(map(fnmatchcase, steps, patterns))


ROOTFS: Final = "rootfs"


def root(inputs: Inputs) -> RuleResult:
    """The rootfs by its relative path, so that the bundle can be moved; `readonly` only when it is, as Docker has it.

    `rootfs: {path, external: true}` names one that the runtime finds elsewhere, such as a mounted image of a disk.
    """
    value: dict[str, Json] = {"path": ROOTFS}
    origins = {"": Origin("bundler", "layout")}
    chosen = inputs.overrides.get("rootfs")
    if chosen is not UNSET and "path" in chosen.entries():
        path, external = chosen.entries()["path"], chosen.entries().get("external")
        if path.text() != ROOTFS and (external is None or external.value is not True):
            hint = "external: true names a rootfs outside of the bundle"
            raise path.error(f"rootfs.path: a bundle has its files in {ROOTFS}", hint=hint)
        value["path"] = path.text()
        origins["/path"] = beating(path.origin, origins[""])
    if inputs.overrides.is_true("read_only"):
        value["readonly"] = True
        origins["/readonly"] = inputs.overrides.entries["read_only"].origin
    return RuleResult(value, origins)


# A bind that passes mounts on needs a root that does, or runtimes refuse it.
_ROOT_PROPAGATION: Final = {"shared": "shared", "rshared": "shared", "slave": "rslave", "rslave": "rslave"}


def mounts(inputs: Inputs) -> RuleResult:
    """The profile's mounts, then the user's and the three files of /etc by depth, as Docker orders them.

    A user's mount takes the place of the default one at the same destination, and a mount on /dev of all below it. By
    depth, so that no mount hides one that came before; those of equal depth keep the order they were written in. `at`
    gives a mount another place, and `remove_mounts` goes last.
    """
    _check_folders(inputs)
    chosen = {mount.destination: mount.mount for mount in user_mounts(inputs)}
    managed = {_destination(mount): mount for mount in etc_mounts(inputs)}
    late = sorted([*chosen.values(), *(mount for path, mount in managed.items() if path not in chosen)], key=_depth)
    defaults = [*default_mounts(inputs), *init_mounts(inputs)]
    kept = [mount for mount in defaults if not _replaced(_destination(mount), chosen)]
    late = [_over(mount, [*managed.values(), *defaults]) for mount in late]
    ordered = _placed(inputs, [*kept, *late])
    left, warnings = _removed(inputs, ordered)
    part = array(left)
    return RuleResult(part.value, part.origins, (*warnings, *_warnings(inputs)))


def _over(mount: Sourced[dict[str, Json]], below: list[Sourced[dict[str, Json]]]) -> Sourced[dict[str, Json]]:
    """`mount`, remembering the one of `below` whose place it took."""
    taken = (other for other in below if other is not mount and _destination(other) == _destination(mount))
    replaced = next(taken, None)
    return mount if replaced is None else Sourced(mount.value, beating(mount.origin, replaced.origin))


def _destination(mount: Sourced[dict[str, Json]]) -> str:
    return str(mount.value["destination"])


def _depth(mount: Sourced[dict[str, Json]]) -> int:
    return _destination(mount).count("/")


def _replaced(destination: str, chosen: dict[str, Sourced[dict[str, Json]]]) -> bool:
    return destination in chosen or ("/dev" in chosen and destination.startswith("/dev/"))


def _placed(inputs: Inputs, ordered: list[Sourced[dict[str, Json]]]) -> list[Sourced[dict[str, Json]]]:
    """`ordered` with the mounts that have a place of their own (`at`) moved there, one after the other."""
    for node in inputs.overrides.items("mounts"):
        if "at" not in node.entries():
            continue
        at, destination = node.entries()["at"], node.entries()["destination"].text()
        moved = next(mount for mount in ordered if _destination(mount) == destination)
        rest = [mount for mount in ordered if mount is not moved]
        index = at.value if isinstance(at.value, int) else _index(at, rest)
        if index > len(rest):
            raise at.error(f"mounts: at: {index} is more than the {len(rest)} other mounts")
        ordered = [*rest[:index], moved, *rest[index:]]
    return ordered


def _index(at: Node, mounts: list[Sourced[dict[str, Json]]]) -> int:
    where, _, path = at.text().partition(":")
    for index, mount in enumerate(mounts):
        if _destination(mount) == path:
            return index + (where == "after")
    raise at.error(f"mounts: at: nothing else is mounted on {printable(path)}")


def _removed(
    inputs: Inputs, ordered: list[Sourced[dict[str, Json]]]
) -> tuple[list[Sourced[dict[str, Json]]], tuple[str, ...]]:
    """`ordered` without what `remove_mounts` names, and a warning for each name that nothing is mounted on."""
    warnings = []
    for node in inputs.overrides.items("remove_mounts"):
        left = [mount for mount in ordered if not matches(_destination(mount), node.text())]
        if len(left) == len(ordered):
            warnings.append(f"{node.origin.where}: remove_mounts: nothing is mounted on {printable(node.text())}")
        ordered = left
    return ordered, tuple(warnings)


def _warnings(inputs: Inputs) -> tuple[str, ...]:
    """Settings that the mounts do not show as one might expect."""
    overrides = inputs.overrides
    ipc, size, scratch = overrides.get("ipc"), overrides.get("shm_size"), overrides.get("read_only_tmpfs")
    found = []
    if ipc is not UNSET and ipc.value == "shareable":
        found.append(f"{ipc.origin.where}: ipc: /dev/shm is the bundle's folder shm; mount a tmpfs there first")
    if size is not UNSET and ipc is not UNSET and ipc.value in ("none", "host", "shareable"):
        found.append(f"{size.origin.where}: shm_size: has no effect with ipc: {ipc.value}")
    if scratch is not UNSET and scratch.value is True and not overrides.is_true("read_only"):
        found.append(f"{scratch.origin.where}: read_only_tmpfs: has no effect without read_only: true")
    return tuple(found)


def folders(inputs: Inputs) -> list[BundleFolder]:
    """The folders of the bundle that its mounts need, each once, sorted by path."""
    found: dict[str, BundleFolder] = {}
    for folder in filter(None, (mount.folder for mount in user_mounts(inputs))):
        below = found.get(folder.path)
        # A volume that is mounted twice is filled from the first place that may fill it.
        if below is None or below.seed is None:
            found[folder.path] = replace(folder, subpaths=(*(below.subpaths if below else ()), *folder.subpaths))
    return [found[path] for path in sorted(found)]


def _check_folders(inputs: Inputs) -> None:
    """Raise RequestError, with its place, for a folder inside a volume that is mounted whole, too."""
    places = {mount.folder.path: mount.mount.origin.where for mount in user_mounts(inputs) if mount.folder is not None}
    volumes = [path for path in places if path.startswith(("volumes/", f"{SHARED_VOLUMES}/"))]
    for path, where in sorted(places.items()):
        above = next((volume for volume in volumes if path.startswith(f"{volume}/")), None)
        if above is not None:
            raise RequestError(
                f"{where}: volumes: {printable(path)} is mounted, and so is all of {printable(above)}",
                hint="what can write to the whole volume could make the folder a link to the machine's files",
            )


def rootfs_propagation(inputs: Inputs) -> RuleResult:
    """`/linux/rootfsPropagation` (config-linux.md, rootfs mount propagation).

    `rootfs` decides; else Docker writes it only for binds that need more than private, and shared wins over slave.
    """
    chosen = inputs.overrides.get("rootfs")
    if chosen is not UNSET and "propagation" in chosen.entries():
        node = chosen.entries()["propagation"]
        return whole(node.text(), node.origin)
    raised = ABSENT
    for mount in user_mounts(inputs):
        options = set(mount.mount.value.get("options") or ())
        for option in mount.mount.value.get("options") or () if options & {"bind", "rbind"} else ():
            propagation = _ROOT_PROPAGATION.get(option)
            if propagation and raised.value != "shared":
                raised = whole(propagation, mount.mount.origin)
    return raised
