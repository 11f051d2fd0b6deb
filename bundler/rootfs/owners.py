"""What becomes of the owners in an image: kept, shifted into a user namespace, or only written down.

Kept, root unpacks and the files have the ids that the layers state. Shifted, they have the ids that the container's
ids stand for on the machine (user_namespaces(7)), ACLs and file capabilities included. Written down, an ordinary user
unpacks: all files are his, and what owner the image states is kept in the extended attribute
`user.rootlesscontainers` (a protobuf message of two fields: uid = 1, gid = 2), which umoci, PRoot and others read.
"""

import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.rootfs import acl
from bundler.rootfs.attributes import CAPABILITY, Attributes, SetAttributes, set_attributes, set_nothing, set_own
from bundler.rootfs.paths import PathError


@dataclass(frozen=True, slots=True)
class IdMap:
    """`ranges` are (first id in the container, first id on the machine, count); `name` is `user` or `group`."""

    name: str
    ranges: tuple[tuple[int, int, int], ...]

    def shift(self, number: int) -> int:
        """The machine's id. Raises PathError for one that the container has not got: so that the file has no owner."""
        for inside, outside, count in self.ranges:
            if 0 <= number - inside < count:
                return outside + number - inside
        raise PathError(f"its {self.name} {number} is in no range of the id map")

    def __contains__(self, number: int) -> bool:
        """Whether the container has this id."""
        return any(0 <= number - inside < count for inside, _, count in self.ranges)

    def inverse(self) -> "IdMap":
        """The ids of the machine as those of the container."""
        return IdMap(self.name, tuple((outside, inside, count) for inside, outside, count in self.ranges))


# What `Owners.skipped` may count that is left out for every user.
UNKNOWN_XATTRS: Final = "extended attributes that Linux has no namespace for"
# What it may count of the files that overrides say the content of.
NOT_OWNED: Final = "files with content of another owner"
RECORD: Final = b"user.rootlesscontainers"
# Who may set them: the owner of a file. Everything else takes privileges.
_ORDINARY: Final = (b"user.", b"system.posix_acl_")
# linux/capability.h: VFS_CAP_REVISION_2 has no root id, revision 3 has that of its user namespace at the end.
_REVISION_MASK: Final = 0xFF000000
_REVISION_2: Final = 0x02000000
_REVISION_3: Final = 0x03000000
_UNCHANGED: Final = (1 << 32) - 1
_SEVEN_BITS: Final = 128
_STATED: Final = (RECORD, acl.ACCESS, acl.DEFAULT)
_SIZES: Final = {_REVISION_2: 20, _REVISION_3: 24}


