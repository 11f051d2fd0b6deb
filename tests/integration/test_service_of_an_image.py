"""What the service of a bundle with an image calls: mounted, run and gone, without a systemd around it."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.units.bundle import units_of
from bundler.units.image_mount import ImageMount, mounted_for
from bundler.units.text import command_line
from tests.integration.test_run_rootfs_image import left
from tests.support.command import bundler, call_bundler
from tests.support.runtime import Ended, Name, call, command_of
from tests.support.systemd import commands, words_of

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "crun", "unshare")]
COUNTING = ["sh", "-c", "echo x >>/counted; cat /counted"]


@pytest.fixture
def bundle(golden_archives: dict[str, Path], tmp_path: Path) -> Path:
    """One whose place has all that could be taken for something else."""
    place = tmp_path / "100% $HOME 'bundles'\\n, upperdir=x:y"
    place.mkdir()
    (tmp_path / "o.yaml").write_text(json.dumps({"command": COUNTING, "healthcheck": {"disable": True}}))
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    bundler("build", image, "--overrides", tmp_path / "o.yaml", "--rootfs", "erofs", "-o", place / "web")
    return place / "web"


def mount_of(bundle: Path) -> ImageMount:
    recorded = json.loads((bundle / "bundler.json").read_bytes())
    return ImageMount(recorded["rootfs"]["sha256"].removeprefix("sha256:"), writable=True)


def served(bundle: Path, runtime: Name, folder: Path) -> Ended:
    """What ExecStart= does with its standard input; the service's own folder is in `folder`."""
    *before, program = command_of(runtime)
    name = f"service-of-an-image-{os.getpid()}"
    text = units_of(Bundle.open(bundle), name=name, runtime=program).texts[f"{name}.service"]
    lines = [line.partition("=")[2] for line in text.splitlines() if line.startswith("StandardInputText=")]
    script = "".join(re.sub(r"%%|\\\\", lambda match: match[0][0], line) + "\n" for line in lines)
    (folder / f"bundler-{name}/run").mkdir(parents=True)
    words = [*before, *commands(text, "ExecStart", {"t": str(folder)})[0]]
    done = subprocess.run(words, input=script.encode(), capture_output=True, check=False, timeout=120)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_it_finds_what_it_wrote_before_and_leaves_nothing(bundle: Path, tmp_path: Path, runtime: Name) -> None:
    for times in (1, 2):
        ended = served(bundle, runtime, tmp_path / f"run-{times}")
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "x\n" * times, "")
        assert left(bundle) == []
    assert list((bundle / "rootfs").iterdir()) == []


def test_an_image_that_was_changed_is_not_mounted(bundle: Path, tmp_path: Path) -> None:
    with (bundle / "rootfs.erofs").open("r+b") as image:
        image.seek(5000)
        image.write(b"changed")
    ended = served(bundle, "runc", tmp_path / "run")
    assert (ended.exit_code, ended.stdout) == (125, "")
    assert ended.stderr.splitlines()[0] == f"bundler: error: {bundle}/rootfs.erofs is not what was built"
    assert not (bundle / "upper").exists()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: (path.unlink(), path.symlink_to("/dev/zero"))])
def test_an_image_that_is_none_is_not_read(bundle: Path, tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(bundle / "rootfs.erofs")
    assert served(bundle, "runc", tmp_path / "run").exit_code == 125


def test_two_containers_do_not_write_over_one_image(bundle: Path, tmp_path: Path) -> None:
    words = words_of(mounted_for(mount_of(bundle), str(bundle), command_line(("sh", "-c", "echo ready; sleep 100"))))
    with subprocess.Popen(words, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        ended = served(bundle, "runc", tmp_path / "run")
        run = call_bundler("run", bundle, "--", "true")
        call(["pkill", "--parent", str(running.pid)])
    assert (ended.exit_code, f"another container writes to {bundle}/upper" in ended.stderr) == (125, True)
    assert (run.returncode, "another container (process" in run.stderr) == (2, True)
    assert served(bundle, "runc", tmp_path / "again").stdout == "x\n"


def test_with_a_terminal_the_runtime_takes_the_place_of_the_shell(bundle: Path) -> None:
    name = f"service-of-an-image-{os.getpid()}"
    run = command_line(("runc", "run", "--bundle", str(bundle), name))
    for times in (1, 2):
        ended = call(words_of(mounted_for(mount_of(bundle), str(bundle), run)))
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "x\n" * times, "")
    assert left(bundle) == []
