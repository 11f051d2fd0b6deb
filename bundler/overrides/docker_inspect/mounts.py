"""Mounts: what was asked for (Binds, Mounts, Tmpfs), and what else is there (volumes of the image, of others)."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.docker_run.mounts import volume
from bundler.overrides.keys.mounts import clean_path

_ANONYMOUS: Final = re.compile("[0-9a-f]{64}")
_OWN_FOLDER: Final = re.compile("/(vfs/dir|volumes)/(?P<name>[0-9a-f]{64})(/_data)?$")
_PODMANS_TMPFS: Final = ("rw", "rprivate", "nosuid", "nodev", "tmpcopyup")
_SCRATCH: Final = {"/run", "/tmp", "/var/tmp"}  # noqa: S108  (what podman gives to a container that is read-only)
_TYPES: Final = ("bind", "volume", "tmpfs", "image")
_DEFAULT_DRIVERS: Final = ("", "local")


def mounts(container: Container, draft: Draft) -> None:
    """The keys `volumes` and `tmpfs`, each mount point once, in the order of the fields."""
    by_target: dict[str, tuple[Json, Value]] = {}
    for target, entry, where in _asked(container):
        by_target.setdefault(target, (entry, where))
    in_memory = list(_tmpfs(container))
    mounted = {*by_target, *(clean_path(line.partition(":")[0]) for line, _ in in_memory)}
    image = {clean_path(path) for path in container.image.volumes} if container.image else set()
    for target, entry, where in sorted(_made(container), key=lambda made: made[0]):  # dockerd lists them in any order
        if target not in mounted and not (isinstance(entry, str) and target in image):
            by_target.setdefault(target, (entry, where))
    for entry, where in by_target.values():
        draft.add("volumes", entry, where)
    if container.is_podmans and container.host("ReadonlyRootfs").flag() and {line for line, _ in in_memory} >= _SCRATCH:
        draft.say("read_only_tmpfs", value=True, where=container.host("Tmpfs"))
        in_memory = [(line, where) for line, where in in_memory if line not in _SCRATCH]
    for line, where in in_memory:
        draft.add("tmpfs", line, where)
    _remark_volumes(container, draft)


def _asked(container: Container) -> Iterator[tuple[str, Json, Value]]:
    """What stands in Binds and Mounts. Podman's Binds have options of the mount itself; its `Mounts` say the same."""
    for item in () if container.is_podmans else container.host("Binds").items():
        try:
            sections = volume(item.text())
        except ValueError as error:
            raise item.error(str(error)) from None
        target = clean_path(sections[0] if len(sections) == 1 else sections[1])
        rest = sections[2:] if sections[2:] not in (["rw"], ["z"], ["Z"]) else []
        yield target, target if len(sections) == 1 else ":".join([sections[0], target, *rest]), item
    for item in container.host("Mounts").items():
        yield clean_path(item.get("Target").text()), _long(item), item


def _long(item: Value) -> dict[str, Json]:
    """One entry of the API's Mounts, in compose's long form."""
    kind = item.get("Type").text()
    if kind not in _TYPES:
        raise item.get("Type").error(f"a mount of the type {kind!r} is none that a bundle can have")
    entry: dict[str, Json] = {"type": kind}
    if item.get("Source").text():
        entry["source"] = item.get("Source").text()
    entry["target"] = item.get("Target").text()
    if item.get("ReadOnly").flag():
        entry["read_only"] = True
    options = _OPTIONS[kind](item)
    return entry | ({kind: options} if options else {})


def _bind_options(item: Value) -> dict[str, Json]:
    given = item.get("BindOptions")
    options: dict[str, Json] = {}
    if given.get("Propagation").text():
        options["propagation"] = given.get("Propagation").text()
    for name, recursive in (
        ("ReadOnlyForceRecursive", "readonly"),
        ("ReadOnlyNonRecursive", "writable"),
        ("NonRecursive", "disabled"),
    ):
        if given.get(name).flag():
            options["recursive"] = recursive
    return options


def _volume_options(item: Value) -> dict[str, Json]:
    given = item.get("VolumeOptions")
    options: dict[str, Json] = {"nocopy": True} if given.get("NoCopy").flag() else {}
    return options | _subpath(given)


