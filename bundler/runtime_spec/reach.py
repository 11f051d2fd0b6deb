"""What a runtime config would put within a container's reach of all that the machine runs or trusts in a bundle.

`spec`, `spec_patch` and whoever edits config.json reach every field, so the document itself is judged, and not the keys
that led to it. The rule for one path is that of `overrides/bundle_paths.py`.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides.bundle_paths import HINT, is_own_folder, refusal
from bundler.runtime_spec.fault import Fault, objects

_ROOTFS: Final = "rootfs"
_IN_THE_CONTAINER: Final = "startContainer"  # config.md: the only hooks whose path is one of the rootfs
_LOWER: Final = re.compile(r"(?:lowerdir|datadir)\+?=(.*)", re.DOTALL)
_UPPER: Final = re.compile(r"(?:upperdir|workdir)=(.*)", re.DOTALL)
_BETWEEN_LAYERS: Final = re.compile(r"(?<!\\):+")  # mount(8), overlay: a colon of a name has a backslash


@dataclass(frozen=True, slots=True)
class MountedPath:
    """A path outside of the container that a mount shows inside, and the JSON Pointer of what names it."""

    pointer: str
    path: str
    read_only: bool


def taken(document: Json) -> Iterator[MountedPath]:
    """What all mounts take from outside: the sources of binds, and the layers of overlays."""
    for pointer, mount in objects(document, "mounts"):
        options = [option for option in mount.get("options") or () if isinstance(option, str)]
        if mount.get("type") == "bind" or {"bind", "rbind"} & set(options):
            source = mount.get("source")
            if isinstance(source, str):
                yield MountedPath(f"{pointer}/source", source, _is_read_only(options))
        elif mount.get("type") == "overlay":
            yield from (MountedPath(f"{pointer}/options/{index}", *layer) for index, layer in _layers(options))


def outer_hooks(document: Json) -> Iterator[tuple[str, str]]:
    """The paths of hooks that the machine runs, each with its JSON Pointer."""
    for kind, listed in _members(document, "hooks").items():
        for index, hook in enumerate(listed if isinstance(listed, list) and kind != _IN_THE_CONTAINER else ()):
            path = hook.get("path") if isinstance(hook, dict) else None
            if isinstance(path, str):
                yield f"/hooks/{kind}/{index}/path", path


def exposed(document: Json) -> Iterator[Fault]:
    """Each path that gives a container what is not for it. Where it leads on disk is not looked at."""
    yield from _root(document)
    mounts = list(taken(document))
    for mount in mounts:
        why = refusal(mount.path, read_only=mount.read_only)
        if why is not None:
            yield Fault(mount.pointer, f"{_shown(mount.path)} {why}", HINT)
    yield from _inside_others(mounts)
    yield from _relative(document)


def _is_read_only(options: list[str]) -> bool:
    """Of several such options the last one counts; `rro` counts for all below, too."""
    return next((option != "rw" for option in reversed(options) if option in ("ro", "rw", "rro")), False)


def _layers(options: list[str]) -> Iterator[tuple[int, tuple[str, bool]]]:
    """The folders of an overlay, each with whether it is only read.

    Runtimes join all options with commas for mount(2), so one text may well be several.
    """
    for index, option in ((index, option) for index, text in enumerate(options) for option in text.split(",")):
        lower, upper = _LOWER.fullmatch(option), _UPPER.fullmatch(option)
        for path in _BETWEEN_LAYERS.split(lower[1]) if lower else ():
            yield index, (path, True)
        if upper:
            yield index, (upper[1], False)


def _root(document: Json) -> Iterator[Fault]:
    """The root filesystem is writable by all who are in it."""
    root = document.get("root")
    path = root.get("path") if isinstance(root, dict) else None
    if not isinstance(path, str):
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
        yield Fault("/root/path", f"{_shown(path)} {why}", f"a bundle has its files in {_ROOTFS}")


def _inside_others(mounts: list[MountedPath]) -> Iterator[Fault]:
    """Who can write to a folder can make one in it a symlink, which the next start would follow to the machine."""
    writable = {posixpath.normpath(mount.path) for mount in mounts if not mount.read_only}
    for mount in mounts:
        above = posixpath.dirname(posixpath.normpath(mount.path))
        while above not in ("", "/") and not mount.path.startswith("/"):
            if above in writable:
                what = f"{_shown(mount.path)} is inside of {_shown(above)}, where the container could make it a symlink"
                yield Fault(mount.pointer, what, "mount one of the two")
            above = posixpath.dirname(above)


def _relative(document: Json) -> Iterator[Fault]:
    """Paths that config.md wants to be absolute: some runtimes look for others in the bundle."""
    seccomp = _members(_members(document, "linux"), "seccomp")
    named: list[tuple[str, Json]] = [
        *outer_hooks(document),
        *((f"{pointer}/path", device.get("path")) for pointer, device in objects(document, "linux", "devices")),
        ("/linux/seccomp/listenerPath", seccomp.get("listenerPath")),
    ]
    for pointer, path in named:
        if isinstance(path, str) and path and not path.startswith("/"):
            yield Fault(pointer, f"{_shown(path)} is not absolute, and could be a file of the bundle")


def _members(document: Json, key: str) -> Mapping[str, Json]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _shown(path: str) -> str:
    return printable(repr(path[:100]))
