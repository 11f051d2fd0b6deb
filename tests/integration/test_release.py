"""What `scripts/make-release` makes: the same bytes whoever makes it, complete, and fit for a package index."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release.archives import read_tar, read_tree
from release.changelog import latest
from release.sources import copy_sources
from tests.support.installed_tools import python_with
from tests.support.ordinary_user import USER, folder_of_a_user
from tests.support.outside import outside
from tests.support.releases import PROJECT, SYSTEM_PYTHON, copied, released, wheels_of

pytestmark = [pytest.mark.slow, pytest.mark.tool("dpkg-deb", "strip")]
TWINE = "twine>=6.1"


@pytest.fixture(scope="module")
def release(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(cache, tmp_path_factory.mktemp("release"))


@pytest.fixture
def unpacked(release: Path, tmp_path: Path) -> Path:
    """The sdist."""
    [sdist] = release.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / sdist.name.removesuffix(".tar.gz")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_release_is_an_sdist_a_wheel_a_zipapp_and_a_debian_package_with_their_sums(release: Path) -> None:
    version = latest().version
    made = contents(release)
    sums = [line.split() for line in (release / "SHA256SUMS").read_text().splitlines()]
    assert {name: digest for digest, name in sums} == {
        name: digest for name, digest in made.items() if name != "SHA256SUMS"
    }
    assert {name.rpartition("_")[0] if name.endswith(".deb") else name for name in made} == {
        *("SHA256SUMS", "bundler.pyz", f"oci-bundler_{version}"),
        *(f"oci_bundler-{version}.tar.gz", f"oci_bundler-{version}-py3-none-any.whl"),
    }


@pytest.mark.root
@pytest.mark.tool("setpriv", SYSTEM_PYTHON)
def test_another_user_makes_the_same_bytes_elsewhere(release: Path, cache: Path) -> None:
    """With another Python, umask, locale, time zone and hash seed, from files of other times and modes."""
    with folder_of_a_user() as folder:
        source = folder / "a source of another user"
        source.mkdir()
        copy_sources(source)
        shutil.copytree(wheels_of(cache), folder / "wheels")
        for path in source.rglob("*"):
            path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
            os.utime(path, (978307200, 978307200))
        for path in (source, *source.rglob("*"), folder / "wheels", *(folder / "wheels").iterdir()):
            os.chown(path, USER, USER)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "C",
            "PYTHONHASHSEED": "4",
            "SOURCE_DATE_EPOCH": "1",
        }
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        command = 'umask 077; exec "$@" scripts/make-release --output ../made --wheels ../wheels'
        done = subprocess.run(
            [*become, "sh", "-c", command, "sh", SYSTEM_PYTHON],
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert contents(folder / "made") == contents(release)


def dates(release: Path) -> Iterator[datetime]:
    """Every date in an archive."""
    for sdist in release.glob("*.tar.gz"):
        with tarfile.open(sdist) as tar:
            yield from (datetime.fromtimestamp(member.mtime, UTC) for member in tar)
    for zipped in (*release.glob("*.whl"), *release.glob("*.pyz")):
        with zipfile.ZipFile(zipped) as files:
            yield from (datetime(*entry.date_time, tzinfo=UTC) for entry in files.infolist())


def test_the_only_date_in_archives_is_that_of_the_release(release: Path) -> None:
    assert {moment.date() for moment in dates(release)} == {latest().date}


def test_the_sdist_has_every_file_that_a_clone_has(unpacked: Path) -> None:
    listed = set(read_tree(unpacked)) - {"PKG-INFO"}
    if (PROJECT / ".git").exists():
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True)
        assert listed >= {name for name in tracked.stdout.split("\0") if name and (PROJECT / name).exists()}
    for name in listed:
        assert (unpacked / name).read_bytes() == (PROJECT / name).read_bytes(), name


def test_the_tests_run_in_the_sdist(unpacked: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/scripts/release",
        "tests/test_errors.py",
    ]
    done = subprocess.run([*command, "-m", "not slow"], cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_in_the_sdist_belongs_to_root_and_may_be_read(release: Path) -> None:
    [sdist] = release.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        described = {(member.uid, member.gid, member.uname, member.mode) for member in tar}
    assert described == {(0, 0, "root", 0o644), (0, 0, "root", 0o755)}
    assert read_tar(sdist)[f"{sdist.name.removesuffix('.tar.gz')}/scripts/setup"].executable


def test_the_metadata_tells_what_is_known(release: Path) -> None:
    [wheel] = release.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        [name] = [name for name in files.namelist() if name.endswith("/METADATA")]
        metadata = files.read(name).decode()
    for line in (f"Version: {latest().version}", "License-Expression: Apache-2.0", "Requires-Python: >=3.11"):
        assert f"\n{line}\n" in metadata
    assert metadata.endswith((PROJECT / "README.md").read_text("utf-8"))


def test_an_index_would_take_them(release: Path, cache: Path) -> None:
    twine = python_with(TWINE, cache, "twine")
    files = [*release.glob("*.whl"), *release.glob("*.tar.gz")]
    done = subprocess.run(
        [twine, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_wheel_that_is_not_the_listed_one_is_refused(cache: Path, release: Path, tmp_path: Path) -> None:
    source = copied(PROJECT / "scripts/release", tmp_path / "project/scripts/release").parents[1]
    for name in ("CHANGELOG.md",):
        shutil.copy(PROJECT / name, source / name)
    listed = source / "scripts/release/carried.sha256"
    lines = [line for line in listed.read_text().splitlines() if "mdurl" in line]
    listed.write_text(f"{'0' * 64}  {lines[0].split()[1]}\n")
    program = "from release.wheels import *; Wheels(Path('../wheels')).get(CARRIED)"
    shutil.copytree(wheels_of(cache), source / "wheels")
    done = subprocess.run(
        [*outside(), sys.executable, "-c", program],
        cwd=source / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "mdurl-0.1.2-py3-none-any.whl: not the wheel that carried.sha256 lists\n"
