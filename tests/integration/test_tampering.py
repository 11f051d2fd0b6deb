"""Every file of a bundle, and all that can be done to it, as a directory and in every packed form: nothing passes."""

import os
import shutil
import subprocess
from itertools import cycle
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.proof import DATA, PROOFS
from bundler.errors import BundlerError
from bundler.limits import DEFAULTS
from bundler.packing.packed import open_packed
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from bundler.packing.verification import PackedVerification
from bundler.running.start import RunRequest, prepare
from tests.support.command import bundler, call_bundler
from tests.support.whole_bundle import NOT_PACKED, OF_OWNERS, build_whole, paths_of, tamperings

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "mksquashfs", "mkfs.erofs", "runc")]
FORMS = (".tar", ".tar.zst", ".squashfs", ".erofs")
# What `build` makes beside the files of images, and whether the container may write there. What comes to be made has to
# be thought of here, and in PROOFS.
PROVEN = [
    "bundler.json",
    "config.json",
    "etc",
    "etc/content-etc-app.conf",
    "etc/docker-init",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "hooks",
    "hooks/hook",
    "images",
    "images.mtree",
    "rootfs",
    "rootfs.mtree",
    "volumes",
]
MOUNTED = ["own", "own/deep", "shm", "volumes/cache", "volumes/data"]
OF_IMAGES = ["images/oci%3Alayout%3A2", "images/oci%3Alayout%3A2/asset", "rootfs/bin", "rootfs/bin/app", "rootfs/app"]
# Who has bundler.json has what all is held against: its digest is kept elsewhere.
NOT_TOLD = [("bundler.json", "changed"), ("own/deep", "a file")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes would take longer to start than this bundle to be read."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0})


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", whole, tmp_path / "bundle"], check=True)
    return tmp_path / "bundle"


def test_every_file_of_a_bundle_is_proven_or_data(whole: Path) -> None:
    made = {path for path in paths_of(whole) if not path.startswith(("rootfs/", "images/", "volumes/data/"))}
    assert made == {*PROVEN, *MOUNTED}
    tops = {path.partition("/")[0] for path in made} - {"own"}  # which the overrides named
    assert tops == PROOFS.keys() - {"upper", "rootfs.erofs"}  # of a root filesystem that is one file
    assert {top for top, proof in PROOFS.items() if proof == DATA} == {"volumes", "upper", "shm"}


def test_what_was_built_passes(whole: Path, tmp_path: Path) -> None:
    assert list(Verification(Bundle.open(whole)).changes()) == []
    for form in FORMS:
        packed = pack(Bundle.open(whole), tmp_path / f"b{form}").path
        assert told_of(packed) == []
        unpack(packed, tmp_path / f"again{form.lstrip('.')}")
        assert list(Verification(Bundle.open(tmp_path / f"again{form.lstrip('.')}")).changes()) == []
    assert prepare(RunRequest(bundle=whole, runtime="runc"), terminal_here=False).words


def told_of(packed: Path) -> list[str]:
    with open_packed(packed, DEFAULTS) as opened:
        return [change.path for change in PackedVerification(opened).changes()]


def passes(bundle: Path) -> bool:
    try:
        return not list(Verification(Bundle.open(bundle)).changes())
    except BundlerError:
        return False


def passes_packed(packed: Path) -> bool:
    try:
        return not told_of(packed)
    except BundlerError:
        return False


def each_tampering(bundle: Path, path: str) -> list[str]:
    """What can be done to the path, and is to be told."""
    names = tamperings(bundle / path, is_data=path in MOUNTED)
    return [name for name in names if (path, name) not in NOT_TOLD]


def copied(bundle: Path, whole: Path) -> Path:
    shutil.rmtree(bundle)
    subprocess.run(["cp", "-a", whole, bundle], check=True)
    return bundle


@pytest.mark.parametrize("path", [*PROVEN, *MOUNTED, *OF_IMAGES])
def test_no_tampering_passes(whole: Path, bundle: Path, tmp_path: Path, path: str) -> None:
    forms = cycle(FORMS[len(path) % len(FORMS) :] + FORMS)  # all of them for each path, and each for some
    for name in each_tampering(bundle, path):
        copied(bundle, whole)
        tamperings(bundle / path, is_data=path in MOUNTED)[name](bundle / path)
        assert not passes(bundle), name
        with pytest.raises(BundlerError):
            pack(Bundle.open(bundle), tmp_path / "refused.tar")
        form = next(forms)
        packed, output = tmp_path / f"packed{form}", tmp_path / "unpacked"
        try:
            pack(Bundle.open(bundle), packed, as_is=True, replace=True)
        except BundlerError:
            continue
        if name not in NOT_PACKED:
            assert not passes_packed(packed), (name, form)
            with pytest.raises(BundlerError):
                unpack(packed, output)
            assert not output.exists()


@pytest.mark.parametrize(
    "path",
    [path for path in (*PROVEN, *MOUNTED) if path.partition("/")[0] in ("etc", "hooks", "volumes", "own", "shm")],
)
def test_what_a_container_or_a_hook_uses_does_not_run(whole: Path, bundle: Path, path: str) -> None:
    for name in each_tampering(bundle, path):
        copied(bundle, whole)
        tamperings(bundle / path, is_data=path in MOUNTED)[name](bundle / path)
        with pytest.raises(BundlerError):
            prepare(RunRequest(bundle=bundle, runtime="runc"), terminal_here=False)


@pytest.mark.parametrize("name", OF_OWNERS)
def test_a_bundle_that_others_can_change_is_told(bundle: Path, name: str) -> None:
    OF_OWNERS[name](bundle)
    assert call_bundler("verify", bundle).returncode == 6
    assert call_bundler("run", bundle, "--dry-run").returncode == 6


@pytest.mark.parametrize("path", ["volumes/data", "volumes", "etc/hosts", "etc", "shm", "own"])
def test_a_symlink_on_the_way_to_what_is_mounted_is_exit_code_6(bundle: Path, tmp_path: Path, path: str) -> None:
    tamperings(bundle / path, is_data=True)["a symlink to itself elsewhere"](bundle / path)
    bundler("pack", bundle, "--as-is", "-o", tmp_path / "b.tar")
    for words in (
        ("verify", bundle),
        ("verify", "b.tar"),
        ("unpack", "b.tar", "-o", "new"),
        ("run", bundle, "--dry-run"),
        ("run", bundle, "--dry-run", "--as-is"),
        ("unpack", "b.tar", "-o", "new", "--as-is"),
        ("doctor", bundle),
        ("pack", bundle, "-o", "c.tar"),
    ):
        assert call_bundler(*words, cwd=tmp_path).returncode == 6, words


def test_what_a_container_does_in_its_volumes_is_no_change(bundle: Path) -> None:
    for name in ("data", "cache"):
        (bundle / "volumes" / name / "link").symlink_to("/etc")
        (bundle / "volumes" / name / "more").mkdir()
    (bundle / "volumes/data").chmod(0o777)
    (bundle / "shm/x").touch()
    (bundle / "own/deep/x").touch()
    assert passes(bundle)
