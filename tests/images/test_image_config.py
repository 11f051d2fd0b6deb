import json
from typing import Any

import pytest

from bundler.errors import ImageError
from bundler.images.digest import Digest
from bundler.images.image_config import Healthcheck, ImageConfig, parse_image_config
from bundler.images.platform import Platform

DIFF_ID = f"sha256:{'a' * 64}"


def document(**changes: Any) -> dict[str, Any]:
    return {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [DIFF_ID]},
    } | changes


def parse(**changes: Any) -> ImageConfig:
    return parse_image_config(json.dumps(document(**changes)).encode())


def parse_execution(**execution: Any) -> ImageConfig:
    return parse(config=execution)


def test_a_full_config_is_read() -> None:
    config = parse_execution(
        User="app:audio",
        Env=["PATH=/bin", "EMPTY=", "EQUALS=a=b"],
        Entrypoint=["/entry"],
        Cmd=["a", ""],
        WorkingDir="/srv",
        Volumes={"/b": {}, "/a": {}},
        ExposedPorts={"80/tcp": {}, "53/udp": {}},
        Labels={"b": "2", "a": "1"},
        StopSignal="SIGTERM",
    )
    assert config.user == "app:audio"
    assert config.env == ("PATH=/bin", "EMPTY=", "EQUALS=a=b")
    assert (config.entrypoint, config.cmd) == (("/entry",), ("a", ""))
    assert (config.working_dir, config.stop_signal) == ("/srv", "SIGTERM")
    assert (config.volumes, config.exposed_ports) == (("/a", "/b"), ("53/udp", "80/tcp"))
    assert config.labels == (("a", "1"), ("b", "2"))
    assert config.diff_ids == (Digest.parse(DIFF_ID),)


def test_the_image_id_is_the_digest_of_the_bytes_as_they_are() -> None:
    raw = json.dumps(document(), indent=3).encode()
    config = parse_image_config(raw)
    assert config.digest == Digest.of(raw)
    assert config.raw == raw


NULLS = dict.fromkeys(
    ["User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Volumes", "ExposedPorts", "Labels", "StopSignal"]
)


@pytest.mark.parametrize("execution", [None, {}, NULLS], ids=["no config", "empty config", "nulls"])
def test_absent_null_and_empty_are_one(execution: dict[str, Any] | None) -> None:
    config = parse(config=execution)
    assert (config.user, config.working_dir, config.stop_signal) == ("", "", "")
    assert config.env == config.entrypoint == config.cmd == config.volumes == config.exposed_ports == ()
    assert config.labels == ()


def test_an_image_without_layers_is_one() -> None:
    assert parse(rootfs={"type": "layers", "diff_ids": None}).diff_ids == ()


def test_an_env_entry_without_a_value_is_kept_as_it_is() -> None:
    assert parse_execution(Env=["NAME"]).env == ("NAME",)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"os": "windows"}, "only Linux images"),
        ({"os": "\x1b[31m"}, "os: expected a word"),
        ({"rootfs": None}, "rootfs: missing"),
        ({"rootfs": {"diff_ids": []}}, "rootfs.type: missing"),
        ({"rootfs": {"type": "tree"}}, 'rootfs.type: expected "layers"'),
        ({"rootfs": {"type": "layers", "diff_ids": ["x"]}}, "rootfs.diff_ids[0]: 'x' is not a digest"),
        ({"rootfs": {"type": "layers", "diff_ids": DIFF_ID}}, "rootfs.diff_ids: expected an array"),
        ({"config": []}, "config: expected an object"),
        ({"config": {"Env": ["=x"]}}, "config.Env[0]: expected NAME=VALUE"),
        ({"config": {"Env": [""]}}, "config.Env[0]: expected NAME=VALUE"),
        ({"config": {"Env": ["A=\0"]}}, "config.Env[0]: holds a NUL"),
        ({"config": {"Env": {"A": "B"}}}, "config.Env: expected an array"),
        ({"config": {"Cmd": {"a": "b"}}}, "config.Cmd: expected an array"),
        ({"config": {"Cmd": [1]}}, "config.Cmd[0]: expected a string"),
        ({"config": {"User": 0}}, "config.User: expected a string"),
        ({"config": {"Volumes": ["/a"]}}, "config.Volumes: expected an object"),
        ({"config": {"Volumes": {"/a\0": {}}}}, "holds a NUL"),
        ({"config": {"Labels": {"a": 1}}}, "config.Labels.a: expected a string"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_config_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ImageError) as raised:
        parse(**changes)
    assert says in raised.value.what
    assert "\x1b" not in raised.value.what


def test_a_health_check_is_read_as_docker_writes_it() -> None:
    config = parse_execution(Healthcheck={"Test": ["CMD", "/x"], "Interval": 10**9, "Retries": 2}, Shell=["/bin/ash"])
    assert config.healthcheck == Healthcheck(test=("CMD", "/x"), interval=10**9, retries=2, shell=("/bin/ash",))  # noqa: S604
    with pytest.raises(ImageError, match=r"config\.Healthcheck\.Interval: expected a whole number"):
        parse_execution(Healthcheck={"Interval": "1s"})


@pytest.mark.parametrize(
    ("stated", "means"),
    [
        ({}, "linux/arm/v6"),
        ({"os": "", "architecture": ""}, "linux/arm/v6"),
        ({"os": None, "architecture": None, "variant": "v8"}, "linux/arm/v6"),
        ({"os": "linux"}, "linux/arm/v6"),
        ({"OS": "Linux", "Architecture": ""}, "linux/arm/v6"),
        ({"architecture": "arm64", "variant": "v8"}, "linux/arm64/v8"),
        ({"os": "", "architecture": "x86_64"}, "linux/amd64"),
    ],
)
def test_a_platform_that_is_not_stated_is_assumed(stated: dict[str, Any], means: str) -> None:
    raw = json.dumps({"rootfs": document()["rootfs"]} | stated).encode()
    config = parse_image_config(raw, otherwise=Platform.parse("linux/arm/v6"))
    assert (str(config.platform), config.platform_assumed) == (means, True)
    assert not parse().platform_assumed


def test_an_operating_system_that_is_stated_is_not_assumed() -> None:
    with pytest.raises(ImageError, match="only Linux images"):
        parse_image_config(json.dumps(document(os="windows", architecture="")).encode())


def test_a_command_line_that_is_a_text_is_one_word() -> None:
    config = parse_execution(Entrypoint="/bin/sh -c", Cmd="a b")
    assert (config.entrypoint, config.cmd) == (("/bin/sh -c",), ("a b",))
