"""Hooks, the init, and what only whoever runs the bundle needs."""

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.init import chosen_init
from bundler.conversion.lifecycle import lifecycle
from tests.support.givens import COMMAND, converted, givens


def test_hooks_are_written_with_the_members_that_are_given() -> None:
    text = (
        "hooks: {poststop: [{path: /a/b, timeout: 3}], create_runtime: [{path: /c, args: [x, y], env: [A=b], name: n}]}"
    )
    assert converted(text)["hooks"] == {
        "createRuntime": [{"path": "/c", "args": ["x", "y"], "env": ["A=b"]}],
        "poststop": [{"path": "/a/b", "args": ["b"], "timeout": 3}],
    }


def test_the_newer_hooks_need_a_later_version() -> None:
    assert converted("hooks: {poststop: [{path: /a}]}\nseccomp: unconfined")["ociVersion"] == "1.0.0"
    assert converted("hooks: {create_container: [{path: /a}]}\nseccomp: unconfined")["ociVersion"] == "1.0.2"


def test_a_hook_of_this_machine_is_not_copied_and_that_is_said() -> None:
    done = convert(givens("hooks: {poststop: [{path: /opt/hook, embed: true}]}"))
    assert done.warnings == (
        "0.yaml:1:20: hooks.poststop: /opt/hook is not copied: a hook's path is one of the target",
    )


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
    assert chosen_init(givens(text)) is None
    assert converted(text)["process"]["args"] == ["/bin/true"]


def test_what_config_json_has_no_place_for_is_kept() -> None:
    text = "{stop_grace_period: 1m30s, restart: always, healthcheck: {test: x}, stdin_open: true, container_name: web}"
    plain = converted("")
    assert converted(text) == plain
    assert converted("stop_signal: SIGUSR1") == plain
    assert lifecycle(givens(text, config={**COMMAND, "StopSignal": "SIGINT"})) == {
        "stop_signal": "SIGINT",
        "container_name": "web",
        "stdin_open": True,
        "stop_grace_period": "1m30s",
        "restart": "always",
        "healthcheck": {"test": "x"},
    }
    assert lifecycle(givens("stop_signal: 10")) == {"stop_signal": "10"}


def test_where_docker_would_write_its_logs_is_remembered_for_whoever_runs_the_bundle() -> None:
    given = givens("logging: {driver: journald, options: {tag: web}}")

    assert lifecycle(given)["logging"] == {"driver": "journald", "options": {"tag": "web"}}
    assert convert(given).document == converted()
