"""The units of a bundle under a real systemd: started, looked at and stopped as Docker would."""

import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.booted import Booted, booted, systemd_root
from tests.support.command import bundler
from tests.support.waiting import awaited, wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("debootstrap", "umoci", "apt-get", "nsenter", "unshare", "ip")]
RUNTIMES = ("runc", "crun")
WAITING = "trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
CAP_SYS_RESOURCE = 24
IN_VAIN = {"SigIgn": "0000000000000000"}


@pytest.fixture(scope="module")
def machine(debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted(systemd_root(debian, cache, tmp_path_factory.mktemp("systemd"))) as up:
        yield up


@pytest.fixture(autouse=True)
def nothing_is_left_for_the_next(machine: Booted) -> Iterator[None]:
    yield
    machine.stop("s[0-9]*")


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def service(machine: Booted, golden: Path, runtime: str, options: tuple[str, ...] = (), **overrides: Any) -> str:
    """A bundle on the machine, built with these options, and its units; gives the name of the service."""
    name = f"s{time.monotonic_ns()}"
    file = machine.root / f"srv/bundles/{name}.yaml"
    file.write_text(
        json.dumps(
            {"entrypoint": [], "user": "0", "stop_signal": "SIGTERM", "healthcheck": {"disable": True}} | overrides
        )
    )
    bundle = machine.root / "srv/bundles" / name
    bundler("build", f"docker-archive:{golden}:golden/full:1", "--overrides", file, "--output", bundle, *options)
    machine.add_units(bundle, "--name", name, "--runtime", runtime)
    return name


@pytest.fixture
def golden(golden_archives: dict[str, Path]) -> Path:
    return golden_archives["docker28"]


def test_a_stop_is_one_in_order(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING])
    for times in range(1, 4):
        machine.must("systemctl", "start", name)
        machine.wait_for_line(name, "ready", times)
        machine.must("systemctl", "stop", name)
        assert machine.shown(name, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
        assert machine.journal(name) == ["ready", "ended"] * times


@pytest.mark.parametrize("started", [True, False], ids=["right after the start", "while the container is being made"])
def test_an_early_stop_reaches_the_container(machine: Booted, golden: Path, runtime: str, *, started: bool) -> None:
    """It has no PID namespace: the first process of one is deaf to each signal that it has set no trap for as yet."""
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING], stop_grace_period="5m", pid="host")
    for _ in range(5):
        machine.must("systemctl", "start", *([] if started else ["--no-block"]), name)
        wait_until(lambda: machine.shown(name, "MainPID")["MainPID"] != "0")
        machine.must("systemctl", "stop", name)
        assert machine.shown(name, "Result")["Result"] == "success"  # and no time that has run out
    assert machine.journal(name).count("ended") >= machine.journal(name).count("ready")


def test_a_stop_before_the_runtime_is_there_is_one_in_order(machine: Booted, golden: Path) -> None:
    """A shell that the signal ends would fail the service, and leave others behind."""
    name = service(machine, golden, "runc", command=["sleep", "1000"], stop_signal="SIGUSR1", pid="host")
    first = machine.root / "usr/local/sbin/mkfifo"
    first.write_text('#!/bin/sh\nkill -s USR1 "$PPID"\nexec /usr/bin/mkfifo "$@"\n')
    first.chmod(0o755)
    try:
        machine("systemctl", "start", name)
        machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    finally:
        first.unlink()
    assert machine.shown(name, "Result")["Result"] == "success"


def test_a_check_under_way_does_not_keep_the_service_from_stopping(machine: Booted, golden: Path, runtime: str) -> None:
    check = {"test": ["CMD", "true"], "interval": "10ms"}
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING], healthcheck=check)
    for _ in range(5):
        machine.must("systemctl", "start", name)
        time.sleep(0.3)
        machine.must("systemctl", "stop", name)  # which fails where the job is cancelled
        assert machine.shown(name, "ActiveState")["ActiveState"] == "inactive"
    assert machine(runtime, "state", name).exit_code != 0


def test_checks_fail_only_where_there_is_a_container_that_is_not_well(
    machine: Booted, golden: Path, runtime: str
) -> None:
    check = {"test": ["CMD", "false"], "interval": "50ms", "retries": 2}
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING], healthcheck=check)
    machine.must("systemctl", "start", f"{name}-health.service")
    assert machine.shown(f"{name}-health", "ConditionResult")["ConditionResult"] == "no"
    machine.must("systemctl", "start", name)
    machine.wait_for_property(f"{name}-health", "Result", "exit-code")
    machine.must("systemctl", "restart", name)
    assert machine.shown(f"{name}-health.timer", "ActiveState")["ActiveState"] == "active"
    machine.wait_for_property(f"{name}-health", "Result", "exit-code")
    machine.must("systemctl", "stop", name)
    assert machine.shown(f"{name}-health", "ActiveState")["ActiveState"] == "inactive"


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
    machine: Booted, golden: Path, runtime: str, overrides: dict[str, Any]
) -> None:
    rights = "Uid|Gid|Cap|NoNewPrivs|Seccomp"  # which is two lines
    check = {"test": f"for p in 1 $$; do grep -E '{rights}' /proc/$p/status; readlink /proc/$p/cwd; done"}
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING], healthcheck=check, **overrides)
    machine.must("systemctl", "start", name)
    machine.must("systemctl", "start", f"{name}-health.service")
    machine.must("systemctl", "stop", name)
    lines = machine.journal(f"{name}-health")
    of_the_container, of_the_check = lines[:11], lines[11:]
    assert len(of_the_container) == 11
    assert of_the_check == of_the_container


