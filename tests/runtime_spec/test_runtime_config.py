"""Whatever stands in a config.json, its parts by name have the types that readers expect."""

from functools import cached_property
from typing import Any

import pytest

from bundler.runtime_spec.parts import Hook, IdMapping, Mount, Process
from bundler.runtime_spec.reach import mounted_paths
from bundler.runtime_spec.runtime_config import RuntimeConfig

STRANGE: list[Any] = [
    None,
    True,
    5,
    0.5,
    "x",
    [],
    [5, None, "x", [], {}],
    {},
    {"a": 5, "path": 5, "type": [], "size": {}},
]
PLACES = (
    *("process", "root", "mounts", "hooks", "linux", "hostname", "domainname", "ociVersion", "hooks/poststop"),
    *(
        f"process/{name}"
        for name in ("args", "env", "cwd", "user", "capabilities", "rlimits", "oomScoreAdj", "terminal")
    ),
    *("process/user/uid", "process/user/additionalGids", "process/capabilities/bounding", "root/path"),
    *(f"linux/{name}" for name in ("namespaces", "uidMappings", "gidMappings", "devices", "sysctl", "cgroupsPath")),
    *("linux/seccomp", "linux/seccomp/syscalls"),
)


def strange(place: str, value: Any) -> RuntimeConfig:
    for step in reversed(place.split("/")):
        value = {step: value}
    return RuntimeConfig(value)


def asked(parts: object) -> None:
    """Ask for everything that has a name."""
    for name, member in vars(type(parts)).items():
        if isinstance(member, property | cached_property):
            value = getattr(parts, name)
            list(value) if hasattr(value, "__next__") else None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_what_is_of_no_form_is_absent(place: str, value: Any) -> None:
    config = strange(place, value)
    asked(config)
    asked(config.process)
    assert all(isinstance(text, str) for text in (*config.process.args, *config.process.env, config.process.cwd))
    assert all(type(number) is int for number in (config.process.uid, *config.process.gids))
    parts: tuple[Any, ...] = (*config.mounts, *config.hooks, *config.namespaces, *config.uid_mappings, *config.devices)
    for part in parts:
        assert part.pointer.startswith("/")
        asked(part)


@pytest.mark.parametrize("member", ["destination", "type", "source", "options"])
@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_a_mount_may_be_anything(member: str, value: Any) -> None:
    config = RuntimeConfig({"mounts": [{"destination": "/a", "type": "bind", "source": "b", member: value}]})
    asked(config.mounts[0])
    list(mounted_paths(config))


def test_pointers_count_what_is_left_out() -> None:
    config = RuntimeConfig({"mounts": [5, {"destination": "/a"}], "hooks": {"x": [None, {"path": "/h"}], "y": 5}})
    assert config.mounts == (Mount("/mounts/1", "/a", "", None, ()),)
    assert config.hooks == (Hook("/hooks/x/1", "x", "/h", ()),)
    assert config.hook_kinds == ("x", "y")


def test_a_range_of_ids_needs_all_of_its_numbers() -> None:
    ranges = [{"containerID": 0, "hostID": 5}, {"containerID": 0, "hostID": True, "size": 1}]
    good = {"containerID": 0, "hostID": 5, "size": 1}
    config = RuntimeConfig({"linux": {"uidMappings": [*ranges, good]}})
    assert config.uid_mappings == (IdMapping("/linux/uidMappings/2", 0, 5, 1),)


def test_no_capabilities_are_not_the_runtime_s_own() -> None:
    assert Process({}).capabilities is None
    assert Process({"capabilities": {}}).capabilities == {}


@pytest.mark.parametrize(
    ("options", "read_only"), [([], False), (["ro"], True), (["ro", "rw"], False), (["rw", "rro", "bind"], True)]
)
def test_the_last_word_on_writing_counts(options: list[str], *, read_only: bool) -> None:
    assert Mount.of("", {"options": options}).is_read_only is read_only


@pytest.mark.parametrize(
    ("mount", "source"),
    [
        ({"source": "./volumes//v/", "type": "bind"}, "volumes/v"),
        ({"source": "v", "options": ["rbind"]}, "v"),
        ({"source": "/v", "type": "bind"}, ""),
        ({"source": "tmpfs", "type": "tmpfs"}, ""),
        ({"type": "bind"}, ""),
    ],
)
def test_a_relative_source_of_a_bind_is_the_bundles(mount: dict[str, Any], source: str) -> None:
    assert Mount.of("", mount).bundle_source == source


def test_the_ids_of_a_namespace_that_has_them_already_are_the_same() -> None:
    users = [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 9}]
    config = RuntimeConfig({"linux": {"uidMappings": users, "gidMappings": users[:1], "cgroupsPath": "x"}})
    same = config.with_same_ids()
    assert [(each.container_id, each.host_id, each.size) for each in same.uid_mappings] == [(0, 0, 1), (1, 1, 9)]
    assert [(each.container_id, each.host_id, each.size) for each in same.gid_mappings] == [(0, 0, 1)]
    assert same.cgroups_path == "x"
    assert config.uid_mappings[0].host_id == 1000
