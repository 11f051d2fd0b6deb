"""Device nodes whose numbers Linux fixes for every machine (admin-guide/devices.txt), and the modes udev gives them.

A device whose number a driver asks for when it is loaded (/dev/nvme0n1, /dev/nvidia-uvm, sound cards ...) has another
one on every machine, so it is not here: a wrong number would be another device.
"""

import re
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

_DISK, _TTY, _KMEM, _DIALOUT, _CDROM, _TAPE, _AUDIO, _VIDEO, _LP = 6, 5, 15, 20, 24, 26, 29, 44, 7  # Debian's groups


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """What mknod(2) needs, and who may use the node; `mode` holds permission bits only."""

    type: str
    major: int
    minor: int
    mode: int
    gid: int = 0


@dataclass(frozen=True, slots=True)
class _Family:
    """Nodes that are called alike: node N has the minor `first` + N, and N is below `count`."""

    type: str
    major: int
    first: int
    count: int
    mode: int
    gid: int = 0


_SINGLE: Final[dict[str, DeviceNode]] = {
    "mem": DeviceNode("c", 1, 1, 0o640, _KMEM),
    "null": DeviceNode("c", 1, 3, 0o666),
    "port": DeviceNode("c", 1, 4, 0o640, _KMEM),
    "zero": DeviceNode("c", 1, 5, 0o666),
    "full": DeviceNode("c", 1, 7, 0o666),
    "random": DeviceNode("c", 1, 8, 0o666),
    "urandom": DeviceNode("c", 1, 9, 0o666),
    "kmsg": DeviceNode("c", 1, 11, 0o644),
    "tty": DeviceNode("c", 5, 0, 0o666, _TTY),
    "console": DeviceNode("c", 5, 1, 0o600),
    "ptmx": DeviceNode("c", 5, 2, 0o666, _TTY),
    "ttyprintk": DeviceNode("c", 5, 3, 0o600),
    "psaux": DeviceNode("c", 10, 1, 0o660),
    "watchdog": DeviceNode("c", 10, 130, 0o600),
    "rtc": DeviceNode("c", 10, 135, 0o600),
    "nvram": DeviceNode("c", 10, 144, 0o640, _KMEM),
    "hwrng": DeviceNode("c", 10, 183, 0o600),
    "vfio/vfio": DeviceNode("c", 10, 196, 0o666),
    "net/tun": DeviceNode("c", 10, 200, 0o666),
    "cuse": DeviceNode("c", 10, 203, 0o600),
    "uinput": DeviceNode("c", 10, 223, 0o660),
    "tpm0": DeviceNode("c", 10, 224, 0o660),
    "hpet": DeviceNode("c", 10, 228, 0o600),
    "fuse": DeviceNode("c", 10, 229, 0o666),
    "snapshot": DeviceNode("c", 10, 231, 0o600),
    "kvm": DeviceNode("c", 10, 232, 0o666),
    "btrfs-control": DeviceNode("c", 10, 234, 0o600),
    "autofs": DeviceNode("c", 10, 235, 0o600),
    "mapper/control": DeviceNode("c", 10, 236, 0o600),
    "loop-control": DeviceNode("c", 10, 237, 0o660, _DISK),
    "vhost-net": DeviceNode("c", 10, 238, 0o666),
    "uhid": DeviceNode("c", 10, 239, 0o600),
    "userio": DeviceNode("c", 10, 240, 0o600),
    "vhost-vsock": DeviceNode("c", 10, 241, 0o666),
    "rfkill": DeviceNode("c", 10, 242, 0o664),
    "input/mice": DeviceNode("c", 13, 63, 0o660),
    "ppp": DeviceNode("c", 108, 0, 0o600),
    "snd/seq": DeviceNode("c", 116, 1, 0o660, _AUDIO),
    "snd/timer": DeviceNode("c", 116, 33, 0o660, _AUDIO),
    "nvidia-modeset": DeviceNode("c", 195, 254, 0o666),
    "nvidiactl": DeviceNode("c", 195, 255, 0o666),
}


