"""What the doctor finds where mounts will be, and on file systems that are mounted read-only or noexec."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.conversion.target import Target
from bundler.doctor.bundle_facts import BundleFacts, look_at
from bundler.doctor.checks import BUNDLE_CHECKS
from bundler.doctor.finding import examine
from bundler.doctor.host_facts import look_around
from tests.support.elf import program

TMPFS: dict[str, Any] = {"type": "tmpfs", "source": "tmpfs"}
VOLUME: dict[str, Any] = {"type": "bind", "source": "volumes/v", "options": ["rbind"]}
FILE: dict[str, Any] = {"type": "bind", "source": "etc/hosts", "options": ["rbind", "rro"]}


def make(bundle: Path, *mounts: dict[str, Any], cwd: str = "/") -> Path:
    """A bundle that has a program, a directory, a file and symlinks, and mounts these."""
    for folder in ("rootfs/there", "etc", "volumes/v/there"):
        (bundle / folder).mkdir(parents=True)
    (bundle / "rootfs/app").write_bytes(program())
    (bundle / "rootfs/app").chmod(0o755)
    (bundle / "rootfs/file").touch()
    (bundle / "rootfs/link").symlink_to("/file")
    (bundle / "volumes/v/out").symlink_to("/etc")
    (bundle / "etc/hosts").touch()
    document = {"ociVersion": "1.0.2", "process": {"args": ["/app"], "cwd": cwd}, "mounts": list(mounts)}
    (bundle / "config.json").write_text(json.dumps(document))
    return bundle


def at(destination: str, mount: dict[str, Any] = TMPFS) -> dict[str, Any]:
    return {"destination": destination} | mount


def found(subject: BundleFacts) -> dict[str, str]:
    wanted = ("mount-points", "mount-kinds", "noexec", "refused-by-crun")
    return {finding.check: finding.what for finding in examine(BUNDLE_CHECKS, subject) if finding.check in wanted}


def here(bundle: Path, target: Target | None = None) -> BundleFacts:
    return look_at(Bundle.open(bundle), target or Target(), look_around(None))


@pytest.mark.parametrize(
    ("destination", "kind"),
    [
        ("/there", "directory"),
        ("/file", "file"),
        ("/link", "file"),
        ("/missing", "missing"),
        ("/file/x", "nowhere"),
        ("/run/x", "unknown"),
        ("/v", "unknown"),
        ("/v/there", "directory"),
        ("/v/missing", "missing"),
        ("/v/out/x", "unknown"),
    ],
)
def test_a_mount_point_is_where_earlier_mounts_leave_it(tmp_path: Path, destination: str, kind: str) -> None:
    bundle = make(tmp_path / "b", at("/run"), at("/v", VOLUME), at(destination))
    assert here(bundle).mount_points[-1].kind == kind


def test_a_file_system_on_a_file_and_a_way_through_a_file_cannot_be(tmp_path: Path) -> None:
    first = found(here(make(tmp_path / "1", at("/link"))))
    assert first == {"mount-kinds": "/mounts/0: a file system is mounted on /link, in the rootfs a file"}
    second = found(here(make(tmp_path / "2", at("/file/x", FILE))))
    what = "/mounts/0: nothing can be mounted on /file/x: something else is in its way"
    assert second == {"mount-kinds": what}


def test_an_old_crun_makes_no_file_read_only_recursively(tmp_path: Path) -> None:
    bundle = make(tmp_path / "b", at("/file", FILE))
    what = "/mounts/0: etc/hosts is no directory, and crun fails at rro for it"
    assert found(here(bundle, Target(runtime="crun", runtime_version=(1, 8, 1)))) == {"refused-by-crun": what}
    assert found(here(bundle, Target(runtime="crun", runtime_version=(1, 14, 4)))) == {}
    assert found(here(bundle, Target(runtime="runc", runtime_version=(1, 1, 5)))) == {}


@contextmanager
def remounted(bundle: Path, options: str) -> Iterator[Path]:
    subprocess.run(["mount", "--bind", bundle, bundle], check=True)
    try:
        subprocess.run(["mount", "-o", f"remount,bind,{options}", bundle], check=True)
        yield bundle
    finally:
        subprocess.run(["umount", bundle], check=True)


@pytest.mark.root
@pytest.mark.parametrize(
    ("mount", "cwd", "what"),
    [
        (at("/there"), "/", None),
        (at("/missing"), "/", "/mounts/2: /missing is not there to mount onto, and the rootfs is read-only"),
        (at("/v/missing"), "/", "/mounts/2: /v/missing is not there to mount onto, and volumes/v is read-only"),
        (at("/run/x"), "/", None),
        (at("/there"), "/srv", "the working directory /srv is not there, and the rootfs is read-only"),
    ],
)
def test_on_a_read_only_file_system_all_has_to_be_there(
    tmp_path: Path, mount: dict[str, Any], cwd: str, what: str | None
) -> None:
    bundle = make(tmp_path / "b", at("/there"), at("/link", FILE), mount, cwd=cwd)
    document = json.loads((bundle / "config.json").read_bytes())
    document["mounts"][0:2] = [at("/there/run"), at("/v", VOLUME)]
    (bundle / "rootfs/there/run").mkdir()
    (bundle / "rootfs/v").mkdir()
    (bundle / "rootfs/run").symlink_to("there/run")
    (bundle / "config.json").write_text(json.dumps(document))
    assert found(here(bundle)) == {}
    with remounted(bundle, "ro"):
        assert found(here(bundle)).get("mount-points") == what
        assert found(look_at(Bundle.open(bundle), Target(), None)) == {}


@pytest.mark.root
def test_where_nothing_may_be_executed_no_program_starts(tmp_path: Path) -> None:
    bundle = make(tmp_path / "b")
    with remounted(bundle, "noexec"):
        assert found(here(bundle)) == {"noexec": "the rootfs lies on a file system that is mounted noexec"}
    hidden = make(tmp_path / "hidden", at("/app"))
    with remounted(hidden, "noexec"):
        assert "noexec" not in found(here(hidden))
