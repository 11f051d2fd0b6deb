"""Why an image cannot be mounted, in one line: decided on facts, since no kernel here lacks what is asked about."""

import errno
import os

import pytest

from bundler.errors import ToolError
from bundler.running.rootfs_mount import MountFacts, obstacle_for_a_user, obstacle_for_root


def test_a_kernel_without_erofs_is_told() -> None:
    obstacle = obstacle_for_root(MountFacts(errno.ENODEV, loops=True), "/b/rootfs.erofs")
    assert isinstance(obstacle, ToolError)
    assert obstacle.what == "/b/rootfs.erofs cannot be mounted: this kernel has no EROFS"
    assert obstacle.hint == "modprobe erofs may load it; bundler build --rootfs dir makes a bundle without an image"


@pytest.mark.parametrize("number", [errno.ENOTBLK, errno.EINVAL, errno.ELOOP])
def test_a_kernel_that_wants_a_block_device_gets_a_loop_device_where_there_are_any(number: int) -> None:
    assert obstacle_for_root(MountFacts(number, loops=True), "/b/rootfs.erofs") is None
    obstacle = obstacle_for_root(MountFacts(number, loops=False), "/b/rootfs.erofs")
    assert obstacle is not None
    assert "without a loop device (from Linux 6.12 on it would), and there is none" in obstacle.what
    assert "modprobe loop" in (obstacle.hint or "")


@pytest.mark.parametrize(
    ("number", "what", "hint"),
    [
        (errno.EACCES, "this user may not open /dev/fuse", "chmod 666 /dev/fuse"),
        (errno.EPERM, "this user may not open /dev/fuse", "chmod 666 /dev/fuse"),
        (errno.ENOENT, "this machine has no /dev/fuse (No such file or directory)", "modprobe fuse"),
        (errno.ENODEV, "this machine has no /dev/fuse (No such device)", "modprobe fuse"),
    ],
)
def test_a_user_without_fuse_is_told(number: int, what: str, hint: str) -> None:

    obstacle = obstacle_for_a_user(OSError(number, os.strerror(number)))
    assert (obstacle.exit_code, obstacle.what) == (5, what)
    assert hint in (obstacle.hint or "")
    assert "bundler build --rootfs dir" in (obstacle.hint or "")
