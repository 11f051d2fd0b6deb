"""A build that has workers and is ended at any moment, by any signal: none of its processes is left, and no stage."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command import installed
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.tarballs import file, tarball
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root
CHANCE = random.Random(1)  # noqa: S311 -- the same each time
NOISE = CHANCE.randbytes(6_000_000)
MANY = (file(f"{number:04}", NOISE[number : number + 1000]) for number in range(2000))
IMAGE = sample(tarball(file("first", NOISE), *MANY), *(tarball(file(f"{each}", NOISE[each:])) for each in range(2)))
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -signal.SIGKILL}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("layout") / "image", layout_files({"1": IMAGE}))


def start(layout: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [installed(), "build", f"oci:{layout}", "--output", str(folder / "bundle")]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def members(session: int) -> set[int]:
    """The processes of a session that have not ended."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == session and state not in "ZX":
            found.add(int(entry.name))
    return found


def catches(process: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for the signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def end(build: subprocess.Popen[bytes], number: signal.Signals, folder: Path, *, group: bool) -> None:
    """Send the signal, to all processes of the build as a terminal does or to the first alone; look what is left."""
    with build:
        if group:
            os.killpg(build.pid, number)
        else:
            build.send_signal(number)
        _, stderr = build.communicate()
    wait_until(lambda: not members(build.pid))
    left = sorted(path.name for path in folder.iterdir())
    if left == ["bundle"]:
        # It was done, but for its end, which only SIGKILL does not wait for.
        assert build.returncode in {0, *((-number,) if number == signal.SIGKILL else ())}
    else:
        assert build.returncode in {EXIT_CODES[number], -number}, stderr.decode()
        assert b"Traceback" not in stderr
        assert left == [] or number == signal.SIGKILL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.mkdir()
    return path


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda number: signal.Signals(number).name)
@pytest.mark.parametrize("group", [False, True], ids=["it alone", "its group"])
def test_when_its_workers_have_just_been_started(
    layout: Path, folder: Path, number: signal.Signals, *, group: bool
) -> None:
    for least in (2, 3):
        build = start(layout, folder)
        wait_until(lambda: len(members(build.pid)) >= least or build.poll() is not None)  # noqa: B023 -- waited for here
        end(build, number, folder, group=group)
        for path in folder.iterdir():
            subprocess.run(["rm", "-r", path], check=True)


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda number: signal.Signals(number).name)
def test_at_any_moment(layout: Path, tmp_path: Path, number: signal.Signals) -> None:
    begun = time.monotonic()
    with start(layout, tmp_path) as undisturbed:
        undisturbed.communicate()
    whole = time.monotonic() - begun
    for attempt in range(5):
        folder = tmp_path / f"{attempt}"
        folder.mkdir()
        build = start(layout, folder)
        # A Python that has not come to bundler yet answers by itself, whatever it was started for.
        wait_until(lambda: catches(build.pid, signal.SIGTERM) or build.poll() is not None)  # noqa: B023 -- as above
        time.sleep(CHANCE.uniform(0, whole))
        end(build, number, folder, group=bool(attempt % 2))
