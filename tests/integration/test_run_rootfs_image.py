"""`bundler run` of a bundle whose root filesystem is an image: mounted for the container alone, written over or not."""

import json
import os
import platform
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.runtime import call, program_of, wait_until_known
from tests.support.waiting import awaited, wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun")]
BOTH = pytest.mark.parametrize("runtime", ["runc", "crun"], indirect=True)
KERNEL = tuple(map(int, platform.release().split(".")[:2]))
FILE_BACKED = (6, 12)  # the first that mounts a file without a loop device
WAITING = "echo x >/kept; echo ready; while :; do sleep 0.1; done"


def built(archive: Path, folder: Path, **overrides: object) -> Path:
    (folder / "o.yaml").write_text(json.dumps({"command": ["sh", "-c", WAITING], **overrides}))
    image = f"docker-archive:{archive}:golden/plain:1"
    bundler("build", image, "--overrides", folder / "o.yaml", "--rootfs", "erofs", "-o", folder / "b")
    return folder / "b"


@pytest.fixture
def bundle(golden_archives: dict[str, Path], tmp_path: Path) -> Path:
    return built(golden_archives["docker28"], tmp_path)


@pytest.fixture
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return program_of(request.param, tmp_path)


@pytest.fixture
def name(runtime: str) -> Iterator[str]:
    name = f"bundler-run-erofs-{os.getpid()}"
    yield name
    call([runtime, "delete", "--force", name])


