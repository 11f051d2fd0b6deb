"""What becomes of the owners in an image: kept, shifted into a user namespace, or only written down.

Kept, root unpacks and the files have the ids that the layers state. Shifted, they have the ids that the container's
ids stand for on the machine, ACLs and file capabilities included. Written down, an ordinary user unpacks: all files
are his, and what owner the image states is kept in the extended attribute `user.rootlesscontainers` (a protobuf
message of two fields: uid = 1, gid = 2), which umoci, PRoot and others read.
"""

import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.errors import RequestError
from bundler.rootfs import acl
from bundler.rootfs.attributes import CAPABILITY, Attributes, SetAttributes, set_attributes, set_nothing, set_own
from bundler.rootfs.id_map import IdMap
from bundler.rootfs.paths import PathError

RECORD: Final = b"user.rootlesscontainers"
# Who may set them: the owner of a file. Everything else takes privileges.
_ORDINARY: Final = (b"user.", b"system.posix_acl_")
# linux/capability.h: VFS_CAP_REVISION_2 has no root id, revision 3 has that of its user namespace at the end.
_REVISION_MASK: Final = 0xFF000000
_REVISION_2: Final = 0x02000000
_REVISION_3: Final = 0x03000000
_UNCHANGED: Final = (1 << 32) - 1
_SEVEN_BITS: Final = 128
_SIZES: Final = {_REVISION_2: 20, _REVISION_3: 24}


@dataclass(frozen=True, slots=True)
class Owners:
    """`adapt` makes of an image's attributes those for the disk, `set_attributes` sets these.

    `confined` says that permission bits hold for who unpacks: a directory that may not be written to has to be
    opened up for as long as it is being filled, and a device cannot be made. `skipped` counts what was left out, by
    what it is. `maps` are those of users and groups that `adapt` goes by, if any.
    """

    adapt: Callable[[Attributes], Attributes]
    set_attributes: SetAttributes
    confined: bool = False
    maps: tuple[IdMap, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    def as_they_are(self) -> "Owners":
        """For copies of files that were unpacked: their attributes are adapted already."""
        return replace(self, adapt=_same)


def kept() -> Owners:
    return Owners(_same, set_attributes)


def ignored() -> Owners:
    """For who only wants to look into the files."""
    return Owners(_same, set_nothing)


def shifted(users: IdMap, groups: IdMap) -> Owners:
    """Raises PathError from `adapt` for an id that is outside of the maps."""

    def adapt(attributes: Attributes) -> Attributes:
        xattrs = attributes.xattrs
        if xattrs:
            shifts = {
                acl.ACCESS: lambda value: acl.shift(value, users.shift, groups.shift),
                acl.DEFAULT: lambda value: acl.shift(value, users.shift, groups.shift),
                CAPABILITY: lambda value: _shift_capability(value, users.shift),
            }
            xattrs = {name: shifts[name](value) if name in shifts else value for name, value in xattrs.items()}
        return replace(attributes, uid=users.shift(attributes.uid), gid=groups.shift(attributes.gid), xattrs=xattrs)

    return Owners(adapt, set_attributes, maps=(users, groups))


def written_down() -> Owners:
    """For an ordinary user."""
    skipped: Counter[str] = Counter()

    def adapt(attributes: Attributes) -> Attributes:
        xattrs = {}
        for name, value in attributes.xattrs.items():
            if name.startswith(_ORDINARY):
                xattrs[name] = value
            else:
                skipped["file capabilities" if name == CAPABILITY else "extended attributes"] += 1
        xattrs.pop(RECORD, None)  # what the image says of its own owners, it says in its headers
        if attributes.uid or attributes.gid:
            xattrs[RECORD] = record(attributes.uid, attributes.gid)
        return replace(attributes, xattrs=xattrs)

    return Owners(adapt, set_own, confined=True, skipped=skipped)


Range = Mapping[str, int]
"""Part of a map as the runtime-spec has it: containerID, hostID and size."""


def choose_owners(maps: tuple[Sequence[Range], Sequence[Range]] | None, *, rootless: bool) -> Owners:
    """What is done with owners where the container has these maps of users and groups, or none. Raises RequestError."""
    if rootless:
        if maps is None:
            raise RequestError("--rootless: only in a user namespace of its own can an ordinary user be root")
        return written_down()
    if maps is None:
        return kept()
    users, groups = (
        IdMap(name, tuple((entry["containerID"], entry["hostID"], entry["size"]) for entry in ranges))
        for name, ranges in zip(("user", "group"), maps, strict=True)
    )
    try:
        users.shift(0)
        groups.shift(0)
    except PathError:
        raise RequestError(
            "the id map has no range for the container's root, who owns what is not said to be another's",
            hint="for example 0:100000:65536",
        ) from None
    return shifted(users, groups)


def record(uid: int, gid: int) -> bytes:
    """The message `{uid, gid}`. Root's id is the one the file has anyway: `unchanged`, as umoci writes it."""
    return b"".join(tag + _varint(number or _UNCHANGED) for tag, number in ((b"\x08", uid), (b"\x10", gid)))


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _SEVEN_BITS:
        encoded.append(number % _SEVEN_BITS + _SEVEN_BITS)
        number //= _SEVEN_BITS
    encoded.append(number)
    return bytes(encoded)


def _same(attributes: Attributes) -> Attributes:
    return attributes


def _shift_capability(value: bytes, shift: Callable[[int], int]) -> bytes:
    """Revision 3, which counts in the user namespace whose root has this id (capabilities(7)).

    Revision 2 counts in the machine's own user namespace only: in the container it would have no effect.
    """
    head = int.from_bytes(value[:4], "little")
    revision = head & _REVISION_MASK
    if len(value) != _SIZES.get(revision):
        return value
    root = int.from_bytes(value[20:24], "little")
    return struct.pack("<I", head & ~_REVISION_MASK | _REVISION_3) + value[4:20] + struct.pack("<I", shift(root))
