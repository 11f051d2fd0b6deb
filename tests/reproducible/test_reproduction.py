"""Two bundles are compared file by file, and the first difference is told."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.errors import DifferenceError
from bundler.reproducible.reproduction import compare_builds
from tests.support.bundles import MEMBERS, make_bundle

pytestmark = pytest.mark.root


@pytest.fixture
def builds(tmp_path: Path) -> tuple[Path, Path]:
    return make_bundle(tmp_path / "a/b", *MEMBERS), make_bundle(tmp_path / "c/d", *MEMBERS)


def write(name: str, document: object) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).write_text(json.dumps(document))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a value": (
        write("config.json", {"ociVersion": "1.1"}),
        r"config.json has at /ociVersion first 1\.0\.2, then 1\.1",
    ),
    "a member more": (write("config.json", {"ociVersion": "1.0.2", "a": 1}), "config.json has /a in one of them only"),
    "only its form": (write("config.json", {"ociVersion": "1.0.2"}), "config.json has the members of its top in ano"),
    "a time": (lambda b: os.utime(b / "volumes/cache", (0, 7)), r"\./volumes/cache has first time 0.0+, then 7.0+$"),
    "a time of a document": (lambda b: os.utime(b / "config.json"), r"\./config.json has first time"),
    "a file more": (lambda b: (b / "etc/new").touch(), r"\./etc(/new is in one of them only| has first time)"),
    "a mode": (lambda b: (b / "rootfs/su").chmod(0o755), r"\./rootfs/su has first mode 6755, then 0755"),
    "content": (lambda b: (b / "etc/hosts").write_text("127.0.0.2 localhost\n"), r"\./etc/hosts has first"),
    "an attribute": (
        lambda b: os.setxattr(b / "rootfs/su", "user.n", b"x"),
        r"\./rootfs/su has first xattr.user.n none, then 78",
    ),
}


def test_two_builds_are_the_same(builds: tuple[Path, Path]) -> None:
    compare_builds(*builds)


@pytest.mark.parametrize("name", CHANGES)
def test_the_first_difference_is_told(builds: tuple[Path, Path], name: str) -> None:
    change, message = CHANGES[name]
    change(builds[1])
    with pytest.raises(DifferenceError, match=message):
        compare_builds(*builds)