def test_a_container_opens_its_output_as_a_file_whoever_it_is(machine: Booted, golden: Path, runtime: str) -> None:
    command = ["sh", "-c", "echo one >/dev/stdout; echo two >/dev/stderr; echo three"]
    name = service(machine, golden, runtime, command=command, user="1000:1000")
    machine("systemctl", "start", name)
    machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    assert sorted(machine.journal(name)) == ["one", "three", "two"]  # runc has a pipe for each of the two


def test_a_container_inherits_no_signal_that_is_ignored(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, command=["cat", "/proc/self/status"])
    machine("systemctl", "start", name)
    machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    status = dict(line.split(":\t", 1) for line in machine.journal(name))
    assert {key: status[key] for key in IN_VAIN} == IN_VAIN


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["/none"], 127),
        (["none"], 127),
        (["/etc/passwd"], 126),
        (["/etc"], 126),
        (["/bin/sh/x"], 127),
        (["sh", "-c", "exit 7"], 7),
    ],
    ids=str,
)
def test_exit_codes_are_those_of_docker(
    machine: Booted, golden: Path, runtime: str, command: list[str], code: int
) -> None:
    name = service(machine, golden, runtime, command=command)
    machine("systemctl", "start", name)
    machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    assert machine.shown(name, "ExecMainStatus")["ExecMainStatus"] == str(code)
    assert (code == 7) != bool(machine.journal(name))  # where the runtime says why


def most(limit: int, wanted: int) -> str:
    """What systemd can give: not more than it has itself, unless it has the capability for that."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    _, hard = resource.getrlimit(limit)
    may_raise = int(status["CapEff"], 16) >> CAP_SYS_RESOURCE & 1 or hard == resource.RLIM_INFINITY
    if not may_raise and (wanted == resource.RLIM_INFINITY or wanted > hard):
        wanted = hard
    return "unlimited" if wanted == resource.RLIM_INFINITY else str(wanted)


def test_limits_are_those_of_docker_but_for_what_the_bundle_says(machine: Booted, golden: Path, runtime: str) -> None:
    docker = {
        "Max open files": most(resource.RLIMIT_NOFILE, 1048576),
        "Max processes": most(resource.RLIMIT_NPROC, resource.RLIM_INFINITY),
        "Max core file size": most(resource.RLIMIT_CORE, resource.RLIM_INFINITY),
    }
    for ulimits, own in (({}, {}), ({"nofile": 2048}, {"Max open files": "2048"})):
        name = service(machine, golden, runtime, command=["cat", "/proc/self/limits"], ulimits=ulimits)
        machine("systemctl", "start", name)
        machine.wait_for_property(name, "ActiveState", "inactive", "failed")
        hard = {line[:26].strip(): line[26:].split()[1] for line in machine.journal(name)}
        assert {name: hard[name] for name in docker} == docker | own


def test_nothing_is_left_after_many_starts(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, command=["sh", "-c", "exit 3"])
    for _ in range(10):
        machine("systemctl", "start", name)
        machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    assert machine("ls", f"/run/bundler-{name}").exit_code != 0
    assert name not in machine.must("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


def test_systemd_has_nothing_to_complain_of(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, command=["sh", "-c", WAITING], healthcheck={"test": ["CMD", "true"]})
    done = machine("systemd-analyze", "verify", "--man=no", f"/etc/systemd/system/{name}.service")
    assert (done.exit_code, done.stderr) == (0, "")


AS_IMAGE = ("--rootfs", "erofs")
WRITING = "cat /counted 2>/dev/null; echo x >>/counted; " + WAITING


def left(machine: Booted, name: str) -> str:
    """Mounts of the service's bundle, in any namespace there, and loop devices, once the kernel has let go of them."""
    look = f"grep -h {name}/rootfs /proc/[0-9]*/mountinfo 2>/dev/null; losetup --all --output BACK-FILE | grep {name}/"
    awaited(lambda: machine("sh", "-c", look).stdout == "")
    return machine("sh", "-c", look).stdout


