"""Images of file systems from listings, byte by byte: such as no program writes them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_METADATA = 8192
_BLOCK = 4096
_NONE = 0xFFFFFFFF
_EROFS_INODES = 2  # the block that they begin in; superblock before, content behind


@dataclass
class Node:
    """A file of an image. `below` are the entries of a directory.

    In squashfs, `xattrs` is the number of a list, and a file has its `size` and its blocks from byte `start` on, whose
    sizes stand in `inline`, but for what lies in a `fragment`. In erofs, `inline` are attributes.
    """

    mode: int
    below: Sequence[tuple[bytes, int]] = ()
    content: bytes = b""
    xattrs: int | None = None
    inline: bytes = field(default=b"")
    size: int = 0
    start: int = 0
    fragment: int = _NONE


def _table(content: bytes) -> bytes:
    """Blocks of metadata that are not compressed."""
    blocks = (content[at : at + _METADATA] for at in range(0, len(content), _METADATA))
    return b"".join(struct.pack("<H", len(block) | 0x8000) + block for block in blocks)


def _place(at: int) -> int:
    """Where a byte of a table is: its block, and where in that."""
    return at // _METADATA * (_METADATA + 2) << 16 | at % _METADATA


def squashfs(nodes: Sequence[Node], lists: Sequence[tuple[int, int]] = (), attributes: bytes = b"") -> bytes:
    """An image; nodes name each other by their number, the first is the root.

    `lists` are extended attributes: where in `attributes` each list begins, and how many they are.
    """
    sizes = [
        16 + (struct.calcsize("<IIHHI") if node.mode & 0o40000 else struct.calcsize("<QQQIIII") + len(node.inline))
        for node in nodes
    ]
    places = [sum(sizes[:number]) for number in range(len(nodes))]
    inodes, listings = b"", b""
    for number, node in enumerate(nodes):
        directory = bool(node.mode & 0o40000)
        inodes += struct.pack("<HHHHII", 1 if directory else 9, node.mode & 0o7777, 0, 0, 0, number + 1)
        if directory:
            start, listing = len(listings), b""
            for name, below in node.below:
                place = _place(places[below])
                listing += struct.pack("<IIIHhHH", 0, place >> 16, 1, place & 0xFFFF, 0, 2, len(name) - 1) + name
            listings += listing
            place = _place(start)
            inodes += struct.pack("<IIHHI", place >> 16, 2, len(listing) + 3, place & 0xFFFF, 0)
        else:
            xattrs = _NONE if node.xattrs is None else node.xattrs
            inodes += struct.pack("<QQQIIII", node.start, node.size, 0, 1, node.fragment, 0, xattrs) + node.inline
    at = [96]
    parts = [_table(inodes), _table(listings or b"\0"), _table(struct.pack("<I", 0))]
    for part in parts:
        at.append(at[-1] + len(part))
    ids, pairs = at[3], at[3] + 8
    rows = b"".join(struct.pack("<QII", _place(start), count, 0) for start, count in lists)
    row_table = pairs + len(_table(attributes))
    table = row_table + len(_table(rows))
    pointers = range(row_table, table, _METADATA + 2)
    superblock = struct.pack(
        "<4sIIIIHHHHHHQQQQQQQQ",
        *(b"hsqs", len(nodes), 0, 1 << 17, 0, 6, 17, 0, 1, 4, 0, _place(places[0]), 0, ids),
        *(table if lists else (1 << 64) - 1, at[0], at[1], 0, 0),
    )
    xattr_table = struct.pack("<QII", pairs, len(lists), 0) + b"".join(struct.pack("<Q", each) for each in pointers)
    return superblock + b"".join(parts) + struct.pack("<Q", at[2]) + _table(attributes) + _table(rows) + xattr_table


def squashfs_attribute(name: bytes, value: bytes = b"") -> bytes:
    return struct.pack("<HH", 0, len(name)) + name + struct.pack("<I", len(value)) + value


def erofs(nodes: Sequence[Node]) -> bytes:
    """An image without compression; each directory and each content has one block of its own."""
    slots, inodes = [], b""
    for node in nodes:
        slots.append(len(inodes) // 32)
        inodes += bytes(32 + len(node.inline) + -len(node.inline) % 32)
    first = _EROFS_INODES + -(-len(inodes) // _BLOCK)
    content, table = b"", bytearray(inodes)
    for number, node in enumerate(nodes):
        block = node.content
        if node.mode & 0o40000:
            names = b"".join(name for name, _ in node.below)
            at = 12 * len(node.below)
            block = b""
            for name, below in node.below:
                block += struct.pack("<QHBB", slots[below], at, 0, 0)
                at += len(name)
            block += names
        xattrs = (len(node.inline) - 12) // 4 + 1 if node.inline else 0
        inode = struct.pack(
            "<HHHHIIIIHHI", 0, xattrs, node.mode, 1, len(block), 0, first + len(content) // _BLOCK, 0, 0, 0, 0
        )
        at = slots[number] * 32
        table[at : at + 32 + len(node.inline)] = inode + node.inline
        content += block + bytes(-len(block) % _BLOCK)
    superblock = struct.pack("<4sIIBBHQQIIII", b"\xe2\xe1\xf5\xe0", 0, 0, 12, 0, slots[0], 0, 0, 0, 0, _EROFS_INODES, 0)
    head = bytes(1024) + superblock
    return head + bytes(_EROFS_INODES * _BLOCK - len(head)) + bytes(table) + bytes(-len(table) % _BLOCK) + content


def erofs_attributes(*named: tuple[bytes, bytes]) -> bytes:
    """Those of one file, as they stand behind its inode."""
    text = b""
    for name, value in named:
        entry = struct.pack("<BBH", len(name), 1, len(value)) + name + value
        text += entry + bytes(-len(entry) % 4)
    return struct.pack("<IB7x", 0, 0) + text
