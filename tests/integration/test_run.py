"""`bundler run` with real runtimes: what goes in, what comes out, and what is left."""

import json
import os
import pty
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.images.platform import Platform
from bundler.pipeline import build
from bundler.request import BuildRequest
from bundler.running.start import RunRequest, prepare
from tests.support.command import bundler, call_bundler, installed
from tests.support.dialogue import dialogue
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import Name, call, command_of, program_of, wait_until_known
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun")]
WAITING = "trap 'exit 9' TERM; echo x >/new; echo ready; while :; do sleep 0.1; done"
BOTH = pytest.mark.parametrize("runtime", ["runc", "crun"], indirect=True)


@pytest.fixture(scope="module")
def bundle(golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "o.yaml").write_text(json.dumps({"command": ["sh", "-c", WAITING]}))
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    bundler("build", image, "--overrides", folder / "o.yaml", "-o", folder / "b")
    return folder / "b"


@pytest.fixture
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return program_of(request.param, tmp_path)


@pytest.fixture
def name(runtime: str) -> Iterator[str]:
    name = f"bundler-run-{os.getpid()}"
    yield name
    call([runtime, "delete", "--force", name])


def words(bundle: Path, runtime: str, name: str, *more: str) -> list[str | Path]:
    return ["run", "--runtime", runtime, "--id", name, bundle, *more]


def untouched(bundle: Path) -> bool:
    assert not [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(bundle.parent) in line]
    return call_bundler("verify", bundle).stdout == ""


@BOTH
def test_input_output_and_exit_code_pass_through(bundle: Path, runtime: str, name: str) -> None:
    script = "cat; echo oops >&2; rm /bin/cat; exit 7"
    done = call_bundler(*words(bundle, runtime, name, "--ephemeral", "--", "sh", "-c", script), stdin=b"in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\n", "oops\n")
    assert untouched(bundle)


@BOTH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 9), (signal.SIGKILL, -9)])
def test_a_signal_goes_to_the_container_and_nothing_is_left(
    bundle: Path, runtime: str, name: str, number: int, code: int
) -> None:
    command = [installed(), *map(str, words(bundle, runtime, name, "--ephemeral"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        wait_until_known([runtime], name)
        running.send_signal(number)  # there is no bundler any more, only the runtime
        assert running.wait() == code
        call([runtime, "delete", "--force", name])
    assert untouched(bundle)


@BOTH
def test_a_container_in_the_background_keeps_its_name_until_it_is_deleted(
    bundle: Path, runtime: str, name: str, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    with (tmp_path / "out").open("wb") as out:
        command = words(bundle, runtime, name, "-d", "--ephemeral", "--pid-file", str(pid_file))
        done = subprocess.run([installed(), *command], stdout=out, stderr=out, check=False)
    assert done.returncode == 0, (tmp_path / "out").read_text()
    again = call_bundler(*words(bundle, runtime, name))
    assert (again.returncode, again.stdout) == (2, "")
    assert f"there is a container {name} already, and it is running" in again.stderr
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    wait_until(lambda: json.loads(call([runtime, "state", name]).stdout)["status"] == "stopped")
    assert "--rm deletes" in call_bundler(*words(bundle, runtime, name)).stderr
    assert call_bundler(*words(bundle, runtime, name, "--rm", "--ephemeral", "--", "true")).returncode == 0
    assert untouched(bundle)


@BOTH
def test_a_terminal_is_given_for_one_run(bundle: Path, runtime: str, name: str) -> None:
    script = "trap 'exit 5' INT; tty; echo $TERM; while :; do sleep 0.1; done"
    command = [installed(), *map(str, words(bundle, runtime, name, "-it", "--ephemeral", "--", "sh", "-c", script))]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)  # noqa: S606
    seen = b""
    while b"xterm" not in seen:
        seen += os.read(terminal, 4096)
    assert b"/dev/pts/0" in seen
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    os.close(terminal)
    assert untouched(bundle)


@BOTH
def test_a_shell_of_docker_run_it_moves_with_its_terminal(
    golden_archives: dict[str, Path], runtime: str, name: str, tmp_path: Path
) -> None:
    line = ("--", "-it", "--hostname", "desk", "--device", "/dev/fuse:/dev/own:r", "golden/plain:1", "sh")
    (tmp_path / "o.yaml").write_text(bundler("overrides", "from-docker-run", *line))
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    bundler("build", image, "--overrides", tmp_path / "o.yaml", "-o", tmp_path / "b")
    command = [installed(), *words(tmp_path / "b", runtime, name)]
    with dialogue(command, tmp_path, {"TERM": "vt100"}) as shell:
        shell.type("echo $(tty) $(hostname) $TERM.\n")
        assert shell.read_until("xterm.").splitlines()[-1] == "/dev/pts/0 desk "
        shell.type("echo x >/dev/own; echo $?.\n")
        assert "Operation not permitted" in shell.read_until("1.")
        shell.type("echo g''o; sleep 100\n")
        shell.read_until("\ngo")
        shell.type("\x03")
        shell.read_until("# ")
        shell.type("echo $?; exit 3\n")
        shell.read_until("\n130")


def test_a_dry_run_prints_what_a_shell_can_do(bundle: Path, tmp_path: Path) -> None:
    name = f"bundler-run-{os.getpid()}"
    arguments = ["sh", "-c", "echo \"a  b\"; echo 'c' $0; exit 3", "$HOME"]
    shown = bundler("run", "--runtime", "runc", "--id", name, bundle, "--ephemeral", "--dry-run", "--", *arguments)
    done = call(["sh", "-c", shown], cwd=tmp_path)
    assert (done.exit_code, done.stdout, done.stderr) == (3, "a  b\nc $HOME\n", "")
    assert untouched(bundle)


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_an_ordinary_user_runs_his_own(
    golden_archives: dict[str, Path], runtime: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    with folder_of_a_user() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "states"))
        (folder / "o.yaml").write_text("command: [sh, -c, 'echo x >/new']")
        request = BuildRequest(
            image=f"docker-archive:{golden_archives['docker28']}:golden/plain:1",
            machine=Platform.of("linux", "x86_64"),
            overrides=(str(folder / "o.yaml"),),
            rootless=True,
            caller=(USER, USER),
        )
        bundle = build(request, folder / "b").path
        (folder / "states").mkdir()
        name = f"bundler-run-{os.getpid()}"
        run_request = RunRequest(
            bundle=bundle,
            name=name,
            runtime=runtime,
            ephemeral=True,
            arguments=["sh", "-c", "rm /bin/cat; id -u; exit 7"],
        )
        # Python's own files may be root's alone, so everything is imported before.
        prepare(run_request, terminal_here=False)
        subprocess.run(["chown", "-R", f"{USER}:{USER}", folder], check=True)
        line = as_user(lambda: prepare(run_request, terminal_here=False).shown())
        *before, _ = command_of(runtime)
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "sh", "-c"]
        done = call([*before, *drop, line])
        assert (done.exit_code, done.stdout, done.stderr) == (7, "0\n", "")
        assert (bundle / "rootfs/bin/cat").is_symlink()
        assert shlex.quote(str(bundle)) in line