def run(bundle: Path, runtime: str, name: str, script: str, *options: str) -> tuple[int, str]:
    done = call_bundler("run", "--runtime", runtime, "--id", name, *options, bundle, "--", "sh", "-c", script)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def started(bundle: Path, runtime: str, name: str, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A container that is there, and has written `x` to /kept."""
    command: list[str | Path] = [installed(), "run", "--runtime", runtime, "--id", name, bundle, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"ready\n"
            wait_until_known([runtime], name)
            yield running
        finally:
            running.kill()


def container(runtime: str, name: str) -> int:
    """The first process of a container."""
    return int(json.loads(call([runtime, "state", name]).stdout)["pid"])


def processes(bundle: Path) -> list[bytes]:
    """What runs here and was started with the bundle's name."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return [line for line in lines if os.fsencode(bundle) in line]


def mounted_from(process: int, place: Path) -> list[str]:
    """What is mounted at the place in the namespace of a process, the lowest first."""
    lines = (line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines())
    return [line[line.index("-") + 2] for line in lines if line[4] == str(place)]


def loops() -> list[str]:
    command = ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def there(bundle: Path) -> list[str]:
    """Mounts and loop devices of the bundle."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(bundle.parent) in line]
    return mounts + [line for line in loops() if str(bundle.parent) in line]


def left(bundle: Path) -> list[str]:
    """What stays there: the kernel lets go of a loop device a moment after its last mount."""
    awaited(lambda: not there(bundle))
    return there(bundle)


@BOTH
def test_what_is_written_survives_in_the_upper_folder(bundle: Path, runtime: str, name: str) -> None:
    assert run(bundle, runtime, name, "echo one >/etc/kept; rm /etc/passwd; ls -d /etc/kept") == (0, "/etc/kept\n")
    assert run(bundle, runtime, name, "cat /etc/kept; ls /etc/passwd 2>/dev/null || echo gone") == (0, "one\ngone\n")
    assert (bundle / "upper/rootfs/etc/kept").read_text() == "one\n"
    assert left(bundle) == []
    assert call_bundler("verify", "--deep", bundle).returncode == 0


@BOTH
def test_nothing_is_kept_of_an_ephemeral_run(bundle: Path, runtime: str, name: str) -> None:
    assert run(bundle, runtime, name, "echo x >/new; cat /new", "--ephemeral") == (0, "x\n")
    assert run(bundle, runtime, name, "ls /new 2>/dev/null || echo none", "--ephemeral") == (0, "none\n")
    assert not (bundle / "upper").exists()
    assert left(bundle) == []


@BOTH
def test_a_read_only_one_takes_no_overlay(
    golden_archives: dict[str, Path], tmp_path: Path, runtime: str, name: str
) -> None:
    bundle = built(golden_archives["docker28"], tmp_path, read_only=True)
    code, said = run(bundle, runtime, name, "echo x >/new || echo refused")
    assert (code, "refused" in said.splitlines()) == (0, True)
    assert not (bundle / "upper").exists()
    assert left(bundle) == []


@pytest.mark.parametrize("ended", ["runtime", "container"])
@BOTH
def test_a_container_that_is_killed_loses_nothing_and_leaves_nothing(
    golden_archives: dict[str, Path], bundle: Path, runtime: str, name: str, ended: str
) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    with started(bundle, runtime, name) as running:
        done = call_bundler("build", image, "--force", "-o", bundle)
        assert (done.returncode, "a container runs from it" in done.stderr) == (2, True)
        os.kill(running.pid if ended == "runtime" else container(runtime, name), signal.SIGKILL)
        running.wait()
    call([runtime, "delete", "--force", name])
    assert left(bundle) == []
    assert processes(bundle) == []
    assert run(bundle, runtime, name, "cat /kept") == (0, "x\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("runtime", ["crun"], indirect=True)
def test_a_signal_ends_the_container_and_all_is_unmounted(
    bundle: Path, runtime: str, name: str, number: signal.Signals
) -> None:
    script = f"trap 'echo end >>/kept; exit 5' TERM INT HUP; {WAITING}"
    with started(bundle, runtime, name, "--", "sh", "-c", script) as running:
        running.send_signal(number)
        assert running.wait() == 5
    assert left(bundle) == []
    assert (bundle / "upper/rootfs/kept").read_text() == "x\nend\n"


@BOTH
def test_a_program_that_cannot_be_executed_leaves_nothing(bundle: Path, runtime: str, name: str) -> None:
    assert run(bundle, runtime, name, "echo '#!/nowhere' >/bad")[0] == 0
    (bundle / "upper/rootfs/bad").chmod(0o755)
    done = call_bundler("run", "--runtime", runtime, "--id", name, bundle, "--", "/bad")
    assert done.returncode != 0
    assert left(bundle) == []
    assert (bundle / "upper/rootfs/bad").read_text() == "#!/nowhere\n"


@BOTH
def test_fifteen_runs_leave_as_much_as_none(bundle: Path, runtime: str, name: str) -> None:
    for number in range(1, 16):
        assert run(bundle, runtime, name, f"echo {number} >>/kept; tail -n 1 /kept") == (0, f"{number}\n")
    assert (left(bundle), processes(bundle)) == ([], [])
    assert len((bundle / "upper/rootfs/kept").read_text().splitlines()) == 15


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_the_kernel_mounts_the_file_itself_where_it_can(bundle: Path, runtime: str, name: str) -> None:
    with started(bundle, runtime, name) as running:
        sources = mounted_from(running.pid, bundle / "rootfs")
        assert sources[0] == (str(bundle / "rootfs.erofs") if KERNEL >= FILE_BACKED else sources[0])
        assert bool([line for line in loops() if str(bundle) in line]) == (KERNEL < FILE_BACKED)
        call([runtime, "kill", name, "KILL"])
    assert left(bundle) == []


@BOTH
def test_the_lines_of_a_dry_run_take_a_loop_device(bundle: Path, runtime: str, name: str) -> None:
    shown = bundler("run", "--runtime", runtime, "--id", name, bundle, "--dry-run")
    with subprocess.Popen(["sh", "-c", f"exec {shown}"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        wait_until_known([runtime], name)
        assert mounted_from(running.pid, bundle / "rootfs")[0].startswith("/dev/loop")
        running.send_signal(signal.SIGKILL)
    call([runtime, "delete", "--force", name])
    assert left(bundle) == []
    assert run(bundle, runtime, name, "cat /kept") == (0, "x\n")


@BOTH
def test_one_container_at_a_time_writes_to_the_upper_folder(bundle: Path, runtime: str, name: str) -> None:
    with started(bundle, runtime, name) as running:
        code, said = run(bundle, runtime, f"{name}-2", "true")
        assert code == 2
        assert said.splitlines() == [
            f"bundler: error: another container (process {running.pid}) writes to {bundle}/upper",
            "bundler: hint: stop it first; or --ephemeral, with which what this one writes goes to memory",
        ]
        assert run(bundle, runtime, f"{name}-2", "cat /kept || echo none", "--ephemeral")[0] == 0
        of_the_container = container(runtime, name)
        running.send_signal(signal.SIGKILL)  # the runtime alone: what it has started goes on
        running.wait()
        code, said = run(bundle, runtime, f"{name}-2", "true")
        assert (code, f"(process {of_the_container}) writes to" in said) == (2, True)
    call([runtime, "delete", "--force", name])
    assert run(bundle, runtime, f"{name}-2", "cat /kept") == (0, "x\n")
    assert left(bundle) == []


def test_of_an_image_that_is_run_nothing_is_kept(
    golden_archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "o.yaml").write_text("rootfs: {format: erofs}\nvolumes: ['kept:/kept']\n")
    words = ("run", "--runtime", "runc", "--overrides", tmp_path / "o.yaml")
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    script = "ls /new /kept/new 2>/dev/null; echo x >/new; echo y >/kept/new; cat /new /kept/new"
    for _ in range(2):
        assert call_bundler(*words, image, "sh", "-c", script).stdout == "x\ny\n"
    assert left(tmp_path) == []


@BOTH
def test_it_is_the_runtime_s_container_as_any_other(bundle: Path, runtime: str, name: str) -> None:
    command: list[str | Path] = [installed(), "run", "-d", "--runtime", runtime, "--name", name, bundle]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wait_until((bundle / "upper/rootfs/kept").exists)
    assert call([runtime, "exec", name, "cat", "/kept"]).stdout == "x\n"
    assert name in call([runtime, "list"]).stdout
    assert call([runtime, "kill", name, "KILL"]).exit_code == 0
    assert call([runtime, "delete", "--force", name]).exit_code == 0
    assert left(bundle) == []
    assert run(bundle, runtime, name, "cat /kept") == (0, "x\n")


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_a_changed_image_is_never_mounted(bundle: Path, runtime: str, name: str) -> None:
    path = bundle / "rootfs.erofs"
    content = path.read_bytes()
    middle = len(content) // 2
    changes = {
        "truncated": content[:-4096],
        "the superblock": content[:1100] + b"\xff" * 4 + content[1104:],
        "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "longer": content + bytes(4096),
        "empty": b"",
    }
    for change, changed in changes.items():
        path.write_bytes(changed)
        for options in ((), ("--as-is",)):
            code, said = run(bundle, runtime, name, "true", *options)
            assert (code, "rootfs.erofs is not what was built" in said) == (6, True), change
    assert left(bundle) == []


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_one_that_is_mounted_already_is_used(bundle: Path, runtime: str, name: str) -> None:
    subprocess.run(["mount", "-o", "loop,ro", bundle / "rootfs.erofs", bundle / "rootfs"], check=True)
    try:
        assert len(there(bundle)) == 2
        assert run(bundle, runtime, name, "cat /etc/hostname >/dev/null && echo up")[1].endswith("up\n")
    finally:
        subprocess.run(["umount", bundle / "rootfs"], check=True)
