"""A health check as units, and what its command does when somebody runs it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.runtime_spec.parts import Process
from bundler.units.health import Health, checks_forgotten, health_remarks, health_units, parse_health
from bundler.units.placing import Placing
from tests.support.systemd import commands, settings

S = 10**9
PROCESS = Process({"user": {"uid": 0, "gid": 0}, "cwd": "/"})


@pytest.mark.parametrize(
    ("recorded", "command"),
    [
        ({"test": ["CMD", "/check", "a b"]}, ("/check", "a b")),
        ({"test": "wget -q x || exit 1"}, ("/bin/sh", "-c", "wget -q x || exit 1")),
        ({"test": ["CMD-SHELL", "x"], "shell": ["/bin/ash", "-ec"]}, ("/bin/ash", "-ec", "x")),
    ],
)
def test_a_check_is_words_or_a_line_for_the_shell(recorded: Mapping[str, Any], command: tuple[str, ...]) -> None:
    assert parse_health(recorded) == Health(
        command=command, interval=30 * S, timeout=30 * S, start_period=30 * S * 0, retries=3
    )


@pytest.mark.parametrize(
    "recorded",
    [
        None,
        {},
        {"test": ["NONE"]},
        {"test": []},
        {"test": ["CMD"]},
        {"test": ["X", "y"]},
        {"test": "x", "disable": True},
    ],
)
def test_without_a_check_there_is_none(recorded: object) -> None:
    assert parse_health(recorded) is None


@pytest.mark.parametrize(
    ("recorded", "where"),
    [
        ([], "healthcheck"),
        ({"test": ["CMD", 1]}, "test"),
        ({"test": "x", "shell": "sh"}, "test"),
        ({"test": "x", "interval": "soon"}, "interval"),
        ({"test": "x", "timeout": 3}, "timeout"),
        ({"test": "x", "retries": "many"}, "retries"),
        ({"test": "x", "retries": -1}, "retries"),
    ],
)
def test_what_is_no_check_is_refused(recorded: object, where: str) -> None:
    with pytest.raises(RequestError, match=rf"bundler\.json: healthcheck.*{where}|bundler\.json: healthcheck: not"):
        parse_health(recorded)


def test_the_timer_looks_again_after_each_interval() -> None:
    check = Health(command=("/c",), interval=5 * S, timeout=S // 2, start_period=60 * S, retries=2)
    made = health_units(Placing(name="web", directory="/b"), check, PROCESS)
    assert list(made) == ["web-health.service", "web-health.timer"]
    timer = settings(made["web-health.timer"])
    assert (timer["OnActiveSec"], timer["OnUnitInactiveSec"]) == ("5s", "5s")
    line = commands(made["web-health.service"], "ExecStart", {"t": "/run"})[0]
    assert line[:2] == ["/bin/sh", "-c"]
    limit = ["timeout", "-k", "10", "0.500000000"]
    call = ["runc", "exec", "--user", "0:0", "--cwd", "/", "web", "/c"]
    assert line[3:] == ["/run/bundler-web", "2", "60", *limit, *call]


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_check_is_as_the_process_of_config_json(runtime: str) -> None:
    check = Health(command=("/c", "--user"), interval=S, timeout=S, start_period=0, retries=1)
    process = Process({"user": {"uid": 33, "gid": 7}, "cwd": "/srv/%h $x", "noNewPrivileges": True})
    placing = Placing(name="web", directory="/b", runtime=runtime)
    line = commands(health_units(placing, check, process)["web-health.service"], "ExecStart", {"t": "/run"})[0]
    identity = ["--user", "33:7", "--cwd", "/srv/%h $x", "--no-new-privs"]
    assert line[line.index(runtime) :] == [runtime, "exec", *identity, "web", "/c", "--user"]


def test_what_crun_has_no_option_for_is_told() -> None:
    limits = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    process = Process({"user": {"uid": 1, "gid": 1, "additionalGids": [2]}, "cwd": "/", "rlimits": limits})
    told = [health_remarks(Placing(name="web", directory="/b", runtime=it), process) for it in ("/bin/crun", "runc")]
    assert told == [("crun starts a health check without group_add, ulimits of the container",), ()]
    assert health_remarks(Placing(name="web", directory="/b", runtime="crun"), PROCESS) == ()


def test_a_check_that_does_not_end_keeps_a_stop_for_seconds() -> None:
    check = Health(command=("/c",), interval=S, timeout=3600 * S, start_period=0, retries=1)
    made = health_units(Placing(name="web", directory="/b"), check, PROCESS)
    assert settings(made["web-health.service"])["TimeoutStopSec"] == "2s"


def test_nothing_of_a_check_starts_the_container() -> None:
    check = Health(command=("/c",), interval=S, timeout=S, start_period=0, retries=1)
    made = health_units(Placing(name="web", directory="/b"), check, PROCESS)
    pulling = {"Wants", "Requires", "BindsTo", "Upholds"}
    assert [unit for unit, text in made.items() if pulling & set(settings(text))] == []


@pytest.mark.parametrize("user", [False, True])
def test_the_end_of_the_container_is_the_end_of_what_was_said_of_it(tmp_path: Path, user: bool) -> None:
    (tmp_path / "bundler-web/run").mkdir(parents=True)
    (tmp_path / "bundler-web/run/pid").write_text("7")
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\n')
    (tmp_path / "systemctl").chmod(0o755)
    text = f"[Service]\nExecStopPost={checks_forgotten(Placing(name='web', directory='/b', user=user))}\n"
    line = commands(text, "ExecStopPost", {"t": str(tmp_path)})[0]
    subprocess.run([line[0].lstrip("-"), *line[1:]], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    manager = "--user " if user else ""
    called = [f"{manager}stop web-health.service", f"{manager}reset-failed web-health.service"]
    assert (tmp_path / "called").read_text().splitlines() == called
    assert not (tmp_path / "bundler-web/run/pid").exists()


def look(folder: Path, outcome: str, *, start_period: int = 0) -> int:
    """How one check ends that has this outcome, `true` or `false`, with %t at `folder`."""
    check = Health(command=("/c",), interval=S, timeout=S, start_period=start_period, retries=3)
    unit = health_units(Placing(name="web", directory="/b"), check, PROCESS)["web-health.service"]
    line = commands(unit, "ExecStart", {"t": str(folder)})[0]
    before_the_runtime = line[: line.index("runc")]
    return subprocess.run([*before_the_runtime, outcome], check=False, stderr=subprocess.DEVNULL).returncode


def test_the_service_fails_with_the_third_failure_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "bundler-web/health").mkdir(parents=True)
    outcomes = ["false", "false", "true", "false", "false", "false", "false", "true"]
    assert [look(tmp_path, outcome) for outcome in outcomes] == [0, 0, 0, 0, 0, 1, 1, 0]


def test_failures_of_the_start_period_do_not_count(tmp_path: Path) -> None:
    directory = tmp_path / "bundler-web"
    (directory / "health").mkdir(parents=True)
    assert [look(tmp_path, "false", start_period=3600 * S) for _ in range(4)] == [0] * 4
    started = directory.stat().st_mtime - 3601
    os.utime(directory, (started, started))
    assert [look(tmp_path, "false", start_period=3600 * S) for _ in range(3)] == [0, 0, 1]


def test_without_a_container_nothing_counts(tmp_path: Path) -> None:
    assert [look(tmp_path, "false") for _ in range(4)] == [0] * 4
