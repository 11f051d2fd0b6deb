"""What a runtime config would put within a container's reach of all that the machine runs or trusts in a bundle.

`spec`, `spec_patch` and an editor reach every field of config.json, so the document itself is judged, and not the keys
that led to it. The rule for one path is that of `overrides/bundle_paths.py`.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.bundle_paths import HINT, is_own_folder, refusal
from bundler.runtime_spec.parts import Mount
from bundler.runtime_spec.runtime_config import Fault, RuntimeConfig

_ROOTFS: Final = "rootfs"
_LOWER: Final = re.compile(r"(?:lowerdir|datadir)\+?=(.*)", re.DOTALL)
_UPPER: Final = re.compile(r"(?:upperdir|workdir)=(.*)", re.DOTALL)
_BETWEEN_LAYERS: Final = re.compile(r"(?<!\\):+")  # mount(8), overlay: a colon of a name has a backslash


@dataclass(frozen=True, slots=True)
class MountedPath:
    """A path outside of the container that a mount shows inside, and the JSON Pointer of what names it."""

    pointer: str
    path: str
    read_only: bool


def mounted_paths(config: RuntimeConfig) -> Iterator[MountedPath]:
    """What all mounts take from outside: the sources of binds, and the layers of overlays."""
    for mount in config.mounts:
        if mount.is_bind:
            if mount.source is not None:
                yield MountedPath(f"{mount.pointer}/source", mount.source, mount.is_read_only)
        elif mount.type == "overlay":
            yield from (MountedPath(f"{mount.pointer}/options/{index}", *layer) for index, layer in _layers(mount))


def exposed(config: RuntimeConfig) -> Iterator[Fault]:
    """Each path that gives a container what is not for it. Where it leads on disk is not looked at."""
    yield from _root(config.root_path)
    mounts = list(mounted_paths(config))
    for mount in mounts:
        why = refusal(mount.path, read_only=mount.read_only)
        if why is not None:
            yield Fault(mount.pointer, f"{quoted(mount.path)} {why}", HINT)
    yield from _inside_others(mounts)
    yield from _relative(config)


def _layers(mount: Mount) -> Iterator[tuple[int, tuple[str, bool]]]:
    """The folders of an overlay, each with whether it is only read.

    Runtimes join all options with commas for mount(2), so one text may well be several.
    """
    for index, option in ((index, option) for index, text in enumerate(mount.options) for option in text.split(",")):
        lower, upper = _LOWER.fullmatch(option), _UPPER.fullmatch(option)
        for path in _BETWEEN_LAYERS.split(lower[1]) if lower else ():
            yield index, (path, True)
        if upper:
            yield index, (upper[1], False)


def _root(path: str | None) -> Iterator[Fault]:
    """The root filesystem is writable by all who are in it."""
    if path is None:
        return
    clean = posixpath.normpath(path)
    if path.startswith("/"):
        why = refusal(path)
    elif clean.startswith("../"):
        why = None if clean.strip("./") else "holds the bundle"
    elif clean == ".." or not (clean.partition("/")[0] == _ROOTFS or is_own_folder(clean)):
        why = "holds the bundle" if clean in (".", "..") else "belongs to the bundle itself"
    else:
        why = None
    if why is not None:
        yield Fault("/root/path", f"{quoted(path)} {why}", f"a bundle has its files in {_ROOTFS}")


def _inside_others(mounts: list[MountedPath]) -> Iterator[Fault]:
    """A container can make a folder in one that it may write to a symlink, which the next start would follow."""
    writable = {posixpath.normpath(mount.path) for mount in mounts if not mount.read_only}
    for mount in mounts:
        above = posixpath.dirname(posixpath.normpath(mount.path))
        while above not in ("", "/") and not mount.path.startswith("/"):
            if above in writable:
                what = f"{quoted(mount.path)} is inside of {quoted(above)}, where the container could make it a symlink"
                yield Fault(mount.pointer, what, "mount one of the two")
            above = posixpath.dirname(above)


def _relative(config: RuntimeConfig) -> Iterator[Fault]:
    """Paths that config.md wants to be absolute: some runtimes look for others in the bundle."""
    named: list[tuple[str, Json]] = [
        *((f"{hook.pointer}/path", hook.path) for hook in config.hooks if hook.is_outer),
        *((f"{device.pointer}/path", device.path) for device in config.devices),
        *(("/linux/seccomp/listenerPath", path) for path in config.values("linux", "seccomp", "listenerPath")),
    ]
    for pointer, path in named:
        if isinstance(path, str) and path and not path.startswith("/"):
            yield Fault(pointer, f"{quoted(path)} is not absolute, and could be a file of the bundle")


def quoted(path: str) -> str:
    """The beginning of `path` as messages show it."""
    return printable(repr(path[:100]))
