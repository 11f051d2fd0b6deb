"""POSIX ACLs as the kernel stores them in extended attributes (acl(5), linux/posix_acl_xattr.h)."""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

ACCESS: Final = b"system.posix_acl_access"
DEFAULT: Final = b"system.posix_acl_default"
_VERSION: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")
_USER_OBJECT, _USER, _GROUP_OBJECT, _GROUP, _MASK, _OTHER = (1 << bit for bit in range(6))
_LETTERS: Final = {_USER_OBJECT: b"U", _USER: b"u", _GROUP_OBJECT: b"G", _GROUP: b"g", _MASK: b"M", _OTHER: b"O"}
_ORDER: Final = re.compile(rb"(UGM?|Uu*Gg*M)O|")
_NO_ID: Final = 0xFFFFFFFF
_BASE: Final = frozenset({_USER_OBJECT, _GROUP_OBJECT, _OTHER})


class _Entry(NamedTuple):
    tag: int
    permissions: int
    number: int


def _entries(value: bytes) -> Iterator[_Entry]:
    return (_Entry(*fields) for fields in _ENTRY.iter_unpack(value[4:]))


def is_form(value: bytes) -> bool:
    """Whether `value` has the form of an ACL; whether it is a valid one, the kernel says."""
    return value.startswith(_VERSION) and len(value) % _ENTRY.size == len(_VERSION)


def is_known(value: bytes) -> bool:
    """Whether it is of a version that Linux knows, or else is left out, and has any entry."""
    return value.startswith(_VERSION) and value != _VERSION


def is_base(value: bytes) -> bool:
    """Whether it says no more than the mode does: then the kernel keeps the mode alone."""
    return is_form(value) and {entry.tag for entry in _entries(value)} <= _BASE


def is_valid(value: bytes) -> bool:
    """Whether the kernel takes it, which is of the right form (posix_acl_valid): each kind once and in order but for
    named ones, of which any needs a mask.
    """
    tags = b""
    for entry in _entries(value):
        if entry.permissions & ~7 or entry.tag not in _LETTERS:
            return False
        if entry.tag in (_USER, _GROUP) and entry.number == _NO_ID:
            return False
        tags += _LETTERS[entry.tag]
    return _ORDER.fullmatch(tags) is not None


def shift(value: bytes, users: Callable[[int], int], groups: Callable[[int], int]) -> bytes:
    """The ACL with the ids of named users and groups put through these functions."""
    if not is_form(value):
        return value
    shifts = {_USER: users, _GROUP: groups}
    return _VERSION + b"".join(
        _ENTRY.pack(tag, permissions, shifts[tag](number) if tag in shifts else number)
        for tag, permissions, number in _entries(value)
    )


def mode_with(mode: int, xattrs: Mapping[bytes, bytes]) -> int:
    """The mode a file has once its ACL is set: an ACL takes the place of the nine permission bits."""
    value = xattrs.get(ACCESS)
    if value is None or not is_form(value):
        return mode
    granted = {entry.tag: entry.permissions & 7 for entry in _entries(value)}
    group = granted.get(_MASK, granted.get(_GROUP_OBJECT, 0))
    return mode & ~0o777 | granted.get(_USER_OBJECT, 0) << 6 | group << 3 | granted.get(_OTHER, 0)
