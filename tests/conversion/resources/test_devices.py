"""Device nodes and device rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion.resources.device_nodes import DeviceNode, find_node
from bundler.errors import RequestError
from tests.support.inputs import converted

DEFAULT_RULES = 8


def devices(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = converted(text)["linux"].get("devices", [])
    return found


def rules(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = converted(text)["linux"]["resources"]["devices"][DEFAULT_RULES:]
    return found


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("/dev/null", ("c", 1, 3)),
        ("/dev/fuse", ("c", 10, 229)),
        ("/dev/kvm", ("c", 10, 232)),
        ("/dev/net/tun", ("c", 10, 200)),
        ("/dev/loop0", ("b", 7, 0)),
        ("/dev/ttyS3", ("c", 4, 67)),
        ("/dev/ttyUSB1", ("c", 188, 1)),
        ("/dev/input/event4", ("c", 13, 68)),
        ("/dev/dri/renderD129", ("c", 226, 129)),
        ("/dev/bus/usb/002/003", ("c", 189, 130)),
        ("/dev/sdb1", ("b", 8, 17)),
        ("/dev/nvidiactl", ("c", 195, 255)),
    ],
)
def test_nodes_with_the_same_numbers_everywhere_are_known(path: str, node: tuple[str, int, int]) -> None:
    found = find_node(path)
    assert isinstance(found, DeviceNode)
    assert (found.type, found.major, found.minor) == node


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/dev/nvme0n1",
            "/dev/nvidia-uvm",
            "/dev/snd/controlC0",
            "/dev/loop01",
            "/dev/tty64",
            "/dev/sdq",
            "/dev/sda16",
        ),
        *("/dev/dri/renderD127", "/dev/dri/renderD192", "/dev/bus/usb/000/001", "/dev/bus/usb/001/129"),
        *("/dev", "/dev/", "/null", "null", "/dev/null/", "/dev/loop99999999999"),
    ],
)
def test_others_are_not_guessed(path: str) -> None:
    assert find_node(path) is None


@given(st.text())
def test_any_text_is_a_path_or_none(text: str) -> None:
    node = find_node(f"/dev/{text}")
    assert node is None or (0 <= node.minor < 1 << 20 and node.mode < 0o1000)


@pytest.mark.parametrize(
    ("written", "path", "access"),
    [
        ("/dev/fuse", "/dev/fuse", "rwm"),
        ("/dev/fuse:/dev/x", "/dev/x", "rwm"),
        ("/dev/fuse:r", "/dev/fuse", "r"),
        ("/dev/fuse:/dev/x:rw", "/dev/x", "rw"),
        ("/dev/fuse::m", "/dev/fuse", "m"),
        ("{source: /dev/fuse, target: /dev/x, permissions: rw}", "/dev/x", "rw"),
        ("{path: /dev/fuse, access: r}", "/dev/fuse", "r"),
    ],
)
def test_every_way_to_write_a_device(written: str, path: str, access: str) -> None:
    text = f"devices: [{written if written.startswith('{') else repr(written)}]"
    (device,) = devices(text)
    assert (device["path"], device["type"], device["major"], device["minor"]) == (path, "c", 10, 229)
    assert rules(text) == [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": access}]


def test_a_directory_stands_for_its_nodes() -> None:
    assert [device["path"] for device in devices("devices: ['/dev/net:/dev/netx']")] == ["/dev/netx/tun"]


def test_numbers_and_owners_can_be_given() -> None:
    text = "devices: [{path: /dev/x, type: b, major: 259, minor: 3, file_mode: 416, uid: 5, gid: 6}]"
    node = {"path": "/dev/x", "type": "b", "major": 259, "minor": 3, "fileMode": 0o640, "uid": 5, "gid": 6}
    assert devices(text) == [node]


def test_rules_follow_the_devices_and_a_star_is_any_number() -> None:
    text = "device_cgroup_rules: ['c 42:* rwm', 'a *:* rwm', {allow: false, type: b, major: 8}]\ndevices: [/dev/kvm]"
    assert rules(text) == [
        {"allow": True, "type": "c", "major": 10, "minor": 232, "access": "rwm"},
        {"allow": True, "type": "c", "major": 42, "minor": -1, "access": "rwm"},
        {"allow": True, "type": "a", "major": -1, "minor": -1, "access": "rwm"},
        {"allow": False, "type": "b", "major": 8, "access": "rwm"},
    ]


def test_a_privileged_container_has_the_nodes_and_one_rule_for_all() -> None:
    text = "privileged: true\ndevices: [/dev/fuse]\ndevice_cgroup_rules: ['c 1:2 r']"
    assert [device["path"] for device in devices(text)] == ["/dev/fuse"]
    assert rules(text) == [{"allow": True, "access": "rwm"}]


def test_a_later_file_replaces_the_device_of_a_path() -> None:
    config = converted("devices: [/dev/fuse, /dev/kvm]", "devices: ['/dev/loop0:/dev/fuse:r']")
    assert [device["major"] for device in config["linux"]["devices"]] == [7, 10]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devices: [/dev/nvme0n1]", "/dev/nvme0n1 has other numbers, or is absent"),
        ("devices: ['/dev/fuse:/dev/x:q']", "bad access 'q'"),
        ("devices: ['/dev/fuse:/dev/x:rr']", "bad access 'rr'"),
        ("devices: [fuse]", "'fuse' is no absolute path"),
        ("devices: ['a:b:c:d']", "is not HOST[:CONTAINER[:rwm]]"),
        ("devices: [vendor.com/gpu=0]", "is a CDI device"),
        ("devices: [{path: /dev/x, major: 1}]", "type, major and minor belong together"),
        ("devices: [{access: r}]", "needs either a source or a path"),
        ("device_cgroup_rules: ['x 1:2 r']", "is no device rule"),
        ("gpus: all", "only the driver of the machine"),
    ],
)
def test_what_cannot_be_made_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert message in refused.value.what
