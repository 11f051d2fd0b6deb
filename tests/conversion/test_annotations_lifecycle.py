"""The init, and what only whoever runs the bundle needs."""

from dataclasses import replace
from pathlib import Path

import pytest

from bundler.conversion.annotations import lifecycle
from bundler.conversion.convert import convert
from bundler.conversion.process.init import chosen_init
from bundler.overrides.load import load
from tests.support.elf import program
from tests.support.inputs import COMMAND, converted, inputs
from tests.support.messages import tells


@pytest.mark.parametrize(
    ("text", "source"),
    [("init: true", "/usr/bin/docker-init"), ("init: /usr/bin/tini", "/usr/bin/tini"), ("init: {path: /t}", "/t")],
)
def test_an_init_stands_in_front_of_the_command(text: str, source: str) -> None:
    document = converted(text)
    assert document["process"]["args"] == ["/sbin/docker-init", "--", "/bin/true"]
    places = [mount["destination"] for mount in document["mounts"]]
    assert places[places.index("/dev/shm") + 1] == "/sbin/docker-init"
    assert document["mounts"][places.index("/sbin/docker-init")] == {
        "destination": "/sbin/docker-init",
        "type": "bind",
        "source": source,
        "options": ["bind", "ro"],
    }


@pytest.mark.parametrize("text", ["init: false", "{init: true, pid: host}", "{init: true, pid: 'ns:/proc/1/ns/pid'}"])
def test_without_a_pid_namespace_there_is_no_init(text: str) -> None:
    assert chosen_init(inputs(text)) is None
    assert converted(text)["process"]["args"] == ["/bin/true"]


@pytest.mark.parametrize(
    ("text", "told"), [("init: true", True), ("init: /usr/bin/tini", False), ("init: false", False), ("", False)]
)
def test_an_init_that_comes_with_docker_is_told(text: str, *, told: bool) -> None:
    warnings = convert(inputs(text)).warnings
    assert [("docker-init" in line, "embed: true" in line) for line in warnings] == [(True, True)] * told


@pytest.mark.parametrize(("machine", "told"), [(62, []), (183, ["arm64 image amd64"])], ids=["its own", "another"])
def test_an_init_for_another_processor_than_the_images_is_told(tmp_path: Path, machine: int, told: list[str]) -> None:
    init = tmp_path / "tini"
    init.write_bytes(program(machine=machine))
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}")
    given = replace(inputs(), overrides=load([str(tmp_path / "o.yaml")]))
    warnings = convert(given).warnings
    assert [tells(line, f"init: {init} ", words) for line, words in zip(warnings, told, strict=True)] == [True] * len(
        told
    )


def test_what_config_json_has_no_place_for_is_kept() -> None:
    text = "{stop_grace_period: 1m30s, restart: always, healthcheck: {test: x}, stdin_open: true, container_name: web}"
    plain = converted("")
    assert converted(text) == plain
    assert converted("stop_signal: SIGUSR1") == plain
    assert lifecycle(inputs(text, config={**COMMAND, "StopSignal": "SIGINT"})) == {
        "stop_signal": "SIGINT",
        "container_name": "web",
        "stdin_open": True,
        "stop_grace_period": "1m30s",
        "restart": "always",
        "healthcheck": {"test": "x"},
    }
    assert lifecycle(inputs("stop_signal: 10")) == {"stop_signal": "10"}


def test_where_docker_would_write_its_logs_is_remembered_for_whoever_runs_the_bundle() -> None:
    given = inputs("logging: {driver: journald, options: {tag: web}}")

    assert lifecycle(given)["logging"] == {"driver": "journald", "options": {"tag": "web"}}
    assert convert(given).document == converted()


def test_a_health_check_is_the_images_with_the_overrides_laid_over_it() -> None:
    check = {"Test": ["CMD-SHELL", "x"], "Interval": 90 * 10**9, "Timeout": 15 * 10**8, "StartPeriod": 0, "Retries": 5}
    config = {**COMMAND, "Healthcheck": check, "Shell": ["/bin/ash", "-c"]}
    image = {
        "test": ["CMD-SHELL", "x"],
        "interval": "90s",
        "timeout": "1500ms",
        "retries": 5,
        "shell": ["/bin/ash", "-c"],
    }
    assert lifecycle(inputs(config=config)) == {"healthcheck": image}
    changed = lifecycle(inputs("healthcheck: {interval: 5s, retries: null}", config=config))
    assert changed == {"healthcheck": image | {"interval": "5s"}}
