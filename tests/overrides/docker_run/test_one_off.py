"""Flags of `docker run` as a layer of overrides of their own."""

import hashlib
import json

import pytest

from bundler.errors import RequestError
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.one_off import Settings, convert
from tests.overrides.docker_run.lines import keys

HERE = Client(environment={"FROM_HERE": "1"}, folder="/srv/site")


def converted(*flags: tuple[str, str]) -> Settings:
    made = convert(flags, HERE)
    assert made is not None
    return made


def places(settings: Settings, key: str) -> list[str]:
    node = settings.entries[key]
    return [one.origin.where for one in (node.value.values() if isinstance(node.value, dict) else node.listed())]


def test_without_a_flag_there_is_no_layer() -> None:
    assert convert((), HERE) is None


@pytest.mark.parametrize(
    ("flag", "value", "key", "place"),
    [
        ("publish", "8080:80", "ports", "--publish 8080:80"),
        ("volume", "./a:/b", "volumes", "--volume ./a:/b"),
        ("volume", "data:/data:ro", "volumes", "--volume data:/data:ro"),
        ("env", "A=secret", "environment", "--env A"),
        ("env", "FROM_HERE", "environment", "--env FROM_HERE"),
        ("cap-add", "NET_ADMIN", "cap_add", "--cap-add NET_ADMIN"),
        ("cap-drop", "ALL", "cap_drop", "--cap-drop ALL"),
        ("user", "1000:1000", "user", "--user 1000:1000"),
        ("workdir", "/srv", "working_dir", "--workdir /srv"),
        ("name", "web", "container_name", "--name web"),
        ("read-only", "true", "read_only", "--read-only"),
        ("network", "host", "network_mode", "--network host"),
        ("user", "\x1b[2J", "user", "--user \\x1b[2J"),
    ],
)
def test_each_value_names_its_flag_as_its_place(flag: str, value: str, key: str, place: str) -> None:
    assert places(converted((flag, value)), key)[0] == place


def test_of_several_each_names_its_own() -> None:
    flags = [("env", "A=1"), ("env", "B=2"), ("env", "A=3"), ("publish", "1:1"), ("publish", "2:2"), ("publish", "1:1")]
    settings = converted(*flags)
    assert settings.entries["environment"].plain() == {"A": "3", "B": "2"}
    assert places(settings, "environment") == ["--env A", "--env B"]
    assert places(settings, "ports") == ["--publish 1:1", "--publish 2:2"]


def test_they_say_what_a_docker_run_line_says() -> None:
    """But for the network, which is bundler's here."""
    flags = [("env", "A=1"), ("user", "app"), ("volume", "./a:/b"), ("publish", "[::1]:80:80/udp"), ("name", "web")]
    line = keys(*(f"--{name}={value}" for name, value in flags), "image", by=HERE)
    content = json.dumps({key: value for key, value in line.items() if key != "image"}, sort_keys=True)
    recorded = converted(*flags).file
    assert recorded.name == "command line"
    assert recorded.sha256 == hashlib.sha256(content.replace(", ", ",").replace(": ", ":").encode()).hexdigest()


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ([("network", "bridge")], "bridge"),
        ([("network", "default")], "bridge"),
        ([("network", "name=bridge")], "bridge"),
        ([("network", "none"), ("publish", "80:80")], "none"),
        ([("network", "host"), ("publish", "80:80")], "host"),
        ([("publish", "80:80")], None),
    ],
)
def test_bridge_is_bundlers_own_network(flags: list[tuple[str, str]], mode: str | None) -> None:
    node = converted(*flags).entries.get("network_mode")
    assert (None if node is None else node.value) == mode


def test_what_publishes_a_port_is_connected_unless_a_network_was_chosen() -> None:
    settings = converted(("publish", "80:80"))
    (implied,) = settings.network({}).values()
    assert (implied.value, implied.origin.where) == ("bridge", "--publish 80:80")
    assert settings.network({"network_mode": implied}) == {}
    assert converted(("user", "1")).network({}) == {}


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("publish", "80:x", "-p, --publish '80:x': 'x' is not a port"),
        ("env", "=1", "-e, --env '=1': a variable has a name"),
        ("workdir", "srv", "-w, --workdir 'srv': it needs to be an absolute path"),
        ("name", "/", "--name '/': it has to be two or more"),
        ("network", "front", "--network: bundler has no network 'front'"),
        ("network", "name=front,alias=a", "--network: bundler has no network 'front'"),
        ("network", "container:web", "--network container: needs another container"),
        ("cap-add", "NOPE", "NOPE"),
        ("user", "a\0", "not UTF-8, or holds a NUL"),
        ("user", "\udcff", "not UTF-8, or holds a NUL"),
    ],
)
def test_what_docker_refuses_or_bundler_cannot_do_is_refused(flag: str, value: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        convert([(flag, value)], HERE)
    assert message in refused.value.what


def test_two_networks_are_refused() -> None:
    with pytest.raises(RequestError, match="--network"):
        convert([("network", "host"), ("network", "none")], HERE)