def _tmpfs_options(item: Value) -> dict[str, Json]:
    given = item.get("TmpfsOptions")
    options: dict[str, Json] = {}
    if given.get("SizeBytes").number():
        options["size"] = given.get("SizeBytes").number()
    if given.get("Mode").number():
        options["mode"] = given.get("Mode").number()
    return options


def _subpath(given: Value) -> dict[str, Json]:
    return {"subpath": given.get("Subpath").text()} if given.get("Subpath").text() else {}


_OPTIONS: Final[dict[str, Callable[[Value], dict[str, Json]]]] = {
    "bind": _bind_options,
    "volume": _volume_options,
    "tmpfs": _tmpfs_options,
    "image": lambda item: _subpath(item.get("ImageOptions")),
}


def _tmpfs(container: Container) -> Iterator[tuple[str, Value]]:
    for path, value in container.host("Tmpfs").members():
        options = value.text().split(",")
        if container.is_podmans:
            options = [option for option in options if option not in _PODMANS_TMPFS]
        yield f"{clean_path(path)}:{','.join(options)}" if any(options) else clean_path(path), value


@dataclass(frozen=True, slots=True)
class _Mounted:
    """One mount that the container has, in whatever words its Docker says so."""

    kind: str
    target: str
    source: str
    name: str
    driver: str
    propagation: str
    writable: bool
    where: Value

    @property
    def is_anonymous(self) -> bool:
        return self.kind == "volume" and (not self.name or _ANONYMOUS.fullmatch(self.name) is not None)


def _mounted(container: Container) -> list[_Mounted]:
    listed = container.entry.get("Mounts").items()
    return [_typed(item) for item in listed] if listed else list(_mapped(container))


def _typed(item: Value) -> _Mounted:
    """An entry of `Mounts`. Docker had no types before 1.13, but only volumes have names."""
    name = item.get("Name").text()
    return _Mounted(
        kind=item.get("Type").text() or ("volume" if name else "bind"),
        target=clean_path(item.get("Destination").text()),
        source=item.get("Source").text(),
        name=name,
        driver=item.get("Driver").text(),
        propagation=item.get("Propagation").text(),
        writable=item.get("RW").content is not False,
        where=item,
    )


def _mapped(container: Container) -> Iterator[_Mounted]:
    """What stands in `Volumes` and `VolumesRW` instead, before Docker 1.8, where no volume had a name of its own."""
    for target, source in container.entry.get("Volumes").members():
        folder = _OWN_FOLDER.search(source.text())
        yield _Mounted(
            kind="volume" if folder else "bind",
            target=clean_path(target),
            source=source.text(),
            name=folder["name"] if folder else "",
            driver="",
            propagation="",
            writable=container.entry.get("VolumesRW", target).content is not False,
            where=source,
        )


def _made(container: Container) -> Iterator[tuple[str, Json, Value]]:
    """What is mounted besides: volumes without a name as their path, those of other containers as they are."""
    for mount in _mounted(container):
        if mount.is_anonymous and mount.name and mount.writable:
            yield mount.target, mount.target, mount.where
        elif mount.kind in ("volume", "bind"):
            entry: dict[str, Json] = {"type": mount.kind}
            source = mount.name if mount.kind == "volume" else mount.source
            if source and not mount.is_anonymous:
                entry["source"] = source
            entry["target"] = mount.target
            if not mount.writable:
                entry["read_only"] = True
            if mount.kind == "bind" and mount.propagation not in ("", "rprivate"):
                entry["bind"] = {"propagation": mount.propagation}
            yield mount.target, entry, mount.where
    for path, value in container.config("Volumes").members():
        yield clean_path(path), clean_path(path), value


def _remark_volumes(container: Container, draft: Draft) -> None:
    """What a volume holds is not in the file, and a driver's volume is not the bundle's."""
    named: list[str] = []
    for mount in _mounted(container):
        if mount.kind == "volume" and mount.name:
            named.append(mount.target if mount.is_anonymous else mount.name)
            if mount.driver not in _DEFAULT_DRIVERS:
                reason = "Docker makes such a volume, a bundle has folders"
                draft.leave_out(f"the driver of volume {mount.name}", reason)
    if named:
        draft.remarks.append(
            f"what volumes hold is not in the file, copy it into the bundle's volumes/: {', '.join(sorted(named))}"
        )
