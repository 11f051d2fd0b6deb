"""An image in a registry is fetched once, by one program, whatever is done with it and however large its layers are."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.faulty_registry import FaultyRegistry, faulty_registry
from tests.support.image_files import sample, sha256
from tests.support.tarballs import directory, file, tarball

pytestmark = [pytest.mark.root, pytest.mark.tool("skopeo")]
INSECURE = "--tls-verify=false"
NOISE = random.Random(1).randbytes(6_000_000)  # noqa: S311 -- the same each time
# Large enough for processes of their own, each.
LARGE = sample(
    tarball(directory("etc"), file("etc/passwd", b"app:x:7:7::/:/bin/sh\n"), file("0", NOISE)),
    *(tarball(file(f"{number}", NOISE[::-1] + bytes([number]))) for number in range(1, 5)),
    User="app",
)
OTHER = sample(*(tarball(file(f"{number}", NOISE[number:])) for number in (5, 6)))


@pytest.fixture
def served() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        yield registry


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each start of skopeo: its arguments."""
    log, programs = tmp_path / "calls", tmp_path / "programs"
    programs.mkdir()
    log.touch()
    wrapper = programs / "skopeo"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {shutil.which("skopeo")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    return log


def copies(calls: Path) -> int:
    return sum(" copy " in f" {line} " for line in calls.read_text().splitlines())


def times_asked(served: FaultyRegistry, layers: list[str]) -> list[int]:
    counts = Counter(served.asked)
    return [counts[digest] for digest in layers]


@pytest.mark.parametrize(
    "unpacker", ["native", pytest.param("umoci", marks=pytest.mark.tool("umoci"))], ids=["native", "umoci"]
)
def test_to_build_it(served: FaultyRegistry, calls: Path, tmp_path: Path, unpacker: str) -> None:
    layers = served.add("team/large:1", LARGE)
    name = f"docker://{served.name('team/large:1')}"
    bundler("build", INSECURE, name, "--unpacker", unpacker, "--output", tmp_path / "bundle")
    assert times_asked(served, layers) == [1] * 5
    assert served.asked.count(sha256(LARGE.config)) == 1
    assert copies(calls) == 1
    assert (tmp_path / "bundle/rootfs/4").stat().st_size == 6_000_001


def test_to_mount_it(served: FaultyRegistry, calls: Path, tmp_path: Path) -> None:
    layers, mounted = served.add("team/large:1", LARGE), served.add("team/other:1", OTHER)
    overrides = tmp_path / "overrides.yaml"
    source = f"docker://{served.name('team/other:1')}"
    overrides.write_text(f"volumes: [{{type: image, source: '{source}', target: /other}}]\n")
    name = f"docker://{served.name('team/large:1')}"
    bundler("build", INSECURE, name, "--overrides", overrides, "--output", tmp_path / "bundle")
    assert times_asked(served, layers + mounted) == [1] * 7
    assert copies(calls) == 2


def test_to_look_for_what_it_does_not_need(served: FaultyRegistry, calls: Path, tmp_path: Path) -> None:
    layers = served.add("team/large:1", LARGE)
    bundler("harden", INSECURE, f"docker://{served.name('team/large:1')}", cwd=tmp_path)
    assert times_asked(served, layers) == [1] * 5
    assert copies(calls) == 1


def test_to_find_the_number_of_its_user(served: FaultyRegistry, calls: Path) -> None:
    layers = served.add("team/large:1", LARGE)
    assert '"uid": 7' in bundler("config", INSECURE, f"docker://{served.name('team/large:1')}")
    assert times_asked(served, layers) == [1] * 5
    assert copies(calls) == 1


@pytest.mark.parametrize("command", ["inspect", "config", "lock"])
def test_and_not_at_all_to_look_at_it(served: FaultyRegistry, calls: Path, tmp_path: Path, command: str) -> None:
    layers = served.add("team/numeric:1", sample(*LARGE.layers, User="7:7"))
    bundler(command, INSECURE, f"docker://{served.name('team/numeric:1')}", cwd=tmp_path)
    assert times_asked(served, layers) == [0] * 5
    assert copies(calls) == 0
