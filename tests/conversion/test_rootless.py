"""What an ordinary user's runtime refuses is not asked of it."""

from dataclasses import replace
from typing import Any

import pytest

from bundler.conversion.convert import ConvertedConfig, convert
from bundler.errors import RequestError
from bundler.overrides.keys.namespaces import caller_maps
from tests.support.inputs import inputs


def rootless(text: str = "{}") -> ConvertedConfig:
    given = inputs(text)
    entries = caller_maps(1000, 1001) | dict(given.overrides.entries)
    return convert(replace(given, overrides=replace(given.overrides, entries=entries), rootless=True))


def mount(document: Any, destination: str) -> Any:
    return next(found for found in document["mounts"] if found["destination"] == destination)


def test_the_caller_is_root_in_a_user_namespace() -> None:
    linux = rootless().document["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 1001, "size": 1}]
    assert {"type": "user"} in linux["namespaces"]


def test_who_mapped_the_caller_is_told() -> None:
    origin = rootless().origins["/linux/uidMappings/0"]
    assert str(origin) == "bundler --rootless: the user who built the bundle"


def test_what_is_refused_by_default_is_left_out_without_a_word() -> None:
    config = rootless()
    assert "resources" not in config.document["linux"]
    assert "additionalGids" not in config.document["process"]["user"]
    assert "oomScoreAdj" not in config.document["process"]
    assert not any("gid=" in option for option in mount(config.document, "/dev/pts")["options"])
    assert config.warnings == ()
    assert not any(pointer.startswith("/linux/resources") for pointer in config.origins)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("mem_limit: 512m", "/linux/resources"),
        ("cgroup_parent: /x\nname: n", "/linux/cgroupsPath"),
        ("group_add: [0]", "/process/user/additionalGids"),
        ("oom_score_adj: -5", "/process/oomScoreAdj"),
        ("tmpfs: ['/t:uid=5']", "/mounts/"),
    ],
)
def test_what_was_asked_for_and_is_left_out_is_said(text: str, pointer: str) -> None:
    (warning,) = rootless(text).warnings
    assert f"left out of config.json{pointer}" in warning
    assert "as the bundle is rootless" in warning


def test_what_can_be_done_stays() -> None:
    document = rootless("oom_score_adj: 300\ntmpfs: ['/t:uid=0,gid=0']").document
    assert document["process"]["oomScoreAdj"] == 300
    assert {"uid=0", "gid=0"} <= set(mount(document, "/t")["options"])


def test_sys_is_its_own_with_its_own_network_and_the_machine_s_otherwise() -> None:
    assert mount(rootless().document, "/sys")["type"] == "sysfs"
    shared = mount(rootless("network_mode: ns:/run/netns/x").document, "/sys")
    assert (shared["type"], shared["source"], shared["options"][0]) == ("none", "/sys", "rbind")


def test_a_user_outside_of_the_map_is_refused() -> None:
    with pytest.raises(RequestError, match="the container needs the id 33, which no range maps"):
        rootless("user: '33'")
