"""A user namespace for an ordinary user who mounts an image: its ids are the container's, so that files of the image
have the owners that the image states. The container's own namespace lies in it, with the same ids.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from bundler.errors import RequestError, ToolError
from bundler.running.system_calls import NEW_USERS, unshare
from bundler.runtime_spec.parts import IdMapping
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.tools import NEWGIDMAP, NEWUIDMAP, Tool, hold_back


def check_ids(config: RuntimeConfig, uid: int, gid: int) -> None:
    """Raise RequestError where the container has no id for the user and the group that call."""
    for kind, number, ranges in (("user", uid, config.uid_mappings), ("group", gid, config.gid_mappings)):
        if not any(0 <= number - mapping.host_id < mapping.size for mapping in ranges):
            what = f"the container has no id for the {kind} {number}, who is to mount its root filesystem"
            raise RequestError(what, hint=f"build it with a range for that id, such as --{kind[0]}id-map 0:{number}:1")


def enter(users: Sequence[IdMapping], groups: Sequence[IdMapping]) -> None:
    """Become root of a new user namespace with these maps. Raises ToolError."""
    uid, gid = os.geteuid(), os.getegid()
    alone = _is_one(users, uid) and _is_one(groups, gid)
    # They have to be outside of the namespace that they write the maps of.
    programs = [] if alone else [hold_back(tool, *_words(ranges)) for tool, ranges in _programs(users, groups)]
    try:
        unshare(NEW_USERS)
        if alone:
            _write_maps(uid, gid)
    except OSError as error:
        hint = "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and AppArmor may forbid it"
        raise ToolError(f"no user namespace can be made: {error.strerror}", hint=hint) from None
    for proceed in programs:
        proceed()
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _is_one(ranges: Sequence[IdMapping], number: int) -> bool:
    """Whether the only id is the caller's own, who is root: that map any user may write."""
    return [(each.container_id, each.host_id, each.size) for each in ranges] == [(0, number, 1)]


def _write_maps(uid: int, gid: int) -> None:
    """The kernel takes each in one write; without a program's help, only where no group can be given up."""
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", name).write_text(content, encoding="ascii")


def _programs(users: Sequence[IdMapping], groups: Sequence[IdMapping]) -> tuple[tuple[Tool, Sequence[IdMapping]], ...]:
    return (NEWUIDMAP, users), (NEWGIDMAP, groups)


def _words(ranges: Sequence[IdMapping]) -> list[str]:
    numbers = ((each.container_id, each.host_id, each.size) for each in ranges)
    return [str(os.getpid()), *(str(number) for each in numbers for number in each)]
