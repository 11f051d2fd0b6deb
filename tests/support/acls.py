"""POSIX ACLs as the kernel stores them (linux/posix_acl_xattr.h)."""

import struct

USER, GROUP, MASK, OTHER = 1, 4, 16, 32
NOBODY = 0xFFFFFFFF


def acl(*entries: tuple[int, ...]) -> bytes:
    """Entries are (whose, permissions), or (whose, permissions, id) for a named user or group."""
    packed = b""
    for tag, permissions, *number in entries:
        packed += struct.pack("<HHI", tag * 2 if number else tag, permissions, number[0] if number else NOBODY)
    return struct.pack("<I", 2) + packed
