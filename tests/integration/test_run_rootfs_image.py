"""`bundler run` of a bundle whose root filesystem is an image: mounted for the container alone, written over or not."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.runtime import call, program_of

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun")]
BOTH = pytest.mark.parametrize("runtime", ["runc", "crun"], indirect=True)
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


def there(bundle: Path) -> list[str]:
    """Mounts and loop devices of the bundle."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(bundle.parent) in line]
    command = ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]
    loops = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return mounts + [line for line in loops.splitlines() if str(bundle.parent) in line]


def left(bundle: Path) -> list[str]:
    """What stays there: the kernel lets go of a loop device a moment after its last mount."""
    deadline = time.monotonic() + 30
    while there(bundle) and time.monotonic() < deadline:
        time.sleep(0.1)
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


@BOTH
def test_a_container_that_is_killed_loses_nothing_and_leaves_nothing(bundle: Path, runtime: str, name: str) -> None:
    command: list[str | Path] = [installed(), "run", "--runtime", runtime, "--id", name, bundle]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        assert call_bundler("build", "--force", f"oci:{bundle}", "-o", bundle).returncode != 0
        running.send_signal(signal.SIGKILL)
        running.wait(timeout=60)
    call([runtime, "delete", "--force", name])
    assert left(bundle) == []
    assert run(bundle, runtime, name, "cat /kept") == (0, "x\n")


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_a_changed_image_is_not_mounted(bundle: Path, runtime: str, name: str) -> None:
    with (bundle / "rootfs.erofs").open("r+b") as image:
        image.truncate(image.seek(0, os.SEEK_END) - 4096)
    code, said = run(bundle, runtime, name, "true")
    assert code == 6
    assert "rootfs.erofs is not what was built" in said
    assert left(bundle) == []


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_one_that_is_mounted_already_is_used(bundle: Path, runtime: str, name: str) -> None:
    subprocess.run(["mount", "-o", "loop,ro", bundle / "rootfs.erofs", bundle / "rootfs"], check=True)
    try:
        assert len(there(bundle)) == 2
        assert run(bundle, runtime, name, "cat /etc/hostname >/dev/null && echo up")[1].endswith("up\n")
    finally:
        subprocess.run(["umount", bundle / "rootfs"], check=True)
