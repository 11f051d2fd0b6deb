"""A root filesystem that is an image, run by a user who is not root: FUSE mounts it in his own user namespace."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.runtime import is_idle
from bundler.running.start import RunRequest
from tests.support.command import call_bundler
from tests.support.erofsfuse import serving, skip_unless_it_is_there
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.ordinary_user import USER, folder_of_a_user
from tests.support.runs_of_users import RunOfAUser
from tests.support.runtime import Ended, Name, call, command_of
from tests.support.tarballs import character_device, directory, file, symlink, tarball
from tests.support.waiting import awaited, wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun", "newuidmap")]
BOTH = pytest.mark.parametrize("runtime", ["runc", "crun"])
APPLETS = ("sh", "cat", "chown", "id", "ls", "rm", "sleep", "stat", "su", "touch")
CAPABLE = {"security.capability": bytes.fromhex("0100000201000000000000000000000000000000")}  # CAP_CHOWN, effective
ALONE = ("--uid-map", f"0:{USER}:1", "--gid-map", f"0:{USER}:1")
RANGES = tuple(
    word
    for option in ("--uid-map", "--gid-map")
    for map_ in (f"0:{USER}:1", "1:700000:1000")
    for word in (option, map_)
)
SUBORDINATE = f"{USER}:700000:1000\n"
NAME = f"bundler-user-{os.getpid()}"
WAITING = "echo x >/kept; echo ready >/data/ready; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    busybox = Path(shutil.which("busybox") or "").read_bytes()
    layer = tarball(
        directory("bin"),
        file("bin/busybox", busybox, 0o755),
        *(symlink(f"bin/{name}", "busybox") for name in APPLETS),
        directory("suid"),
        file("suid/su", busybox, 0o4755),
        file("bin/busybox-capable", busybox, 0o755, xattrs=CAPABLE),
        directory("etc"),
        file("etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n"),
        file("etc/secret", b"secret\n", 0o600, owner=(33, 44)),
        character_device("odd", 1, 3),
        directory("data", owner=(33, 44)),
        file("data/seed", b"seed\n", owner=(33, 44)),
        directory("proc"),
    )
    path = tmp_path_factory.mktemp("image") / "image.tar"
    path.write_bytes(archive_of(docker_files({"t:1": sample(layer, Volumes={"/data": {}}, Env=["PATH=/bin"])})))
    return path


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with folder_of_a_user() as folder:
        (folder / "states").mkdir(mode=0o777)
        os.chown(folder / "states", USER, USER)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "states"))
        yield folder


def built(archive: Path, folder: Path, *options: str) -> Path:
    bundle = folder / "b"
    words: tuple[str | Path, ...] = (
        "build",
        f"docker-archive:{archive}",
        "--rootless",
        "--rootfs",
        "erofs",
        *options,
        "-o",
        bundle,
    )
    done = call_bundler(*words)
    assert done.returncode == 0, done.stderr
    subprocess.run(["chown", "-R", f"{USER}:{USER}", bundle], check=True)
    return bundle


def run_request(bundle: Path, script: str, runtime: str = "runc", **more: Any) -> RunRequest:
    return RunRequest(bundle=bundle, arguments=["sh", "-c", script], runtime=runtime, **{"name": NAME, **more})


def run(bundle: Path, script: str, runtime: str = "runc", **more: Any) -> Ended:
    skip_unless_it_is_there()
    return RunOfAUser(run_request(bundle, script, runtime, **more), subordinate=SUBORDINATE).wait()


def is_gone(bundle: Path) -> bool:
    """Whether nothing reads the image any more, which ends a moment after the last mount of it."""
    return awaited(lambda: not serving(bundle / "rootfs.erofs"))


@BOTH
def test_a_user_of_one_id_owns_all_files_and_keeps_what_he_writes(archive: Path, folder: Path, runtime: str) -> None:
    bundle = built(archive, folder, *ALONE)
    script = "id -u; cat /etc/secret; stat -c '%u %g %a' /etc/secret /data/seed; echo y >>/etc/secret; rm /etc/passwd"
    assert run(bundle, script, runtime) == Ended(0, "0\nsecret\n0 0 600\n0 0 644\n", "")
    script = "cat /etc/secret; ls /etc/passwd 2>&1; cat /odd 2>&1; exit 7"
    again = run(bundle, script, runtime)
    assert (again.exit_code, again.stdout.splitlines()[:2]) == (7, ["secret", "y"])
    assert "passwd: No such file" in again.stdout
    assert "/odd': Permission denied" in again.stdout  # a device is there, and is none of his
    assert (bundle / "upper/rootfs/etc/secret").read_text() == "secret\ny\n"
    assert is_gone(bundle)
    assert call_bundler("verify", "--deep", bundle).returncode == 0


@BOTH
def test_with_ranges_of_ids_files_have_the_owners_of_the_image(archive: Path, folder: Path, runtime: str) -> None:
    bundle = built(archive, folder, *RANGES)
    script = (
        "stat -c '%u %g' /etc/secret /bin/sh; su web -c 'id -u; cat /etc/secret; echo y >>/etc/secret';"
        " cat /etc/secret; touch /new; chown 33:44 /new; stat -c %u /new"
    )
    ended = run(bundle, script, runtime)
    assert ended == Ended(0, "33 44\n0 0\n33\nsecret\nsecret\ny\n33\n", "")
    assert (bundle / "upper/rootfs/new").stat().st_uid == 700032
    assert is_gone(bundle)


def test_setuid_bits_and_capabilities_count_in_the_container(archive: Path, folder: Path) -> None:
    bundle = built(archive, folder, *RANGES)
    script = "su web -c '/suid/su root -c true 2>&1'; su web -c '/bin/su root -c true 2>&1'"
    said = ["Password: ", "su: incorrect password", "su: must be suid to work properly"]
    assert run(bundle, script).stdout.splitlines() == said
    script = "su web -c 'cd /data; {} chown 0 new 2>&1'; stat -c %u /data/new"
    scripts = ("touch /data/new; chown 33 /data/new", script.format("busybox"), script.format("busybox-capable"))
    assert run(bundle, "; ".join(scripts)).stdout.splitlines() == ["chown: new: Operation not permitted", "33", "0"]


@pytest.mark.parametrize("options", [{"ephemeral": True}, {"fresh": True}], ids=["ephemeral", "fresh"])
def test_what_is_not_to_stay_goes_to_memory(archive: Path, folder: Path, options: dict[str, Any]) -> None:
    bundle = built(archive, folder, *ALONE)
    script = "echo x >/new; cat /new /data/seed; echo x >/data/new; cat /data/new"
    assert run(bundle, script, **options) == Ended(0, "x\nseed\nx\n", "")
    assert not (bundle / "upper").exists()
    assert (bundle / "volumes/data/new").exists() == ("ephemeral" in options)
    assert is_gone(bundle)


@BOTH
def test_a_container_in_the_background_is_the_runtime_s_as_any_other(
    archive: Path, folder: Path, runtime: Name
) -> None:
    bundle = built(archive, folder, *ALONE)
    assert run(bundle, WAITING, runtime, detach=True).exit_code == 0
    *before, _ = command_of(runtime)
    as_user = [*before, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", "-u", "USER"]
    try:
        second = run(bundle, "true", runtime, name=f"{NAME}-2")
        assert second.exit_code == 2
        assert "another container (process " in second.stderr
        assert not is_idle(bundle)
        (reader,) = serving(bundle / "rootfs.erofs")
        # The pipes of `runc exec` have to belong to root of the namespace that the container was made in.
        inside = ["nsenter", "--user", "--preserve-credentials", f"--target={reader}"] if runtime == "runc" else []
        assert call([*as_user, *inside, runtime, "exec", NAME, "cat", "/kept"]) == Ended(0, "x\n", "")
        assert f'"id": "{NAME}"' in call([*as_user, runtime, "state", NAME]).stdout
    finally:
        ended = call([*as_user, runtime, "delete", "--force", NAME])
    assert ended.exit_code == 0, ended.stderr
    assert is_gone(bundle)
    assert run(bundle, "cat /kept") == Ended(0, "x\n", "")


def test_nothing_is_left_of_what_is_killed(archive: Path, folder: Path) -> None:
    skip_unless_it_is_there()
    bundle = built(archive, folder, *ALONE)
    running = RunOfAUser(run_request(bundle, WAITING))
    wait_until((bundle / "volumes/data/ready").exists)
    assert serving(bundle / "rootfs.erofs") != []
    os.kill(running.process, signal.SIGKILL)
    assert running.wait().exit_code == -signal.SIGKILL
    call(["runc", "--root", folder / "states/runc", "delete", "--force", NAME])
    assert is_gone(bundle)
    assert run(bundle, "cat /kept") == Ended(0, "x\n", "")


def test_a_program_that_cannot_be_executed_leaves_nothing(archive: Path, folder: Path) -> None:
    skip_unless_it_is_there()
    bundle = built(archive, folder, *ALONE)
    ended = RunOfAUser(RunRequest(bundle=bundle, arguments=["/etc"], runtime="runc", name=NAME)).wait()
    assert ended.exit_code != 0
    assert "/etc" in ended.stderr
    assert is_gone(bundle)


def test_a_device_that_is_closed_to_users_is_told(archive: Path, folder: Path) -> None:
    skip_unless_it_is_there()
    bundle = built(archive, folder, *ALONE)
    ended = RunOfAUser(run_request(bundle, "true"), fuse=0o600).wait()
    assert (ended.exit_code, ended.stderr.splitlines()[0]) == (5, "this user may not open /dev/fuse")


def test_a_program_that_is_missing_is_told(archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = built(archive, folder, *ALONE)
    (folder / "bin").mkdir()
    for name in ("runc", "sh"):
        (folder / "bin" / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(folder / "bin"))
    ended = RunOfAUser(run_request(bundle, "true")).wait()
    what, hint = ended.stderr.splitlines()
    assert (ended.exit_code, what.endswith("mounts with erofsfuse, and that is not on PATH")) == (5, True)
    assert "apt install erofsfuse (from Debian 13 on); bundler build --rootfs dir" in hint


def test_a_map_without_the_user_is_told(archive: Path, folder: Path) -> None:
    skip_unless_it_is_there()
    bundle = built(archive, folder, "--uid-map", "0:700000:1000", "--gid-map", "0:700000:1000")
    ended = run(bundle, "true")
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"the container has no id for the user {USER}")


def test_the_image_is_the_same_whoever_builds_it(archive: Path, folder: Path, tmp_path: Path) -> None:
    first, second = built(archive, folder, *ALONE), tmp_path / "b"
    done = call_bundler("build", f"docker-archive:{archive}", "--rootless", "--rootfs", "erofs", "-o", second)
    assert done.returncode == 0
    assert (first / "rootfs.erofs").read_bytes() == (second / "rootfs.erofs").read_bytes()
