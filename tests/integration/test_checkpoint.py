"""A container that is kept while it runs, moves with its bundle, and goes on: by both runtimes (docs/running.md)."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.criu import skip_unless_criu_works
from tests.support.runtime import Name, a_name, call, command_of

pytestmark = [pytest.mark.root, pytest.mark.tool("criu", "runc", "crun")]
COUNTING = "n=0; while :; do n=$((n + 1)); echo $n; echo $n >>/kept/count; sleep 0.1; done"
# crun brings no mount back whose source is relative.
RELATIVE = re.compile(r"(?:etc|volumes|shm)(?:/.*)?")


@contextmanager
def started(command: list[str | Path]) -> Iterator["subprocess.Popen[str]"]:
    """A runtime with pipes for its output: a file of the machine's cannot be kept."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def make_absolute(bundle: Path) -> None:
    config = bundle / "config.json"
    document = json.loads(config.read_bytes())
    for mount in document["mounts"]:
        if RELATIVE.fullmatch(mount["source"]):
            mount["source"] = f"{bundle}/{mount['source']}"
    config.write_text(json.dumps(document))


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_container_goes_on_in_another_place(golden_archives: dict[str, Path], tmp_path: Path, runtime: Name) -> None:
    skip_unless_criu_works(runtime)
    overrides = tmp_path / "counting.yaml"
    keys = {"entrypoint": [], "command": ["sh", "-c", COUNTING], "user": "0", "volumes": ["kept:/kept"]}
    overrides.write_text(json.dumps(keys))
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    here, there, images = tmp_path / "here", tmp_path / "there", tmp_path / "images"
    bundler("build", image, "--overrides", overrides, "--output", here)
    command: list[str | Path] = [*command_of(runtime)]
    with a_name(command_of(runtime)) as name:
        with started([*command, "run", "--bundle", here, name]) as running:
            assert running.stdout is not None
            while running.stdout.readline() != "5\n":
                assert running.poll() is None
            done = call([*command, "checkpoint", "--image-path", images, name])
            assert done.exit_code == 0, done.stderr
            last = int(["5", *running.stdout.read().split()][-1])
        bundler("pack", here, "--as-is", "--output", tmp_path / "here.tar.zst")
        bundler("unpack", tmp_path / "here.tar.zst", "--as-is", "--output", there)
        here.rename(tmp_path / "gone")
        if runtime == "crun":
            make_absolute(there)
        with started([*command, "restore", "--image-path", images, "--bundle", there, name]) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == f"{last + 1}\n", running.stderr and running.stderr.read()
            call([*command, "kill", name, "KILL"])
            rest = running.stdout.read().split()
    counted = (there / "volumes/kept/count").read_text().split()
    assert counted[: last + 1] == [str(number) for number in range(1, last + 2)]
    assert counted[last + 1 :] == rest[: len(counted) - last - 1]
