"""`bundler run IMAGE` with real runtimes: each container starts anew, and the bundle is kept for the next one."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.bundle_cache import find_or_build
from bundler.images.platform import Platform
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.one_off import convert
from bundler.request import BuildRequest
from bundler.running.namespace import FIRST_FREE_DESCRIPTOR
from bundler.running.start import RunRequest, prepare
from tests.support.command import bundler, call_bundler, installed
from tests.support.faulty_registry import faulty_registry
from tests.support.image_files import sample
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import Name, call, command_of, program_of
from tests.support.tarballs import file, symlink, tarball
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun")]
HELLO = Path(__file__).parents[2] / "testdata" / "hello-amd64.tar"
BOTH = pytest.mark.parametrize("runtime", ["runc", "crun"], indirect=True)
# What a container finds of an earlier one, and what it leaves for a later one.
LOOK_AND_LEAVE = """
cat /left /data/left 2>/dev/null
grep left /etc/hosts
for file in /left /data/left /etc/hosts; do echo left >>$file; done
"""


@pytest.fixture
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return program_of(request.param, tmp_path)


@pytest.fixture
def image(golden_archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return f"docker-archive:{golden_archives['docker28']}:golden/plain:1"


@pytest.fixture
def name(runtime: str) -> Iterator[str]:
    name = f"bundler-run-image-{os.getpid()}"
    yield name
    call([runtime, "delete", "--force", name])


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.glob("cache/bundler/bundles/*/*") if path.name != "lock"]


@BOTH
def test_each_container_starts_anew(image: str, runtime: str, tmp_path: Path) -> None:
    words = ["run", "--runtime", runtime, image, "-v", "data:/data", "-q", "--", "sh", "-c", LOOK_AND_LEAVE]
    for _ in range(2):
        done = call_bundler(*words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
    (bundle,) = kept(tmp_path)
    assert bundler("verify", bundle) == ""
    assert list((bundle / "volumes/data").iterdir()) == []


@BOTH
def test_input_output_exit_code_and_settings_are_the_containers(image: str, runtime: str, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    words = ["run", "--runtime", runtime, image, "-e", "A=1", "-u", "7:8", "-w", "/etc", "-v", "./shared:/shared:ro"]
    script = "cat; echo $A $(id -u) $(id -g) $PWD; touch /shared/x 2>/dev/null || echo read-only; exit 7"
    done = call_bundler(*words, "--", "sh", "-c", script, stdin=b"in\n", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\n1 7 8 /etc\nread-only\n", "")


@BOTH
def test_two_run_at_once_from_one_bundle(image: str, runtime: str, tmp_path: Path) -> None:
    words = ["run", "--runtime", runtime, image, "--", "sh", "-c", f"{LOOK_AND_LEAVE} sleep 1; cat /left"]
    said: list[tuple[int, str]] = []

    def run() -> None:
        done = call_bundler(*words)
        said.append((done.returncode, done.stdout))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [(0, "left\n")] * 3
    assert len(kept(tmp_path)) == 1


def test_the_new_name_of_a_container_in_the_background_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = call_bundler("run", "-d", "--runtime", "runc", "--root", tmp_path / "states", HELLO)
    (state,) = (tmp_path / "states").iterdir()
    call(["runc", "--root", tmp_path / "states", "delete", "--force", state.name])
    assert (done.returncode, done.stderr) == (0, f"bundler: note: the container is called {state.name}\n")


@BOTH
@pytest.mark.parametrize("detached", [False, True])
def test_gc_leaves_what_a_container_runs_from(
    image: str, runtime: str, name: str, tmp_path: Path, detached: bool
) -> None:
    words = ["run", "--runtime", runtime, "--name", name, image, *(["-d"] if detached else [])]
    command = [
        installed(),
        *words,
        "--",
        "sh",
        "-c",
        "while [ ! -e /end ]; do sleep 0.1; done; cat /bin/busybox | wc -c",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_until(lambda: call([runtime, "exec", name, "true"]).exit_code == 0 or running.poll() not in (None, 0))
        assert running.wait() == 0 if detached else running.poll() is None
        assert call_bundler("gc").stdout == "nothing to remove\n"
        (bundle,) = kept(tmp_path)
        assert (bundle / "rootfs").is_dir()
        call([runtime, "exec", name, "touch", "/end"])
        wait_until(lambda: call([runtime, "exec", name, "true"]).exit_code != 0)
    assert call_bundler("gc").stdout == "1 bundle removed\n"
    assert kept(tmp_path) == []


@pytest.mark.tool("skopeo")
def test_an_image_of_a_registry_is_in_the_store_from_then_on(image: str, tmp_path: Path) -> None:
    busybox = tarball(file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755), symlink("bin/sh", "busybox"))
    with faulty_registry() as registry:
        registry.add("team/box:1", sample(busybox))
        reference = f"{registry.host}/team/box:1"
        first = call_bundler("run", "--tls-verify=false", reference, "--", "sh", "-c", "echo once")
    assert (first.returncode, first.stdout) == (0, "once\n"), first.stderr
    assert [one["name"] for one in json.loads(bundler("images", "--json"))["images"]] == [reference]
    again = call_bundler("run", reference, "--", "sh", "-c", "echo twice")
    assert (again.returncode, again.stdout, again.stderr) == (0, "twice\n", "")
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_an_ordinary_user_runs_an_image(
    golden_archives: dict[str, Path], runtime: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with folder_of_a_user() as folder:
        (folder / "image.tar").write_bytes(golden_archives["docker28"].read_bytes())
        for name in ("states", "cache"):
            (folder / name).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "states"))
        request = BuildRequest(
            image=f"docker-archive:{folder}/image.tar:golden/plain:1",
            machine=Platform.of("linux", "x86_64"),
            rootless=True,
            caller=(USER, USER),
            settings=convert([("volume", "data:/data")], Client()),
            store=None,
        )

        def line() -> str:
            cached = find_or_build(request, lowest_descriptor=FIRST_FREE_DESCRIPTOR, commanded=True)
            wanted = replace(shown, bundle=cached.path)
            return prepare(wanted, terminal_here=False).shown()

        shown = RunRequest(
            bundle=folder,
            name=f"bundler-run-image-{os.getpid()}",
            runtime=runtime,
            fresh=True,
            arguments=["sh", "-c", f"{LOOK_AND_LEAVE} rm /bin/cat; id -u; exit 7"],
        )
        # Python's own files may be root's alone, so everything is imported before.
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        line()
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        subprocess.run(["chown", "-R", f"{USER}:{USER}", folder], check=True)
        *before, _ = command_of(runtime)
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "sh", "-c"]
        for _ in range(2):
            done = call([*before, *drop, as_user(line)])
            assert (done.exit_code, done.stdout, done.stderr) == (7, "0\n", "")