def test_an_image_is_mounted_for_its_container_alone(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, AS_IMAGE, command=["sh", "-c", WRITING])
    machine.must("systemctl", "start", name)
    machine.wait_for_line(name, "ready")
    assert machine.must(runtime, "exec", name, "cat", "/counted") == "x\n"
    assert f"{name}/rootfs" not in machine.must("cat", "/proc/1/mountinfo")
    machine.must("systemctl", "stop", name)
    assert machine.shown(name, "Result")["Result"] == "success"
    assert left(machine, name) == ""
    bundler("verify", "--deep", machine.root / "srv/bundles" / name)


def test_of_20_restarts_nothing_is_lost_and_nothing_is_left(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, AS_IMAGE, command=["sh", "-c", WRITING], restart="always")
    machine.must("systemctl", "start", name)
    for _ in range(20):
        machine.must("systemctl", "restart", name)
    machine.must("systemctl", "stop", name)
    counted = machine.root / "srv/bundles" / name / "upper/rootfs/counted"
    assert counted.read_text() == "x\n" * machine.journal(name).count("ready")
    assert left(machine, name) == ""


@pytest.mark.parametrize(("restart", "ends"), [("always", False), ("on-failure", False), ("no", True)])
@pytest.mark.parametrize("killed", ["the container", "the service's own process"])
def test_what_is_killed_leaves_no_mount_and_loses_nothing(
    machine: Booted, golden: Path, runtime: str, killed: str, restart: str, *, ends: bool
) -> None:
    more = {"restart": restart, "stop_grace_period": "2s"}
    name = service(machine, golden, runtime, AS_IMAGE, command=["sh", "-c", WRITING], **more)
    machine.must("systemctl", "start", name)
    machine.wait_for_line(name, "ready")
    if killed == "the container":
        machine.must(runtime, "kill", name, "KILL")
    else:
        machine.must("systemctl", "kill", "--kill-who=main", "--signal=KILL", name)
    if ends:
        machine.wait_for_property(name, "ActiveState", "inactive", "failed")
        machine.must("systemctl", "start", name)
    machine.wait_for_line(name, "x")  # which the first one wrote, and the second one reads
    machine.must("systemctl", "stop", name)
    assert left(machine, name) == ""


def test_a_read_only_image_keeps_nothing(machine: Booted, golden: Path, runtime: str) -> None:
    command = ["sh", "-c", "echo x >/new || echo refused"]
    name = service(machine, golden, runtime, AS_IMAGE, command=command, read_only=True)
    machine.must("systemctl", "start", name)
    machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    assert "refused" in machine.journal(name)
    assert not (machine.root / "srv/bundles" / name / "upper").exists()
    assert left(machine, name) == ""


def test_a_changed_image_is_not_mounted(machine: Booted, golden: Path, runtime: str) -> None:
    name = service(machine, golden, runtime, AS_IMAGE, command=["true"])
    with (machine.root / "srv/bundles" / name / "rootfs.erofs").open("r+b") as image:
        image.seek(5000)
        image.write(b"changed")
    machine("systemctl", "start", name)
    machine.wait_for_property(name, "ActiveState", "inactive", "failed")
    assert machine.shown(name, "ExecMainStatus")["ExecMainStatus"] == "125"
    assert any("rootfs.erofs is not what was built" in line for line in machine.journal(name))
    assert left(machine, name) == ""


def test_what_was_written_to_an_image_is_there_after_a_power_cut(
    debian: Path, cache: Path, tmp_path: Path, golden: Path
) -> None:
    root = systemd_root(debian, cache, tmp_path)
    with booted(root) as first:
        name = service(first, golden, "runc", AS_IMAGE, command=["sh", "-c", WRITING])
        first.must("systemctl", "enable", "--now", name)
        first.wait_for_line(name, "ready")
    with booted(root) as second:
        second.wait_for_line(name, "x")
        second.must("systemctl", "stop", name)
        assert left(second, name) == ""


def test_a_service_outlives_the_journal_that_keeps_its_newest_lines(machine: Booted, golden: Path) -> None:
    script = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo $i of many; done; echo written; " + WAITING
    name = service(machine, golden, "runc", command=["sh", "-c", script])
    bounds = ("Storage=volatile", "RuntimeMaxUse=4M", "RuntimeMaxFileSize=1M", "RateLimitBurst=0")
    (machine.root / "etc/systemd/journald@small.conf").write_text("\n".join(["[Journal]", *bounds]))
    drop_in = machine.root / f"etc/systemd/system/{name}.service.d/journal.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nLogNamespace=small\n")
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", name)
    journal = ("journalctl", "--namespace=small", "--no-pager", "--output=cat")
    wait_until(lambda: "ready" in machine.must(*journal, "--lines=5").splitlines())
    kept = [line for line in machine.must(*journal).splitlines() if line.endswith(" of many")]
    assert 0 < len(kept) < 20000
    assert kept[-1] == "20000 of many"
    machine.must("systemctl", "stop", name)
    assert machine.shown(name, "Result")["Result"] == "success"
