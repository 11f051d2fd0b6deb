"""Users and groups of the rootfs: `passwd` and `group` as values, and Docker's lookup in them."""

import re
from collections.abc import Iterator
from typing import Final

from bundler.errors import ImageError, RequestError, printable
from bundler.light_dataclasses import dataclass

MAXIMUM_ID: Final = (1 << 31) - 1
_NUMBER: Final = re.compile(r"[0-9]+")
_DIGITS: Final = 32  # more than any id, leading zeros included: int() of thousands of digits raises


@dataclass(frozen=True, slots=True)
class User:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the rootfs says of its users; both empty where it has no such files (FROM scratch)."""

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process runs as. `groups` are the supplementary groups, without the primary one."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def parse_accounts(passwd: bytes | None, group: bytes | None) -> Accounts:
    """Read passwd(5) and group(5); None stands for a missing file.

    A line with a malformed number is left out. Docker reads such a number as 0, which would make a user with a typing
    error root.
    """
    users = tuple(User(name, int(uid), int(gid)) for name, uid, gid in _fields(passwd, 0, 2, 3) if _are_ids(uid, gid))
    groups = tuple(
        Group(name, int(gid), tuple(filter(None, members.split(","))))
        for name, gid, members in _fields(group, 0, 2, 3)
        if _are_ids(gid)
    )
    return Accounts(users, groups)


def _fields(text: bytes | None, *wanted: int) -> Iterator[tuple[str, ...]]:
    for line in (text or b"").split(b"\n"):
        parts = line.strip().decode("utf-8", "surrogateescape").split(":")
        if parts[0]:
            yield tuple(parts[index] if index < len(parts) else "" for index in wanted)


def _are_ids(*texts: str) -> bool:
    return all(_NUMBER.fullmatch(text) and len(text) <= _DIGITS and int(text) <= MAXIMUM_ID for text in texts)


def identify(accounts: Accounts, specification: str) -> Identity:
    """Resolve `USER[:GROUP]` as Docker does.

    A user's number is looked up too, for the primary and the supplementary groups of its passwd entry; an unknown
    number has gid 0. An explicit group drops the supplementary groups. A number is never tried as a name. The first
    matching line counts. Raises ImageError for a name the rootfs does not know, RequestError for an id out of range.
    """
    user_text, _, group_text = specification.partition(":")
    user = _find_user(accounts, user_text)
    uid, gid = (user.uid, user.gid) if user else (_id(user_text), 0)
    if group_text:
        return Identity(uid, find_group(accounts, group_text), ())
    groups = (group.gid for group in accounts.groups if user and user.name in group.members)
    return Identity(uid, gid, tuple(groups))


def _find_user(accounts: Accounts, text: str) -> User | None:
    if not text or _NUMBER.fullmatch(text):
        uid = _id(text)
        return next((user for user in accounts.users if user.uid == uid), None)
    for user in accounts.users:
        if user.name == text:
            return user
    raise ImageError(
        f"the user {printable(text)!r} is not in the rootfs's /etc/passwd", hint="name a user it has, or use a number"
    )


def find_group(accounts: Accounts, text: str) -> int:
    """The gid of a group given by name or number; a number needs no entry. Raises ImageError, RequestError."""
    if _NUMBER.fullmatch(text):
        return _id(text)
    for group in accounts.groups:
        if group.name == text:
            return group.gid
    raise ImageError(
        f"the group {printable(text)!r} is not in the rootfs's /etc/group", hint="name a group it has, or use a number"
    )


def needs_lookup(specification: str, added_groups: tuple[str, ...]) -> bool:
    """Whether the rootfs has to be asked: only `NUMBER:NUMBER` with numeric groups says everything by itself."""
    user, _, group = specification.partition(":")
    return not all(_NUMBER.fullmatch(text) for text in (user, group, *added_groups))


def _id(text: str) -> int:
    if len(text) > _DIGITS or int(text or "0") > MAXIMUM_ID:
        raise RequestError(f"the id {printable(text[:40])} is not between 0 and {MAXIMUM_ID}")
    return int(text or "0")
