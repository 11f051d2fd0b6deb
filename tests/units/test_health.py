"""A health check as units, and what its command does when somebody runs it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.units.health import Health, health_units, parse_health
from bundler.units.placing import Placing
from tests.support.systemd import commands, settings

S = 10**9


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


def test_the_timer_looks_again_after_each_interval_and_not_before_the_start_period_ends() -> None:
    check = Health(command=("/c",), interval=5 * S, timeout=S // 2, start_period=60 * S, retries=2)
    made = health_units(Placing(name="web", directory="/b"), check)
    assert list(made) == ["web-health.service", "web-health.timer"]
    timer = settings(made["web-health.timer"])
    assert (timer["OnActiveSec"], timer["OnUnitInactiveSec"], timer["BindsTo"]) == ("60s", "5s", "web.service")
    line = commands(made["web-health.service"], "ExecStart", {"t": "/run"})[0]
    assert line[:2] == ["/bin/sh", "-c"]
    limit = ["timeout", "-k", "10", "0.500000000"]
    assert line[3:] == ["/run/bundler-web/failed-checks", "2", *limit, "runc", "exec", "web", "/c"]


def test_the_service_fails_with_the_third_failure_in_a_row(tmp_path: Path) -> None:
    check = Health(command=("/c",), interval=S, timeout=S, start_period=0, retries=3)
    unit = health_units(Placing(name="web", directory="/b"), check)["web-health.service"]
    line = commands(unit, "ExecStart", {"t": str(tmp_path)})[0]
    (tmp_path / "bundler-web").mkdir()
    before_the_runtime = line[: line.index("runc")]

    def look(outcome: str) -> int:
        return subprocess.run([*before_the_runtime, outcome], check=False, stderr=subprocess.DEVNULL).returncode

    outcomes = ["false", "false", "true", "false", "false", "false", "false", "true"]
    assert [look(outcome) for outcome in outcomes] == [0, 0, 0, 0, 0, 1, 1, 0]
