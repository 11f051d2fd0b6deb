"""What stands where in an erofs image (Linux, fs/erofs/erofs_fs.h), for its reader and its writer."""

import stat
import struct
from typing import Final

MAGIC: Final = b"\xe2\xe1\xf5\xe0"
OFFSET: Final = 1024
TIME_OFFSET: Final = OFFSET + 24
SECOND: Final = 10**9
SLOT: Final = 32  # bytes; an inode's number counts them

# Magic, checksum, features that may be unknown, bits of a block's size, extensions, the root's number, inodes, when the
# image was made, blocks, and the blocks where inodes and shared attributes begin.
SUPERBLOCK: Final = struct.Struct("<4sIIBBHQQIIII")
SUPERBLOCK_SIZE: Final = 128
CHECKSUM_OFFSET: Final = OFFSET + 4
UUID_OFFSET: Final = OFFSET + 48
INCOMPATIBLE_OFFSET: Final = OFFSET + 80
HAS_CHECKSUM: Final = 1
HAS_MTIME: Final = 2
HAS_CHUNKS: Final = 4  # of INCOMPATIBLE_OFFSET

# Format, slots of attributes, mode; then each in its own order.
COMPACT: Final = struct.Struct("<HHHHIIIIHHI")
EXTENDED: Final = struct.Struct("<HHHHQIIIIqII16x")
IS_EXTENDED: Final = 1
LINKS_OFFSET: Final = 44
# How a file's content lies: in blocks, with its end behind its inode, or in chunks (erofs_chunks.py).
PLAIN, INLINE, CHUNKED = 0, 2, 4

DIRENT: Final = struct.Struct("<QHBB")
DIRENT_TYPES: Final = {
    stat.S_IFREG: 1,
    stat.S_IFDIR: 2,
    stat.S_IFCHR: 3,
    stat.S_IFBLK: 4,
    stat.S_IFIFO: 5,
    stat.S_IFSOCK: 6,
    stat.S_IFLNK: 7,
}

XATTRS: Final = struct.Struct("<IB7x")
XATTR: Final = struct.Struct("<BBH")
# Two are whole names: what stands behind them is empty.
PREFIXES: Final = {
    1: b"user.",
    2: b"system.posix_acl_access",
    3: b"system.posix_acl_default",
    4: b"trusted.",
    6: b"security.",
}


def encode_time(seconds: int) -> bytes:
    """The time at which an image was made, as it stands at TIME_OFFSET."""
    return struct.pack("<QI", seconds, 0)
