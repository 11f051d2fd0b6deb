"""The lines of a bundle's units, called one by one: no systemd runs here, but its rules for words are known."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.runtime import call, program_of
from tests.support.systemd import commands, complaints, settings

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun")]
OVERRIDES = {
    "command": ["sh", "-c", "trap 'exit 0' USR1 WINCH; touch /tmp/well; echo ready; while :; do sleep 0.1; done"],
    "entrypoint": [],
    "stop_grace_period": "3s",
    "healthcheck": {"test": "test -e /tmp/well && echo $PATH", "retries": 2},
}


@pytest.fixture(params=[("runc", "SIGUSR1"), ("crun", "SIGUSR1"), ("runc", "SIGWINCH")], ids=" ".join)
def units(request: pytest.FixtureRequest, golden_archives: dict[str, Path], tmp_path: Path) -> Iterator[dict[str, str]]:
    runtime, stop_signal = request.param
    folder = tmp_path / "100% $HOME 'bundles'"  # which both systemd and shells would act on
    folder.mkdir()
    (tmp_path / "o.yaml").write_text(json.dumps(OVERRIDES | {"stop_signal": stop_signal}))
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    bundler("build", image, "--overrides", tmp_path / "o.yaml", "-o", folder / "b")
    program, name = program_of(runtime, tmp_path), f"bundler-unit-{os.getpid()}"
    shown = bundler("unit", folder / "b", "--name", name, "--runtime", program, "--json")
    yield {unit.rpartition(name)[2]: text for unit, text in json.loads(shown).items()}
    call([program, "delete", "--force", name])


def all_of(unit: str, key: str) -> None:
    for command in commands(unit, key):
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def started(service: str) -> "subprocess.Popen[bytes]":
    """What ExecStart is, without the capabilities that the service gives up."""
    all_of(service, "ExecStartPre")
    dropped = settings(service)["CapabilityBoundingSet"].removeprefix("~").lower().split()
    bounding = ",".join(f"-{name.removeprefix('cap_')}" for name in dropped)
    command = ["setpriv", f"--bounding-set={bounding}", *commands(service, "ExecStart")[0]]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, umask=0o077)
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    return running


def test_a_service_starts_is_well_and_stops(units: dict[str, str], tmp_path: Path) -> None:
    service, check = units[".service"], commands(units["-health.service"], "ExecStart", {"t": str(tmp_path)})[0]
    for directory in settings(service)["RuntimeDirectory"].split():
        (tmp_path / directory).mkdir()
    with started(service) as running:
        well = subprocess.run(check, check=False, capture_output=True, timeout=60)
        assert (well.returncode, well.stdout) == (0, b"/opt/app/bin:/usr/bin:/bin\n"), well.stderr
        enter = check[check.index("exec") - 1 : check.index(f"bundler-unit-{os.getpid()}") + 1]
        subprocess.run([*enter, "rm", "/tmp/well"], check=True, timeout=60)
        assert [subprocess.run(check, check=False, capture_output=True).returncode for _ in range(2)] == [0, 1]
        all_of(service, "ExecStop")
        number = signal.Signals[settings(service)["KillSignal"]]
        if running.poll() is None:
            running.send_signal(number)
        assert running.wait(timeout=60) == 0
    all_of(service, "ExecStopPost")


@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize(
    "overrides",
    [
        {"user": "1001:1002", "working_dir": "/srv/app", "no_new_privileges": True},
        {"user": "1001:1002", "working_dir": "/tmp", "ambient_caps": ["NET_BIND_SERVICE"], "cap_drop": ["ALL"]},
        {"user": "0:0", "working_dir": "/", "cap_drop": ["CHOWN", "SETUID"]},
    ],
    ids=["user", "ambient", "root"],
)
def test_a_check_has_the_rights_of_the_container_and_no_others(
    runtime: Literal["runc", "crun"], overrides: dict[str, Any], golden_archives: dict[str, Path], tmp_path: Path
) -> None:
    rights = "Uid|Gid|Cap|NoNewPrivs|Seccomp"  # which is two lines
    check = f"for p in 1 $$; do grep -E '{rights}' /proc/$p/status; readlink /proc/$p/cwd; done; echo"
    waiting = {"command": ["sh", "-c", "echo ready; while :; do sleep 0.1; done"], "entrypoint": []}
    (tmp_path / "o.yaml").write_text(json.dumps(waiting | overrides | {"healthcheck": {"test": check}}))
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    bundler("build", image, "--overrides", tmp_path / "o.yaml", "-o", tmp_path / "b")
    name, program = f"bundler-rights-{os.getpid()}", program_of(runtime, tmp_path)
    shown = bundler("unit", tmp_path / "b", "--name", name, "--runtime", program, "--json")
    units = {unit.rpartition(name)[2]: text for unit, text in json.loads(shown).items()}
    [command] = commands(units["-health.service"], "ExecStart", {"t": str(tmp_path)})
    for directory in settings(units[".service"])["RuntimeDirectory"].split():
        (tmp_path / directory).mkdir()
    with started(units[".service"]) as running:
        told = call(command).stdout.splitlines()
        call([program, "delete", "--force", name])
        running.wait(timeout=60)
    of_the_container, of_the_check = told[: len(told) // 2], told[len(told) // 2 : -1]
    assert len(of_the_container) == 11
    assert of_the_check == of_the_container


@pytest.mark.parametrize("units", [("runc", "SIGUSR1")], indirect=True)
def test_what_a_crash_leaves_is_removed_before_the_next_start(units: dict[str, str]) -> None:
    service = units[".service"]
    with started(service) as running:
        running.kill()
    with started(service) as running:
        all_of(service, "ExecStopPost")
        assert running.wait(timeout=60) == 137


def test_systemd_accepts_the_units_of_an_image(golden_archives: dict[str, Path], tmp_path: Path) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    bundler("build", image, "-o", tmp_path / "web")
    (tmp_path / "units").mkdir()
    done = call_bundler("unit", tmp_path / "web", "-o", tmp_path / "units")
    assert [Path(line).name for line in done.stdout.splitlines()] == [
        "web.service",
        "web-health.service",
        "web-health.timer",
    ]
    made = {path.name: path.read_text() for path in (tmp_path / "units").iterdir()}
    assert complaints(made, tmp_path / "units") == ""
    assert settings(made["web.service"])["KillSignal"] == "SIGQUIT"
    alone = call_bundler("unit", tmp_path / "web")
    assert alone.stdout == made["web.service"]
    assert "web-health.service and web-health.timer belong to it" in alone.stderr
    assert call_bundler("unit", tmp_path / "web", "-o", tmp_path / "units").returncode == 2
