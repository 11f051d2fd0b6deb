"""User namespaces: Docker's userns-remap, and what else has to follow from it."""

from typing import Any

import pytest

from bundler.errors import RequestError
from tests.support.inputs import converted

REMAPPED = "uid_map: ['0:100000:65536']"
RANGE = {"containerID": 0, "hostID": 100000, "size": 65536}


def mount(config: dict[str, Any], destination: str) -> list[str]:
    found: list[str] = next(item["options"] for item in config["mounts"] if item["destination"] == destination)
    return found


def test_ids_are_mapped_alike_unless_groups_have_their_own_map() -> None:
    linux = converted(REMAPPED)["linux"]
    assert (linux["uidMappings"], linux["gidMappings"]) == ([RANGE], [RANGE])
    linux = converted(REMAPPED + "\ngid_map: ['0:5:65536']")["linux"]
    assert linux["gidMappings"] == [{**RANGE, "hostID": 5}]


def test_docker_s_defaults_change_in_a_user_namespace() -> None:
    config = converted(REMAPPED)
    assert "ro" not in mount(config, "/sys/fs/cgroup")
    assert config["linux"]["sysctl"] == {"net.ipv4.ip_unprivileged_port_start": "0"}


def test_terminals_belong_to_a_group_that_is_there() -> None:
    assert "gid=5" in mount(converted(REMAPPED), "/dev/pts")
    assert "gid=5" not in mount(converted("uid_map: ['0:100000:3']", group=None), "/dev/pts")


def test_the_machine_s_user_namespace_undoes_the_map() -> None:
    config = converted(REMAPPED, "userns_mode: host")
    assert "uidMappings" not in config["linux"]
    assert {"type": "user"} not in config["linux"]["namespaces"]
    assert "ro" not in mount(config, "/sys/fs/cgroup")  # as dockerd leaves it, when it maps the others


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uid_map: ['1:1:9']", "needs the id 0"),
        ("uid_map: ['0:1:9']\nuser: 500:0", "needs the id 500"),
        ("uid_map: ['0:1:9']\nuser: 0:0\ngroup_add: [77]", "needs the id 77"),
        ("uid_map: ['0:1:9']\nuserns_mode: ns:/x", "has its own ids"),
        ("uid_map: ['0:1:9', '8:50:2']", "overlaps an earlier one in the container"),
        ("uid_map: ['0:1:9', '20:3:2']", "overlaps an earlier one in the machine"),
        ("uid_map: ['0:1']", "is not CONTAINER:HOST:SIZE"),
        ("uid_map: ['0:1:0']", "is empty or goes beyond the last id"),
        ("uid_map: ['0:4294967290:9']", "is empty or goes beyond the last id"),
    ],
)
def test_maps_that_cannot_work_are_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert message in refused.value.what
