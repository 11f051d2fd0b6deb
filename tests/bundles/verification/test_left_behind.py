"""What running leaves in a rootfs is no change; what somebody has put there is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.left_behind import LeftBehind, find_left_behind
from bundler.bundles.write import encode
from bundler.rootfs.owners import kept
from tests.support.bundles import make_bundle
from tests.support.tarballs import directory, symlink

pytestmark = pytest.mark.root


def mount(destination: Any, source: Any = "/srv", options: Any = ("rbind",)) -> dict[str, Any]:
    return {"destination": destination, "source": source, "type": "none", "options": options}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """It mounts two files of the machine, one through a symlink, and has an empty directory of its own."""
    members = [
        directory(".", mtime=7),
        directory("d", mtime=5),
        directory("d/own", mtime=3),
        symlink("l", "d", mtime=1),
    ]
    bundle = make_bundle(tmp_path / "b", *members)
    mounts = [
        mount("/l/file"),
        mount("/new/deep/folder"),
        mount("/d/own"),
        mount("/tmp/x", "x"),
        mount("/v", "volumes/v"),
    ]
    rewrite(bundle, {"ociVersion": "1.0.2", "mounts": mounts})
    return bundle


def rewrite(bundle: Path, document: dict[str, Any]) -> None:
    (bundle / "config.json").write_bytes(encode(document))


def changes(bundle: Path) -> list[str]:
    return [
        f"{change.what} {change.path}"
        for change in Verification(Bundle.open(bundle)).changes()
        if change.path != "config.json"
    ]


def run(root: Path) -> None:
    """What a runtime does before the first start."""
    (root / "d/file").touch()
    (root / "new/deep/folder").mkdir(parents=True)


def test_mount_points_of_the_machine_s_files_are_no_change(bundle: Path) -> None:
    assert find_left_behind(Bundle.open(bundle), kept()) == LeftBehind(set(), {})
    run(bundle / "rootfs")
    left = find_left_behind(Bundle.open(bundle), kept())
    assert left == LeftBehind({b"d/file", b"new/deep/folder", b"new/deep", b"new"}, {b"d": 5, b"": 7})
    assert changes(bundle) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda root: (root / "d/file").write_text("x"), ["changed ./d", "extra ./d/file"]),
        (lambda root: (root / "d/other").touch(), ["extra ./d/other"]),
        (
            lambda root: (root / "new/deep/folder/x").touch(),
            ["changed .", "extra ./new", "extra ./new/deep", "extra ./new/deep/folder", "extra ./new/deep/folder/x"],
        ),
        (lambda root: (root / "d").chmod(0o700), ["changed ./d"]),
        (lambda root: (root / "d/own").rmdir(), ["missing ./d/own"]),
        (lambda root: (root / "v").mkdir(), ["extra ./v"]),
    ],
)
def test_anything_else_is_told(bundle: Path, change: Callable[[Path], object], told: list[str]) -> None:
    run(bundle / "rootfs")
    change(bundle / "rootfs")
    assert changes(bundle) == told


@pytest.mark.parametrize(
    "mounts",
    [
        5,
        {"destination": "/d/file"},
        [5, {}, mount(5), mount("/d/file", 5), mount("/d/file", options=5), mount("/\ud800"), mount("/a\0b")],
        [mount("../../../etc/hosts"), mount("/"), mount("")],
    ],
)
def test_a_document_without_sense_hides_nothing(bundle: Path, mounts: object) -> None:
    rewrite(bundle, {"ociVersion": "1.0.2", "mounts": mounts})
    (bundle / "rootfs/d/file").touch()
    assert find_left_behind(Bundle.open(bundle), kept()).paths == set()
    assert changes(bundle) == ["changed ./d", "extra ./d/file"]
    (bundle / "config.json").write_text(json.dumps([mounts])[1:])
    assert find_left_behind(Bundle.open(bundle), kept()) == LeftBehind()
