"""`bundler run` of a project with a real runtime: the order of starts and stops, whose lines, which exit code."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.runtime import call
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc")]
UP = "trap 'echo bye; exit 0' TERM; echo up; "
FOR_EVER = "while :; do sleep 0.1; done"
WAITING = UP + FOR_EVER
DEAF = f"trap '' TERM; echo up; {FOR_EVER}"
ROWS = {"volumes": ["rows:/rows"]}
COMPLETED = {"condition": "service_completed_successfully"}
NAME = f"run{os.getpid()}"


def sh(script: str, **more: Any) -> dict[str, Any]:
    return {"entrypoint": [], "command": ["sh", "-c", script], "healthcheck": {"disable": True}, **more}


def until(*files: str) -> str:
    """A script that waits for files."""
    return "".join(f"until [ -e {file} ]; do sleep 0.1; done; " for file in files)


@contextmanager
def running(project: Path, *options: str, **more: Any) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """`bundler run` of the project, and the lines that it prints."""
    command: list[str | Path] = [installed(), "run", project, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, **more) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout
        finally:
            process.kill()


@pytest.fixture
def made(tmp_path: Path, golden_archives: dict[str, Path]) -> Iterator["Made"]:
    maker = Made(tmp_path, f"docker-archive:{golden_archives['docker28']}:golden/plain:1")
    yield maker
    left = [name for name in names() if name.startswith(NAME)]
    for name in left:
        call(["runc", "delete", "--force", name])
    assert left == []


class Made:
    """Projects of one image in a folder."""

    def __init__(self, folder: Path, image: str) -> None:
        self._folder, self._image = folder, image

    def __call__(self, *options: str, **services: dict[str, Any]) -> Path:
        whole = {
            name: {"image": self._image, "network_mode": "none", "user": "0", **service}
            for name, service in services.items()
        }
        (self._folder / "compose.yaml").write_text(
            json.dumps({"name": NAME, "services": whole, "volumes": {"rows": None}})
        )
        bundler("project", self._folder / "compose.yaml", "-q", "-o", self._folder / "made", *options)
        return self._folder / "made"


def names() -> list[str]:
    return call(["runc", "list", "-q"]).stdout.split()


def test_services_start_in_order_and_their_lines_are_told_apart(made: Made) -> None:
    check = {"test": ["CMD", "test", "-e", "/ready"], "interval": "200ms", "retries": 1000}
    needed = {"db": {"condition": "service_healthy"}, "seed": COMPLETED}
    shop = made(
        web=sh("echo web; echo >/rows/web", depends_on=needed, **ROWS),
        seed=sh("sleep 0.5; printf seeded"),
        db=sh(f"sleep 1; echo ready; echo >/ready; {until('/rows/web')}", healthcheck=check, **ROWS),
    )
    done = call_bundler("run", shop)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["db   | ready", "seed | seeded", "web  | web"]
    assert done.stdout.splitlines()[-1] == "web  | web"


def test_ctrl_c_stops_all_in_the_reverse_order(made: Made) -> None:
    shop = made(db=sh(WAITING), web=sh(WAITING, depends_on=["db"]), proxy=sh(WAITING, depends_on=["web"]))
    with running(shop) as (process, lines):
        assert {lines.readline() for _ in range(3)} == {"db    | up\n", "web   | up\n", "proxy | up\n"}
        process.send_signal(signal.SIGINT)
        assert lines.read() == "proxy | bye\nweb   | bye\ndb    | bye\n"
        assert process.wait() == 130


def test_a_second_signal_ends_all_at_once(made: Made) -> None:
    shop = made(one=sh(DEAF, stop_grace_period="10m"), two=sh(DEAF, depends_on=["one"], stop_grace_period="10m"))
    with running(shop) as (process, lines):
        assert {lines.readline() for _ in range(2)} == {"one | up\n", "two | up\n"}
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.readline() == "bundler: note: stopping; once more ends all at once\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143


def test_who_does_not_end_in_time_is_killed(made: Made) -> None:
    shop = made(one=sh(DEAF, stop_grace_period="2s"))
    with running(shop) as (process, lines):
        lines.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_the_first_failure_stops_the_others_and_is_the_exit_code(made: Made) -> None:
    shop = made(
        db=sh(f"{UP} echo >/rows/db; {FOR_EVER}", **ROWS),
        web=sh(f"{until('/rows/db', '/rows/other')} echo no >&2; exit 7", depends_on=["db"], **ROWS),
        other=sh(f"{UP} echo >/rows/other; {FOR_EVER}", **ROWS),
    )
    done = call_bundler("run", shop)
    assert done.returncode == 7
    assert done.stderr == "bundler: note: web has ended with exit code 7\n"
    assert sorted(done.stdout.splitlines()) == ["db    | bye", "db    | up", "other | bye", "other | up", "web   | no"]


@pytest.mark.parametrize(
    ("db", "interval", "condition", "sentence"),
    [
        ("echo out of order", "1h", "service_healthy", "web is not started, since db has ended with exit code 0"),
        ("while :; do sleep 1; done", "50ms", "service_healthy", "web is not started, since db is unhealthy"),
        ("exit 3", "1h", "service_completed_successfully", "db has ended with exit code 3"),
    ],
)
def test_what_can_never_start_is_told_with_its_reason(
    made: Made, db: str, interval: str, condition: str, sentence: str
) -> None:
    check = {"test": "echo not well; exit 1", "interval": interval, "retries": 2}
    shop = made(
        db=sh(db, healthcheck=check, stop_signal="KILL"),
        web=sh("echo web", depends_on={"db": {"condition": condition}}),
    )
    done = call_bundler("run", shop)
    assert done.returncode == (3 if "exit code 3" in sentence else 1)
    assert done.stderr == f"bundler: note: {sentence}\n"
    assert ("db  | not well" in done.stdout) == ("unhealthy" in sentence)
    assert "web | " not in done.stdout


def test_what_cannot_run_is_told_before_anything_is_started(made: Made, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    shop = made(db=sh("echo started"), web=sh("echo", volumes=[f"{tmp_path}/there:/x"], depends_on=["db"]))
    (tmp_path / "there").rmdir()
    done = call_bundler("run", shop)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is not there, which is to be mounted at /x" in done.stderr


def test_output_that_no_one_reads_any_more_ends_all(made: Made) -> None:
    shop = made(db=sh("while :; do echo x; sleep 0.05; done", stop_signal="KILL"))
    with running(shop) as (process, lines):
        lines.readline()
        lines.close()
        assert process.wait() == 128 + signal.SIGPIPE


def test_a_terminal_gets_colours_unless_it_wants_none(made: Made) -> None:
    shop = made(db=sh("echo up"))
    for variables, line in (({}, b"\x1b[36mdb | \x1b[0mup"), ({"NO_COLOR": "1"}, b"db | up")):
        ours, its = pty.openpty()
        environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **variables}
        subprocess.run([installed(), "run", shop], stdout=its, env=environment, check=True)
        os.close(its)
        assert os.read(ours, 1 << 10).strip() == line
        os.close(ours)


def test_volumes_are_shared_and_images_are_mounted_for_each(made: Made) -> None:
    shop = made(
        "--rootfs=erofs",
        one=sh("echo of one >/data/file; echo done", volumes=["rows:/data"]),
        two=sh("cat /data/file; echo x >/new", volumes=["rows:/data"], depends_on={"one": COMPLETED}),
    )
    document = json.loads((shop / "project.json").read_text())
    assert document["volumes"] == ["rows"]
    done = call_bundler("run", shop)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["one | done", "two | of one"])


def test_a_service_joins_namespaces_that_another_one_makes_when_it_starts(made: Made) -> None:
    telling = "cat /dev/shm/mark; [ $$$$ = 1 ] || echo not the first"
    at_last = "while kill -0 $$(cat /dev/shm/web); do sleep 0.1; done 2>/dev/null"  # its end would kill the other
    shop = made(
        web=sh(
            f"echo $$$$ >/dev/shm/x; {until('/dev/shm/mark')} {telling}; mv /dev/shm/x /dev/shm/web",
            ipc="service:db",
            pid="service:db",
        ),
        db=sh(f"echo of db >/dev/shm/y; mv /dev/shm/y /dev/shm/mark; {until('/dev/shm/web')} {at_last}"),
    )
    done = call_bundler("run", shop)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("web")] == [
        "web | of db",
        "web | not the first",
    ]


def test_restart_policies_are_for_systemd(made: Made) -> None:
    done = call_bundler("run", made(web=sh("echo once", restart="always")))
    assert (done.returncode, done.stdout) == (0, "web | once\n")
    assert done.stderr.startswith("bundler: note: web: nothing is started again here")


@pytest.mark.parametrize("words", [("--id", "x"), ("-d",), ("--dry-run",), ("-t",), ("-i",), ("--pid-file", "p")])
def test_what_is_about_one_container_is_refused(made: Made, words: tuple[str, ...]) -> None:
    shop = made(web=sh("echo"))
    done = call_bundler("run", *words, shop)
    assert done.returncode == 2
    assert f"{shop} is a project" in done.stderr
    done = call_bundler("run", shop, "id")
    assert (done.returncode, "ARGS" in done.stderr) == (2, True)


def test_a_runtime_and_its_states_can_be_others(made: Made, tmp_path: Path) -> None:
    shop = made(db=sh(WAITING))
    with running(shop, "--runtime", "runc", "--root", str(tmp_path / "states")) as (process, lines):
        lines.readline()
        listed = call(["runc", "--root", tmp_path / "states", "list", "-q"]).stdout.split()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert listed == [f"{NAME}-db"]


def test_a_run_that_is_killed_leaves_what_the_next_one_says(made: Made, tmp_path: Path) -> None:
    shop = made(db=sh(WAITING))
    with running(shop, env={**os.environ, "TMPDIR": str(tmp_path)}) as (process, lines):
        lines.readline()
        process.kill()
        process.wait()
        done = call_bundler("run", shop)
        assert (done.returncode, f"there is a container {NAME}-db already" in done.stderr) == (2, True)
        call(["runc", "delete", "--force", f"{NAME}-db"])
    wait_until(lambda: f"{NAME}-db" not in names())


@pytest.mark.parametrize("rootfs", ["dir", "erofs"])
def test_one_that_has_run_is_packed_and_unpacked_with_what_it_has_written(
    made: Made, tmp_path: Path, rootfs: str
) -> None:
    writing = sh("echo x >>/rows/written; cat /rows/written", volumes=["rows:/rows"])
    shop = made("--rootfs", rootfs, db=writing, web=writing | {"depends_on": {"db": COMPLETED}})
    for times in (1, 2):
        assert call_bundler("run", shop).stdout.count("x") == 4 * times - 1
        bundler("verify", shop)
        packed, again = tmp_path / f"{times}.tar.zst", tmp_path / f"again{times}"
        bundler("pack", shop, "-o", packed)
        bundler("verify", packed)
        bundler("unpack", packed, "-o", again)
        bundler("verify", again)
        assert (again / "volumes/rows/written").read_text() == "x\n" * 2 * times
        shop = again
