"""What riddler, the predecessor, made of `docker inspect`, and got wrong: thirty-three mistakes, a test for each.

Containers are imported and converted as `bundler config --from-inspect` does.
"""

import fcntl
import json
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.errors import RequestError
from bundler.overrides.load import Overrides, load_one
from tests.overrides.docker_inspect.inspected import container, imported, remarks
from tests.predecessor.cases import CASES, Fields
from tests.support.command import bundler, call_bundler, installed
from tests.support.inputs import inputs
from tests.support.runtime_leaves import leaves

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"

REMAPPED = "uid_map: ['0:886432:46578392']\ngid_map: ['0:886432:46578392']\n"


def config_json(overrides: str = "", **fields: Any) -> dict[str, Any]:
    """What the fields become; the image's /etc/passwd has app 1001:1002, its /etc/group audio 29 and video 44."""
    together = Overrides().upon([imported(**fields)]).over(load_one(overrides.encode(), "o.yaml"))
    return convert(replace(inputs(), overrides=together)).document


def found(fields: Fields, places: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves at `places`, such as /mounts//data/options: of a mount, by its mount point."""
    all_leaves = leaves(config_json(**fields), of_docker=False)
    return {place: all_leaves.get(place) for place in places}


@pytest.mark.parametrize(("fields", "places"), CASES)
def test_config_json_says_what_the_container_was(fields: Fields, places: dict[str, Any]) -> None:
    assert found(fields, places) == places


def test_03_a_user_that_the_image_does_not_have_is_refused_and_never_root() -> None:
    with pytest.raises(RequestError, match="Config/User: user: the user 'nobody' is not in the rootfs's /etc/passwd"):
        config_json(Config_User="nobody")


def test_12_a_limit_that_nobody_set_is_not_written() -> None:
    unset: Fields = dict.fromkeys(
        ("Memory", "MemoryReservation", "MemorySwap", "KernelMemory", "CpuShares", "CpuQuota"), 0
    )
    unset |= dict.fromkeys(("CpuPeriod", "PidsLimit", "BlkioWeight"), 0)
    fields: Fields = {f"Host_{name}": value for name, value in unset.items()}
    resources = config_json(**fields)["linux"]["resources"]
    assert resources.keys() == {"devices"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"Host_PidMode": "container:abc"}, "HostConfig.PidMode: another container is not known here"),
        ({"Host_NetworkMode": "web_default"}, "the network web_default"),
        ({"Host_PublishAllPorts": True}, "HostConfig.PublishAllPorts"),
        ({"Host_DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}, "HostConfig.DeviceRequests"),
        ({"Host_ExtraHosts": ["up:host-gateway"]}, "up:host-gateway of HostConfig.ExtraHosts"),
        ({"Config_Labels": {"a": "b"}}, "Config.Labels"),
        ({"Host_FromTheFuture": 1}, "HostConfig.FromTheFuture: bundler does not know this field"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_15_what_cannot_be_carried_is_named(fields: Fields, named: str) -> None:
    assert named in " ".join(remarks(**fields))


def test_20_every_id_of_a_range_is_mapped_to_its_own() -> None:
    """The map was split around each group that was added; an id got lost, and those behind it moved."""
    linux = config_json(REMAPPED, Host_GroupAdd=["29"])["linux"]
    assert linux["gidMappings"] == linux["uidMappings"] == [{"containerID": 0, "hostID": 886432, "size": 46578392}]


def test_21_an_added_group_is_the_containers_and_not_the_machines() -> None:
    written = config_json(REMAPPED, Host_GroupAdd=["audio"])
    assert 29 in written["process"]["user"]["additionalGids"]
    assert not [one for one in written["linux"]["gidMappings"] if one["hostID"] <= 29 < one["hostID"] + one["size"]]


def test_23_a_privileged_container_has_all_capabilities() -> None:
    held = config_json(Host_Privileged=True)["process"]["capabilities"]["bounding"]
    assert len(held) == 41
    assert {"CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"} <= set(held)


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps([container(Id="ab", Name="")]).encode(),
        b'[{"Id": 7, "HostConfig": {}, "Config": {}}]',
        b'[{"Id": "ab"}]',
        b"[",
    ],
    ids=["a short id", "an id that is a number", "an id alone", "cut off"],
)
def test_25_a_strange_document_is_read_or_refused_in_two_lines(raw: bytes) -> None:
    done = call_bundler("config", HELLO, "--from-inspect", "-", stdin=raw)
    assert done.returncode in (0, 2)
    assert (done.returncode == 0) == bool(done.stdout)
    assert not re.search("Traceback|a bug in bundler", done.stderr)
    assert len(done.stderr.splitlines()) <= 2


def test_25_no_container_needs_a_daemon() -> None:
    inspected = json.dumps([container()]).encode()
    done = call_bundler("config", HELLO, "--from-inspect", "-", stdin=inspected, env={"DOCKER_HOST": "tcp://[::]:1"})
    assert done.returncode == 0, done.stderr


def test_27_a_symlink_to_a_device_is_followed_where_it_is_and_asked_about_elsewhere(tmp_path: Path) -> None:
    by_id = tmp_path / "by-id"
    by_id.symlink_to("/dev/null")
    device = {"PathOnHost": str(by_id), "PathInContainer": "/dev/modem", "CgroupPermissions": "rw"}
    inspected = json.dumps([container(Host_Devices=[device])]).encode()
    elsewhere = call_bundler("config", HELLO, "--from-inspect", "-", stdin=inspected)
    assert elsewhere.returncode == 2
    assert "HostConfig/Devices/0: devices: " in elsewhere.stderr
    assert "has other numbers, or is absent, on another machine" in elsewhere.stderr
    here = json.loads(bundler("config", HELLO, "--target", "host", "--from-inspect", "-", stdin=inspected))
    (node,) = [node for node in here["linux"]["devices"] if node["path"] == "/dev/modem"]
    assert (node["type"], node["major"], node["minor"]) == ("c", 1, 3)


def test_28_a_container_is_the_same_after_another_one() -> None:
    alone = config_json()
    config_json(Host_Binds=["/srv:/other"], Host_CapAdd=["ALL"], Host_Ulimits=[{"Name": "core", "Soft": 0, "Hard": 0}])
    assert config_json() == alone


def test_29_without_hooks_there_is_no_word_of_hooks() -> None:
    assert "hooks" not in config_json()


def test_30_the_version_is_the_lowest_that_has_what_is_used() -> None:
    """It was a release candidate; and crun before 1.9 refuses 1.2.0 and later."""
    assert config_json()["ociVersion"] == "1.1.0"
    assert config_json(Host_Privileged=True)["ociVersion"] == "1.0.0"


def test_31_a_hook_is_looked_up_where_it_runs() -> None:
    hooks = "hooks: {prestart: [{path: /nowhere/on/this/machine/netns}]}"
    assert config_json(hooks)["hooks"] == {
        "prestart": [{"path": "/nowhere/on/this/machine/netns", "args": ["netns"]}],
    }


def waits_for(running: "subprocess.Popen[bytes]") -> bool:
    """Whether it has read everything there is and sleeps until there is more."""
    assert running.poll() is None
    assert running.stdin is not None
    (unread,) = struct.unpack("i", fcntl.ioctl(running.stdin, termios.FIONREAD, bytes(4)))
    return unread == 0 and Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_33_who_was_interrupted_says_so_by_the_exit_code(number: int, code: int) -> None:
    """It waits for an inspect whose end does not come."""
    command: list[str | Path] = [installed(), "config", HELLO, "--from-inspect", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write(b"[" + b" " * (1 << 20))  # more than a pipe holds: it is being read when this returns
        running.stdin.flush()
        while not waits_for(running):
            time.sleep(0.01)
        running.send_signal(number)
        assert running.wait(timeout=60) == code
        assert running.stdout is not None
        assert running.stdout.read() == b""


def test_every_mistake_has_its_test() -> None:
    numbers = {int(str(one.id).partition(":")[0]) for one in CASES}
    numbers |= {int(name[5:7]) for name in globals() if re.match(r"test_\d\d_", name)}
    assert numbers == set(range(1, 34))
