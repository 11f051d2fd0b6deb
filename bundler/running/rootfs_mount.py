"""The image of a root filesystem, mounted by this process in a namespace of its own, which it then gives to a runtime.

Root has the kernel mount the file itself (from Linux 6.12 on). Where it does not, the script in namespace.py takes a
loop device. An ordinary user has erofsfuse read the image: it stays in the namespace from which the container's was
made, so that nothing of it keeps that one alive, and ends when the last process in that one has.
"""

import errno
import os
from pathlib import Path
from typing import Final

from bundler.bundles.rootfs_image import EROFS
from bundler.bundles.runtime import mount_point_of
from bundler.errors import ToolError, printable
from bundler.light_dataclasses import dataclass
from bundler.running import user_namespace
from bundler.running.system_calls import NEW_MOUNTS, READ_ONLY, SLAVE, mount, unshare
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.tools import EROFSFUSE, hold_back, require

_FUSE: Final = Path("/dev/fuse")
_LOOP: Final = Path("/dev/loop-control")
_INSTEAD: Final = "bundler build --rootfs dir makes a bundle without an image"


@dataclass(frozen=True, slots=True)
class MountFacts:
    """What mounting a file without a loop device failed with (errno), and whether this machine has loop devices."""

    number: int | None
    loops: bool


def mount_as_root(image: str, bundle: str, rootfs: str) -> bool:
    """Mount the file `image` onto `rootfs` where only this process sees it; whether that went without a loop device.

    Raises ToolError where a loop device would not help.
    """
    try:
        unshare(NEW_MOUNTS)
        for place in {mount_point_of(bundle), mount_point_of(rootfs)}:
            mount(None, place, None, SLAVE)
    except OSError as error:
        what = f"nothing can be mounted: no mount namespace can be made ({error.strerror})"
        raise ToolError(what, hint="it takes CAP_SYS_ADMIN, which root in a container has not got") from None
    try:
        mount(image, rootfs, EROFS, READ_ONLY)
    except OSError as error:
        facts = MountFacts(error.errno, loops=_LOOP.exists())
        if (obstacle := obstacle_for_root(facts, image)) is not None:
            raise obstacle from None
        return False
    return True


def obstacle_for_root(facts: MountFacts, image: str) -> ToolError | None:
    """Why `image` cannot be mounted at all; None where a loop device may do what the kernel alone does not."""
    what = f"{printable(image)} cannot be mounted"
    if facts.number == errno.ENODEV:
        return ToolError(f"{what}: this kernel has no EROFS", hint=f"modprobe erofs may load it; {_INSTEAD}")
    if not facts.loops:
        why = "this kernel mounts no file without a loop device (from Linux 6.12 on it would), and there is none"
        return ToolError(f"{what}: {why}", hint=f"modprobe loop may make {_LOOP}; {_INSTEAD}")
    return None


def mount_as_user(image: str, rootfs: str, config: RuntimeConfig) -> None:
    """Have erofsfuse mount `image` onto `rootfs` where only this process sees it, as root of the container's ids.

    Raises ToolError.
    """
    user_namespace.enter(config.uid_mappings, config.gid_mappings)
    descriptor = _open_fuse()
    options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other"
    proceed = hold_back(EROFSFUSE, image, f"/dev/fd/{descriptor}", inherited=(descriptor,))
    try:
        unshare(NEW_MOUNTS)
        mount(image, rootfs, f"fuse.{EROFS}", READ_ONLY, options)
    except OSError as error:
        raise ToolError(f"{printable(image)} cannot be mounted by FUSE: {error.strerror}", hint=_INSTEAD) from None
    proceed()
    os.close(descriptor)


def check_tools_of_a_user() -> None:
    """Raise ToolError without the program that mounts an image for an ordinary user."""
    try:
        require(EROFSFUSE)
    except ToolError as error:
        what = "its root filesystem is an image, which an ordinary user mounts with erofsfuse, and that is not on PATH"
        raise ToolError(what, hint=f"{error.hint} (from Debian 13 on); {_INSTEAD}") from None


def _open_fuse() -> int:
    """The kernel asks the process that reads from it; it has to be opened in the namespace that mounts."""
    try:
        return os.open(_FUSE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise obstacle_for_a_user(error) from None


def obstacle_for_a_user(error: OSError) -> ToolError:
    """Why an ordinary user cannot mount by FUSE here, where its device could not be opened."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ToolError(f"this user may not open {_FUSE}", hint=f"chmod 666 {_FUSE}, as root; {_INSTEAD}")
    return ToolError(f"this machine has no {_FUSE} ({error.strerror})", hint=f"modprobe fuse may make it; {_INSTEAD}")