# By the name before the number.
_FAMILIES: Final[dict[str, _Family]] = {
    "loop": _Family("b", 7, 0, 1 << 20, 0o660, _DISK),
    "ram": _Family("b", 1, 0, 256, 0o660, _DISK),
    "md": _Family("b", 9, 0, 1 << 20, 0o660, _DISK),
    "sr": _Family("b", 11, 0, 256, 0o660, _CDROM),
    "tty": _Family("c", 4, 0, 64, 0o620, _TTY),
    "ttyS": _Family("c", 4, 64, 192, 0o660, _DIALOUT),
    "ttyACM": _Family("c", 166, 0, 256, 0o660, _DIALOUT),
    "ttyUSB": _Family("c", 188, 0, 512, 0o660, _DIALOUT),
    "ttyAMA": _Family("c", 204, 64, 16, 0o660, _DIALOUT),
    "lp": _Family("c", 6, 0, 256, 0o660, _LP),
    "parport": _Family("c", 99, 0, 256, 0o660, _LP),
    "st": _Family("c", 9, 0, 32, 0o660, _TAPE),
    "sg": _Family("c", 21, 0, 1 << 16, 0o660, _DISK),
    "fb": _Family("c", 29, 0, 32, 0o660, _VIDEO),
    "video": _Family("c", 81, 0, 64, 0o660, _VIDEO),
    "i2c-": _Family("c", 89, 0, 256, 0o600),
    "nvidia": _Family("c", 195, 0, 254, 0o666),
    "input/js": _Family("c", 13, 0, 32, 0o664),
    "input/mouse": _Family("c", 13, 32, 31, 0o660),
    "input/event": _Family("c", 13, 64, 32, 0o660),
    "dri/card": _Family("c", 226, 0, 64, 0o660, _VIDEO),
    "infiniband/uverbs": _Family("c", 231, 192, 32, 0o666),
}
_NUMBERED: Final = re.compile(r"(.+?)(0|[1-9][0-9]{0,4})")
_RENDER: Final = re.compile(r"dri/renderD(12[89]|1[3-8][0-9]|19[01])")  # named by their minor numbers, 128 to 191
_USB: Final = re.compile(r"bus/usb/([0-9]{3})/([0-9]{3})")  # bus and device, both from 1, 128 devices to a bus
_SCSI_DISK: Final = re.compile(r"sd([a-p])([1-9]|1[0-5])?")  # the first sixteen disks, 16 minors each
# Directories that hold the same nodes on every machine.
DIRECTORIES: Final = {"/dev/net": ("tun",)}


@dataclass(frozen=True, slots=True)
class Device:
    """A node in the container, as the runtime-spec has it, and what the container may do with it."""

    node: dict[str, Json]
    access: str

    @property
    def rule(self) -> dict[str, Json]:
        numbers: dict[str, Json] = {key: self.node[key] for key in ("type", "major", "minor") if key in self.node}
        return {"allow": True} | numbers | {"access": self.access}


def find_node(path: str) -> DeviceNode | None:
    """The node of that path on every machine; None where machines differ, or nothing is known."""
    name = path.removeprefix("/dev/")
    if name == path:
        return None
    if name in _SINGLE:
        return _SINGLE[name]
    return _numbered_by_name(name) or _one_of_a_family(name)


def _numbered_by_name(name: str) -> DeviceNode | None:
    """Nodes whose minor is their name in some other way."""
    if match := _RENDER.fullmatch(name):
        return DeviceNode("c", 226, int(match[1]), 0o666)
    if match := _USB.fullmatch(name):
        bus, device = int(match[1]), int(match[2])
        inside = bus >= 1 and 1 <= device <= 128  # noqa: PLR2004
        return DeviceNode("c", 189, (bus - 1) * 128 + device - 1, 0o664) if inside else None
    if match := _SCSI_DISK.fullmatch(name):
        return DeviceNode("b", 8, 16 * (ord(match[1]) - ord("a")) + int(match[2] or 0), 0o660, _DISK)
    return None


def _one_of_a_family(name: str) -> DeviceNode | None:
    match = _NUMBERED.fullmatch(name)
    family = _FAMILIES.get(match[1]) if match else None
    if match is None or family is None or int(match[2]) >= family.count:
        return None
    return DeviceNode(family.type, family.major, family.first + int(match[2]), family.mode, family.gid)
