"""The units of a project under a real systemd: order, conditions, failures that name what has failed."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.booted import Booted, booted, systemd_root
from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import file, symlink, tarball

pytestmark = [pytest.mark.root, pytest.mark.tool("debootstrap", "umoci", "apt-get", "nsenter", "unshare", "ip")]
WAITING = "trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
COMPLETED = "service_completed_successfully"
CHECK = {"test": ["CMD", "test", "-e", "/ready"], "interval": "200ms", "retries": 1000}


@pytest.fixture(scope="module")
def machine(debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted(systemd_root(debian, cache, tmp_path_factory.mktemp("systemd"))) as up:
        yield up


@pytest.fixture(autouse=True)
def nothing_is_left_for_the_next(machine: Booted) -> Iterator[None]:
    yield
    machine.stop("p[0-9]*", "kit[0-9]*")


@pytest.fixture
def golden(golden_archives: dict[str, Path]) -> Path:
    return golden_archives["docker28"]


def project(machine: Booted, golden: Path, **services: dict[str, Any]) -> str:
    """A project on the machine, and its units; gives its name."""
    name = f"p{time.monotonic_ns()}"
    image = f"docker-archive:{golden}:golden/full:1"
    common = {"image": image, "network_mode": "none", "entrypoint": [], "user": "0", "stop_signal": "SIGTERM"}
    whole = {service: {"healthcheck": {"disable": True}, **common, **keys} for service, keys in services.items()}
    file = machine.root / f"srv/bundles/{name}.yaml"
    file.write_text(json.dumps({"name": name, "services": whole, "volumes": {"rows": None}}))
    bundler("project", file, "-q", "--output", machine.root / "srv/bundles" / name)
    machine.add_units(machine.root / "srv/bundles" / name, "--runtime", "runc")
    return name


def states(machine: Booted, name: str, *services: str) -> dict[str, str]:
    return {service: machine.shown(f"{name}-{service}", "SubState")["SubState"] for service in services}


def times(machine: Booted, name: str, *services: str) -> list[float]:
    key = "ExecMainStartTimestampMonotonic"
    return [float(machine.shown(f"{name}-{service}", key)[key]) for service in services]


def stop(machine: Booted, name: str) -> None:
    """All in order, by the target; the services that are named behind it are waited for."""
    machine.must("systemctl", "stop", f"{name}.target", f"{name}-*")


def containers(machine: Booted, name: str) -> list[str]:
    """Those that runc knows of a project, running or not."""
    return [each for each in machine.must("runc", "list", "-q").split() if each.startswith(f"{name}-")]


def test_a_project_starts_in_order_and_stops_in_reverse(machine: Booted, golden: Path) -> None:
    name = project(
        machine,
        golden,
        proxy={"command": ["sh", "-c", WAITING], "depends_on": ["web"]},
        web={
            "command": ["sh", "-c", "cat /rows/mark; " + WAITING],
            "volumes": ["rows:/rows"],
            "depends_on": {"db": {"condition": "service_healthy"}, "seed": {"condition": COMPLETED}},
        },
        seed={
            "command": ["sh", "-c", "sleep 1; echo seeded >/rows/mark"],
            "volumes": ["rows:/rows"],
            "depends_on": {"db": {"condition": "service_healthy"}},
        },
        db={"command": ["sh", "-c", "sleep 1; echo >/ready; " + WAITING], "healthcheck": CHECK},
    )
    order = ("db", "seed", "web", "proxy")
    for times_ready in (1, 2):
        machine.must("rm", "-f", f"/srv/bundles/{name}/db/rootfs/ready", f"/srv/bundles/{name}/volumes/rows/mark")
        machine.must("systemctl", "start", f"{name}.target")
        for service in ("db", "web", "proxy"):  # before that, it would be deaf to a stop
            machine.wait_for_line(f"{name}-{service}", "ready", times_ready)
        assert states(machine, name, *order) == {
            "db": "running",
            "seed": "exited",
            "web": "running",
            "proxy": "running",
        }
        started = times(machine, name, *order)
        assert started == sorted(started)
        assert machine.journal(f"{name}-web")[-2:] == ["seeded", "ready"]
        stop(machine, name)
        assert set(states(machine, name, *order).values()) == {"dead"}
        ended = [
            float(machine.shown(f"{name}-{service}", "InactiveEnterTimestampMonotonic").popitem()[1])
            for service in ("proxy", "web", "db")
        ]
        assert ended == sorted(ended)
    assert containers(machine, name) == []


@pytest.mark.parametrize(
    ("db", "condition", "why"),
    [
        ({"command": ["sh", "-c", "exit 3"]}, COMPLETED, "has failed"),
        ({"command": ["sh", "-c", "exit 143"]}, COMPLETED, "has ended with exit code 143"),
        (
            {"command": ["sh", "-c", WAITING], "healthcheck": {"test": "exit 1", "interval": "50ms", "retries": 2}},
            "service_healthy",
            "is unhealthy: its health check has failed (retries: 2)",
        ),
        ({"command": ["true"], "healthcheck": CHECK}, "service_healthy", "has ended"),
        ({"command": ["/none"]}, "service_started", "has failed"),
    ],
)
def test_what_needs_a_failing_one_does_not_start_and_names_it(
    machine: Booted, golden: Path, db: dict[str, Any], condition: str, why: str
) -> None:
    name = project(
        machine,
        golden,
        db=db,
        web={"command": ["sh", "-c", WAITING], "depends_on": {"db": {"condition": condition}}},
        proxy={"command": ["sh", "-c", WAITING], "depends_on": ["web"]},
        other={"command": ["sh", "-c", WAITING], "depends_on": {"db": {"condition": condition, "required": False}}},
    )
    machine.must("systemctl", "start", f"{name}.target")
    assert states(machine, name, "web", "proxy", "other") == {"web": "failed", "proxy": "failed", "other": "running"}
    gate = {"service_started": "started", "service_healthy": "healthy", COMPLETED: "completed"}[condition]
    assert machine.journal(f"{name}-db-{gate}")[0] == f"bundler: error: {name}-db {why}"
    words = {"started": "has not started", "healthy": "is not healthy", "completed": "has not completed"}[gate]
    assert machine.journal(f"{name}-web")[0] == f"bundler: error: not started, since {name}-db {words}"
    assert machine.journal(f"{name}-proxy")[0] == f"bundler: error: not started, since {name}-web has not started"


def test_what_is_started_again_until_it_is_well_is_waited_for(machine: Booted, golden: Path) -> None:
    script = "echo >>/rows/n; sleep 0.2; [ $(wc -l </rows/n) -gt 2 ] || exit 1; echo >/ready; " + WAITING
    name = project(
        machine,
        golden,
        db={"command": ["sh", "-c", script], "volumes": ["rows:/rows"], "healthcheck": CHECK, "restart": "always"},
        web={"command": ["sh", "-c", WAITING], "depends_on": {"db": {"condition": "service_healthy"}}},
    )
    machine.must("systemctl", "start", f"{name}.target")
    assert states(machine, name, "db", "web") == {"db": "running", "web": "running"}
    stop(machine, name)


@pytest.mark.parametrize("condition", ["service_started", "service_healthy"])
def test_what_can_never_start_is_not_waited_for_although_it_is_tried_again(
    machine: Booted, golden: Path, condition: str
) -> None:
    waiting = {"command": ["sh", "-c", WAITING]}
    name = project(
        machine,
        golden,
        db={**waiting, "healthcheck": CHECK, "restart": "always"},
        web={**waiting, "depends_on": {"db": {"condition": condition}}},
    )
    (machine.root / f"srv/bundles/{name}/db/config.json").unlink()
    machine.must("systemctl", "start", f"{name}.target")
    assert states(machine, name, "web") == {"web": "failed"}
    gate = condition.removeprefix("service_")
    assert machine.journal(f"{name}-db-{gate}")[0] == f"bundler: error: {name}-db cannot start"


def test_what_waited_in_vain_comes_up_as_its_policy_says(machine: Booted, golden: Path) -> None:
    check = {"test": ["CMD", "test", "-e", "/ready"], "interval": "50ms", "retries": 2}
    name = project(
        machine,
        golden,
        db={"command": ["sh", "-c", WAITING], "healthcheck": check},
        web={
            "command": ["sh", "-c", WAITING],
            "restart": "always",
            "depends_on": {"db": {"condition": "service_healthy"}},
        },
    )
    machine.must("systemctl", "start", f"{name}.target")
    assert states(machine, name, "web")["web"] != "running"
    machine.must("runc", "exec", f"{name}-db", "sh", "-c", "echo >/ready")
    machine.wait_for_line(f"{name}-web", "ready")
    stop(machine, name)


def test_a_later_end_of_one_is_its_own_but_for_restart_true(machine: Booted, golden: Path) -> None:
    waiting = {"command": ["sh", "-c", WAITING]}
    name = project(
        machine,
        golden,
        db={**waiting, "restart": "always"},
        web={**waiting, "depends_on": ["db"]},
        tied={**waiting, "depends_on": {"db": {"condition": "service_started", "restart": True}}},
    )
    machine.must("systemctl", "start", f"{name}.target")
    for service in ("db", "web", "tied"):
        machine.wait_for_line(f"{name}-{service}", "ready")
    (web,) = times(machine, name, "web")
    machine.must("systemctl", "kill", "--kill-who=main", "--signal=KILL", f"{name}-db")
    machine.wait_for_line(f"{name}-db", "ready", times=2)
    machine.wait_for_line(
        f"{name}-tied", "ready", times=2
    )  # compose would leave it alone here; systemd has no such word
    machine.must("systemctl", "restart", f"{name}-db")
    machine.wait_for_line(f"{name}-tied", "ready", times=3)
    assert times(machine, name, "web") == [web]
    machine.must("systemctl", "stop", f"{name}-db")
    assert states(machine, name, "web", "tied") == {"web": "running", "tied": "dead"}
    stop(machine, name)


SERVING = "echo $$WORD >/www/word; exec busybox httpd -f -h /www"
ASKING = "busybox wget -qO- http://db/word 2>&1; cat /rows/kept; echo since >/rows/kept; " + WAITING


ANSWERING = {**CHECK, "test": ["CMD", "busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/word"]}


def carried(machine: Booted, folder: Path, name: str, word: str) -> str:
    """A kit of the project `name`, on the machine and nowhere else; gives its script."""
    busybox = Path("/bin/busybox").read_bytes()
    links = (symlink(f"bin/{applet}", "busybox") for applet in ("sh", "cat", "sleep"))
    layer = tarball(file("bin/busybox", busybox, 0o755), *links, file("www/index.html"), file("rows/kept", "new\n"))
    write_archive(folder / "image.tar", layout_files({"1": sample(layer)}))
    services = {
        "db": {"command": ["sh", "-c", SERVING], "environment": {"WORD": word}, "healthcheck": ANSWERING},
        "web": {
            "command": ["sh", "-c", ASKING],
            "volumes": ["rows:/rows"],
            "depends_on": {"db": {"condition": "service_healthy"}},
        },
    }
    image = {"image": str(folder / "image.tar"), "stop_signal": "SIGTERM", "stop_grace_period": "2s"}
    whole = {service: {**image, **keys} for service, keys in services.items()}
    (folder / "compose.yaml").write_text(json.dumps({"name": name, "services": whole, "volumes": {"rows": None}}))
    bundler("project", "-q", folder / "compose.yaml", "--rootfs", "erofs", "-o", folder / word)
    bundler("pack", folder / word, "--kit", "-o", folder / f"{word}-kit", "--runtime", "runc")
    subprocess.run(["cp", "-a", folder / f"{word}-kit", machine.root / "srv"], check=True)
    return f"/srv/{word}-kit/kit.sh"


@pytest.mark.tool("busybox")
def test_its_kit_is_all_that_a_machine_without_bundler_and_network_needs(machine: Booted, tmp_path: Path) -> None:
    name = f"kit{time.monotonic_ns()}"
    assert machine("sh", "-c", "command -v python3 || command -v bundler").exit_code != 0
    assert machine("ip", "route").stdout == ""
    script = carried(machine, tmp_path, name, "first")
    assert machine.must("sh", script, "install") == f"/srv/bundles/{name}\n"
    machine.must("systemctl", "start", f"{name}.target")
    machine.wait_for_line(f"{name}-web", "ready")
    assert machine.journal(f"{name}-web") == ["first", "new", "ready"]
    assert (machine.root / f"srv/bundles/{name}/db/rootfs.erofs").samefile(
        machine.root / f"srv/bundles/{name}/web/rootfs.erofs"
    )
    newer = carried(machine, tmp_path, name, "second")
    refused = machine("sh", newer, "upgrade")
    assert (refused.exit_code, f"systemctl stop {name}.target '{name}-*'" in refused.stderr) == (2, True)
    stop(machine, name)
    machine.must("sh", newer, "upgrade")
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", f"{name}.target")
    machine.wait_for_line(f"{name}-web", "ready", times=2)
    assert machine.journal(f"{name}-web")[-3:] == ["second", "since", "ready"]
    stop(machine, name)
    machine.must("sh", newer, "commit")
    assert containers(machine, name) == []
    assert [line.split()[1] for line in machine.must("ip", "-o", "link").splitlines()] == ["lo:"]
    bundler("verify", machine.root / f"srv/bundles/{name}")


def test_a_machine_that_boots_starts_the_project(debian: Path, cache: Path, tmp_path: Path, golden: Path) -> None:
    root = systemd_root(debian, cache, tmp_path)
    waiting = {"command": ["sh", "-c", WAITING]}
    with booted(root) as first:
        name = project(first, golden, db=waiting, web={**waiting, "depends_on": ["db"]})
        first.must("systemctl", "enable", f"{name}.target")
    with booted(root) as second:
        second.wait_for_line(f"{name}-web", "ready")
        stop(second, name)
        assert states(second, name, "db", "web") == {"db": "dead", "web": "dead"}


def test_a_stop_while_others_wait_and_look_leaves_nothing_failed(machine: Booted, golden: Path) -> None:
    waiting = {"command": ["sh", "-c", WAITING]}
    check = {"test": "trap '' TERM; sleep 0.3; exit 1", "interval": "10ms", "retries": 1000}
    name = project(
        machine,
        golden,
        db={**waiting, "healthcheck": check},
        web={**waiting, "depends_on": {"db": {"condition": "service_healthy"}}},
    )
    for times in range(1, 4):
        machine.must("systemctl", "start", "--no-block", f"{name}.target")
        machine.wait_for_line(f"{name}-db", "ready", times)
        stop(machine, name)
        assert machine.must("systemctl", "list-units", "--failed", "--plain", "--no-legend", f"{name}*") == ""
