"""`bundler apply --force`, killed at any moment or on a full disk: the old or the new one is there, with its data."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler.bundles.write import encode
from bundler.deltas.writing import delta
from bundler.upkeep.verification import verify
from tests.support.bundles import make_bundle
from tests.support.command import bundler, call_bundler, installed
from tests.support.memory_disk import memory_disk
from tests.support.tarballs import Member, file

pytestmark = [pytest.mark.root, pytest.mark.slow]
NOISE = random.Random(1).randbytes(3_000_000)  # noqa: S311 -- the same each time
OLD = [file(f"f{number}", NOISE[number * 9000 :][:9000]) for number in range(200)]
NEW = [*OLD[20:], *(file(f"g{number}", NOISE[number * 9000 :][:9100]) for number in range(60)), file("big", NOISE)]


def made(bundle: Path, members: list[Member]) -> Path:
    """A bundle whose bundler.json knows its volume."""
    record = make_bundle(bundle, *members) / "bundler.json"
    record.write_bytes(encode(json.loads(record.read_bytes()) | {"folders": {"volumes/cache": None}}))
    os.utime(record, (0, 0))
    return bundle


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two bundles and the delta between them."""
    folder = tmp_path_factory.mktemp("deltas")
    delta(made(folder / "old/b", OLD), made(folder / "new/b", NEW), folder / "d")
    return folder


def digests(place: Path) -> list[str]:
    return [verify(place / name / "b").digest for name in ("old", "new")]


def copied(place: Path, folder: Path) -> Path:
    """The old bundle, in use."""
    subprocess.run(["cp", "-a", place / "old/b", folder / "web"], check=True)
    (folder / "web/volumes/cache/data").write_text("of years")
    return folder / "web"


def check(web: Path, allowed: list[str]) -> None:
    verified = verify(web)
    assert verified.digest in allowed
    assert list(verified.changes) == []
    assert (web / "volumes/cache/data").read_text() == "of years"


MOMENTS = [moment * 0.05 for moment in range(14)]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_one_leaves_the_old_or_the_new(place: Path, tmp_path: Path, moment: float) -> None:
    web = copied(place, tmp_path)
    command = [str(installed()), "apply", str(place / "d"), str(web), "--force", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(os.listdir(tmp_path)) < 2 and process.poll() is None:  # noqa: PTH208 -- names are enough
        time.sleep(0.001)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    call_bundler("verify", web)  # which finishes what the killed one was doing in this place, as every command does
    check(web, digests(place))
    bundler("apply", place / "d", web, "--force")
    check(web, digests(place)[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["web"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system in memory, of the size that it is last called with."""
    with memory_disk(tmp_path / "disk", "64m") as folder:

        def sized(size: str) -> Path:
            subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
            return folder

        yield sized


@pytest.mark.tool("mount")
@pytest.mark.parametrize("size", ["3m", "5m", "7m"])
def test_on_a_full_disk_the_old_one_stays(place: Path, disk: Callable[[str], Path], size: str) -> None:
    web = copied(place, disk("64m"))
    disk(size)
    done = call_bundler("apply", str(place / "d"), str(web), "--force")
    assert done.returncode == 1
    assert "no space left" in done.stderr or "full" in done.stderr
    check(web, digests(place)[:1])
    disk("64m")
    bundler("apply", place / "d", web, "--force")
    check(web, digests(place)[1:])
