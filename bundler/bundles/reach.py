"""Where the paths of a runtime config lead on this machine: none may lead to a part of the bundle that the host trusts.

A symlink in the bundle, or an absolute path that ends in the bundle, can only be found on the machine.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.overrides.bundle_paths import HINT, is_own_folder, refusal
from bundler.runtime_spec.reach import exposed, mounted_paths, quoted
from bundler.runtime_spec.runtime_config import Fault, RuntimeConfig

_ROOTFS: Final = "rootfs"


def exposed_here(bundle: Path, config: RuntimeConfig, *, here: bool = True) -> Iterator[Fault]:
    """What the config exposes by its words, and then by where they lead; without `here`, in the bundle only.

    A bind of / gives away the whole machine, as its author knows; one of a folder around the bundle does not look like
    it.
    """
    yield from exposed(config)
    whole = os.path.realpath(bundle)
    for mount in mounted_paths(config):
        inside = _inside(whole, mount.path, here=here)
        if inside is None:
            continue
        above = inside == os.pardir
        why = refusal(inside, read_only=mount.read_only)
        if above and not mount.read_only:
            yield Fault(mount.pointer, f"{quoted(mount.path)} holds the bundle", HINT)
        elif not above and why is not None and refusal(mount.path, read_only=mount.read_only) is None:
            yield Fault(mount.pointer, f"{quoted(mount.path)} leads to {quoted(inside)}, which {why}", HINT)
    yield from _root(whole, config, here=here)
    yield from _hooks(whole, config, here=here)


def check_reach(bundle: Path, config: RuntimeConfig, *, here: bool = True) -> None:
    """Raise RequestError for the first path that would give a container access to what the machine trusts."""
    for fault in exposed_here(bundle, config, here=here):
        raise RequestError(f"config.json{printable(fault.pointer)}: {fault.what}", hint=fault.hint)


def _root(whole: str, config: RuntimeConfig, *, here: bool) -> Iterator[Fault]:
    """A root filesystem that is elsewhere is allowed; in the bundle there is one."""
    path = config.root_path
    if path is None:
        return
    inside = _inside(whole, path, here=here)
    if inside is not None and inside.partition("/")[0] != _ROOTFS and not is_own_folder(inside):
        where = "holds the bundle" if inside in (os.curdir, os.pardir) else f"leads to {quoted(inside)}"
        yield Fault("/root/path", f"{quoted(path)} {where}", f"a bundle has its files in {_ROOTFS}")


def _hooks(whole: str, config: RuntimeConfig, *, here: bool) -> Iterator[Fault]:
    """What the machine runs does not lie where the container can write."""
    sources = [mount.path for mount in mounted_paths(config) if not mount.read_only]
    writable = {_ROOTFS, *(_inside(whole, source, here=here) for source in sources)}
    for hook in config.hooks:
        inside = _inside(whole, hook.path, here=here) if hook.is_outer else None
        if inside is not None and any(str(above) in writable for above in (Path(inside), *Path(inside).parents)):
            yield Fault(f"{hook.pointer}/path", f"{quoted(hook.path)} can be changed from inside the container")


def _inside(whole: str, path: str, *, here: bool) -> str | None:
    """Where in the bundle `path` leads: `.` for all of it, `..` for a folder around it, and None for another place."""
    if "\0" in path or (path.startswith("/") and not here):
        return None
    place = os.path.realpath(os.path.join(whole, path))  # noqa: PTH118 -- pathlib has no such join
    if os.path.commonpath([whole, place]) == whole:
        return os.path.relpath(place, whole)
    return os.pardir if place != "/" and os.path.commonpath([whole, place]) == place else None