@dataclass(frozen=True, slots=True)
class Owners:
    """`adapt` makes of an image's attributes those for the disk, `set_attributes` sets these.

    `kept` says that both do what the image says. `confined` says that permission bits hold for this process: a
    directory that may not be written to has to be opened up while it is being filled, and a device cannot be made.
    `skipped` counts what was left out, by what it is. `maps` are those of users and groups that `adapt` goes by.
    """

    adapt: Callable[[Attributes], Attributes]
    set_attributes: SetAttributes
    kept: bool = False
    confined: bool = False
    maps: tuple[IdMap, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    def as_they_are(self) -> "Owners":
        """For copies of files that were unpacked: their attributes are adapted already."""
        return replace(self, adapt=_same)


def kept() -> Owners:
    return Owners(_same, set_attributes, kept=True)


def kept_where_mapped(users: IdMap, groups: IdMap) -> Owners:
    """For an image that an ordinary user mounts in the container's user namespace, where an id that is in none of the
    maps cannot own a file: that one is root's, and what the image states is written down.
    """

    def adapt(attributes: Attributes) -> Attributes:
        uid = attributes.uid if attributes.uid in users else 0
        gid = attributes.gid if attributes.gid in groups else 0
        xattrs = {name: value for name, value in attributes.xattrs.items() if name != RECORD}
        if (uid, gid) != (attributes.uid, attributes.gid):
            xattrs[RECORD] = record(attributes.uid, attributes.gid)
        return replace(attributes, uid=uid, gid=gid, xattrs=xattrs)

    return Owners(adapt, set_own, confined=True)


def ignored() -> Owners:
    """For files that are only looked into."""
    return Owners(_same, set_nothing)


def shifted(users: IdMap, groups: IdMap) -> Owners:
    """Raises PathError from `adapt` for an id that is outside of the maps."""

    def adapt(attributes: Attributes) -> Attributes:
        return _shift(attributes, users, groups, _shift_capability)

    return Owners(adapt, set_attributes, maps=(users, groups))


def shifted_back(maps: tuple[IdMap, IdMap], *, recorded: bool) -> Owners:
    """For copies of unpacked files that get the attributes an image would state for them.

    `maps` are those of the container. With `recorded`, the owners that an ordinary user could not give to his files
    are written down. Raises PathError from `adapt`.
    """
    users, groups = (shifts.inverse() for shifts in maps)

    def adapt(attributes: Attributes) -> Attributes:
        if not recorded:
            return _shift(attributes, users, groups, _shift_capability_back)
        # What was written down has the image's ids, and so have the ACLs of its layers.
        stated = {name: value for name, value in attributes.xattrs.items() if name in _STATED}
        others = {name: value for name, value in attributes.xattrs.items() if name not in _STATED}
        attributes = _shift(replace(attributes, xattrs=others), users, groups, _shift_capability_back)
        uid, gid = read_record(stated.pop(RECORD, b""))
        return replace(
            attributes,
            uid=attributes.uid if uid is None else uid,
            gid=attributes.gid if gid is None else gid,
            xattrs=dict(attributes.xattrs) | stated,
        )

    return Owners(adapt, set_attributes)


def written_down(*, recorded: bool = False) -> Owners:
    """For an ordinary user. With `recorded`, what an owner of root's files was is written down by bundler already."""
    skipped: Counter[str] = Counter()

    def adapt(attributes: Attributes) -> Attributes:
        xattrs = {}
        for name, value in attributes.xattrs.items():
            if name.startswith(_ORDINARY):
                xattrs[name] = value
            else:
                skipped["file capabilities" if name == CAPABILITY else "extended attributes"] += 1
        if not recorded:
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
    users, groups = _id_maps(maps)
    try:
        users.shift(0)
        groups.shift(0)
    except PathError:
        raise RequestError(
            "the id map has no range for the container's root, who owns what is not said to be another's",
            hint="for example 0:100000:65536",
        ) from None
    return shifted(users, groups)


def choose_owners_in_image(owners: Owners, maps: tuple[Sequence[Range], Sequence[Range]] | None) -> Owners:
    """What is done with owners in an image, which any user can write any of into; `owners` are those on the disk."""
    return kept_where_mapped(*_id_maps(maps)) if owners.confined and maps is not None else owners


def choose_owners_of_copies(owners: Owners, *, privileged: bool) -> Owners:
    """What is done with owners where files of an image, in which `owners` hold, are copied to the disk.

    An ordinary user who is not `privileged` to give files away writes down whose they are.
    """
    if privileged and not owners.confined:
        return owners.as_they_are()
    return replace(written_down(recorded=owners.confined), skipped=owners.skipped)


def _id_maps(maps: tuple[Sequence[Range], Sequence[Range]]) -> tuple[IdMap, IdMap]:
    users, groups = (
        IdMap(name, tuple((entry["containerID"], entry["hostID"], entry["size"]) for entry in ranges))
        for name, ranges in zip(("user", "group"), maps, strict=True)
    )
    return users, groups


def record(uid: int, gid: int) -> bytes:
    """The message `{uid, gid}`. Root's id is the one the file has anyway: `unchanged`, as umoci writes it."""
    return b"".join(tag + _varint(number or _UNCHANGED) for tag, number in ((b"\x08", uid), (b"\x10", gid)))


def read_record(message: bytes) -> tuple[int | None, int | None]:
    """The ids in such a message; None for what is unchanged, or not of this form."""
    ids: dict[int, int] = {}
    at = 0
    while at < len(message):
        tag, number, bits, at = message[at], 0, 0, at + 1
        while at < len(message):
            byte, at = message[at], at + 1
            number |= byte % _SEVEN_BITS << bits
            bits += 7
            if byte < _SEVEN_BITS:
                break
        ids[tag] = number
    uid, gid = (ids.get(tag, _UNCHANGED) for tag in (0x08, 0x10))
    return uid if uid < _UNCHANGED else None, gid if gid < _UNCHANGED else None


def is_capability(value: bytes) -> bool:
    """Whether the kernel takes `value` for the capabilities of a file (cap_convert_nscap)."""
    return len(value) == _SIZES.get(int.from_bytes(value[:4], "little") & _REVISION_MASK)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _SEVEN_BITS:
        encoded.append(number % _SEVEN_BITS + _SEVEN_BITS)
        number //= _SEVEN_BITS
    encoded.append(number)
    return bytes(encoded)


def _same(attributes: Attributes) -> Attributes:
    return attributes


def _shift(
    attributes: Attributes, users: IdMap, groups: IdMap, capability: Callable[[bytes, Callable[[int], int]], bytes]
) -> Attributes:
    """The attributes with all ids in them put through the maps. Raises PathError."""
    xattrs = attributes.xattrs
    if xattrs:
        shifts = {
            acl.ACCESS: lambda value: acl.shift(value, users.shift, groups.shift),
            acl.DEFAULT: lambda value: acl.shift(value, users.shift, groups.shift),
            CAPABILITY: lambda value: capability(value, users.shift),
        }
        xattrs = {name: shifts[name](value) if name in shifts else value for name, value in xattrs.items()}
    return replace(attributes, uid=users.shift(attributes.uid), gid=groups.shift(attributes.gid), xattrs=xattrs)


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


def _shift_capability_back(value: bytes, shift: Callable[[int], int]) -> bytes:
    """What counts in the container's user namespace counts, in an image, wherever that is run: revision 2."""
    head = int.from_bytes(value[:4], "little")
    if head & _REVISION_MASK != _REVISION_3 or len(value) != _SIZES[_REVISION_3]:
        return value
    root = shift(int.from_bytes(value[20:24], "little"))
    if root:
        return value[:20] + struct.pack("<I", root)
    return struct.pack("<I", head & ~_REVISION_MASK | _REVISION_2) + value[4:20]
