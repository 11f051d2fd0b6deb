"""docs/install.md, followed on machines without a network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from release.changelog import latest
from tests.support.command import bundler
from tests.support.debian import add_packages
from tests.support.machine import Machine, machine
from tests.support.made_once import made_once
from tests.support.pages import PROJECT, Block, blocks, console
from tests.support.releases import SYSTEM_PYTHON, released, wheels_of
from tests.support.runtime import Ended

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.tool("dpkg-deb", "strip", "debootstrap", "umoci", "setfattr", "setcap", "nsenter"),
]
PAGE = PROJECT / "docs/install.md"
GREETING = "Hello from a bundle! No daemon made it, and no daemon runs it."
VERSION = f"bundler {latest().version}"
DEBIAN_PACKAGES = ("python3", "python3-venv", "runc")


@pytest.fixture(scope="module")
def release(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(cache, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def bare_debian(debian: Path, cache: Path) -> Path:
    """A Debian with its own Python and runc, and nothing of bundler."""
    return made_once(cache / "debian-with-python", partial(_make_root, debian, cache))


def _make_root(debian: Path, cache: Path, root: Path, scratch: Path) -> None:
    bundler("build", f"oci:{debian}:debian", "--output", scratch / "bundle")
    (scratch / "bundle/rootfs").rename(root)
    add_packages(root, cache, *DEBIAN_PACKAGES)


@pytest.fixture(scope="module")
def elsewhere(bare_debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    """Such a machine without a network, and its root directory."""
    root = tmp_path_factory.mktemp("elsewhere") / "root"
    subprocess.run(["cp", "--archive", "--reflink=auto", bare_debian, root], check=True)
    with machine(root) as inside:
        yield inside, root
    shutil.rmtree(root)


@dataclass(frozen=True)
class There:
    """A folder of the other machine, with a release, the wheels of others and an image in it."""

    machine: Machine
    root: Path
    folder: str

    def follow(self, lines: str) -> Ended:
        """Type these lines there, as root at home in /root."""
        path = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = ("env", "-i", "HOME=/root", f"PATH={path}", "LC_ALL=C.UTF-8")
        ended = self.machine(*environment, "sh", "-euc", f"cd {self.folder}\n{lines}")
        assert ended.exit_code == 0, ended.stdout + ended.stderr
        return ended


@pytest.fixture
def there(elsewhere: tuple[Machine, Path], release: Path, cache: Path, tmp_path: Path) -> There:
    inside, root = elsewhere
    folder = root / "srv" / tmp_path.name
    shutil.copytree(release, folder)
    shutil.copytree(wheels_of(cache), folder / "wheels")
    shutil.copy(PROJECT / "testdata/hello-amd64.tar", folder / "hello.tar")
    return There(inside, root, f"/srv/{folder.name}")


def block(word: str) -> Block:
    [found] = [each for each in blocks(PAGE) if word in each.text and each.word == "run by"]
    return found


def test_the_zipapp_builds_a_bundle_that_runs(there: There) -> None:
    printed = there.follow(
        f"{block('install bundler.pyz').text}\nbundler verify hello\nrunc run --bundle hello of-the-zipapp"
    )
    assert printed.stdout.splitlines()[0] == VERSION
    assert printed.stdout.splitlines()[-1] == GREETING
    assert (there.root / "root/.cache/oci-bundler").stat().st_mode & 0o777 == 0o700


def test_the_zipapp_says_what_a_noexec_folder_is_not_good_for(there: There) -> None:
    [step] = console(block("noexec"))
    set_up = "mkdir /mnt/noexec && mount -t tmpfs -o noexec,mode=700 tmpfs /mnt/noexec"
    ended = there.follow(f"{set_up}\n{{ {step.commands}; }} 2>&1")
    assert ended.stdout == step.output


def test_dpkg_installs_the_package_and_the_command_builds_a_bundle_that_runs(there: There) -> None:
    ended = there.follow(f"{block('dpkg -i').text}\nrunc run --bundle hello of-the-package")
    assert VERSION in ended.stdout.splitlines()
    assert ended.stdout.splitlines()[-1] == GREETING
    compiled = there.root.glob("usr/lib/oci-bundler/bundler/__pycache__/*.pyc")
    assert list(compiled), "every user would compile it each time"
    assert not (there.root / "usr/bin/bundler").exists(), "ruby-bundler has it"
    for place in (
        *("bash-completion/completions/oci-bundler", "zsh/vendor-completions/_oci-bundler"),
        "fish/vendor_completions.d/oci-bundler.fish",
    ):
        assert "oci-bundler" in (there.root / "usr/share" / place).read_text()
    assert (there.root / "usr/share/man/man1/oci-bundler-build.1.gz").exists()
    as_a_user = "setpriv --reuid=1000 --regid=1000 --clear-groups oci-bundler config hello.tar | head -n 1"
    assert there.follow(as_a_user).stdout == "{\n"
    there.follow("dpkg --purge oci-bundler")
    assert list(there.root.glob("usr/**/*oci-bundler*")) == []


def test_pip_installs_the_wheels_of_the_release(there: There) -> None:
    assert there.follow(block("--no-index").text).stdout.splitlines()[-1] == VERSION


@pytest.mark.tool("lintian")
def test_lintian_has_nothing_to_say_about_the_package(release: Path) -> None:
    [package] = release.glob("*.deb")
    options = ["--allow-root", "--fail-on=warning", "--display-info"]
    command: list[str | Path] = ["lintian", *options, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    # Debian 13's finds libraries in the wheels; Debian 12's, which does not, has no use for the override.
    told = [
        line for line in done.stdout.splitlines() if not re.match(r"N: |I: \S+ unused-override embedded-library ", line)
    ]
    assert told == []
    assert done.returncode == 0, done.stderr


def test_the_lines_that_make_a_release_make_one(release: Path, tmp_path: Path) -> None:
    """Their sums are checked here; `released` has run the first of them."""
    make, *check = block("scripts/make-release").text.splitlines()
    assert make == "scripts/make-release"
    (tmp_path / "dist").symlink_to(release)
    subprocess.run(["sh", "-euc", "\n".join(check)], cwd=tmp_path, check=True, capture_output=True)


# What a home can be like, as commands in a machine with an empty one, and what is said of it.
HOMES = {
    "read-only": (
        "mount -t tmpfs -o ro tmpfs $HOME",
        "bundler.pyz cannot put its files into {home}/.cache/oci-bundler: Read-only file system",
    ),
    "without room": (
        "mount -t tmpfs -o size=1m tmpfs $HOME",
        "bundler.pyz cannot put its files into {home}/.cache/oci-bundler: No space left on device",
    ),
    "a file in the way": (
        "touch $HOME/.cache",
        "{home}/.cache is no folder, so bundler.pyz has no place for its files",
    ),
    "for everybody": (
        "mkdir -m 777 $HOME/.cache",
        "others may write to {home}/.cache, and could change what bundler.pyz runs",
    ),
    "of another user": (
        "mkdir $HOME/.cache && chown 4242 $HOME/.cache",
        "{home}/.cache belongs to another user, who could change what bundler.pyz runs",
    ),
    "a link to another user's": (
        "mkdir -p $HOME/other/oci-bundler && chown 4242 $HOME/other && ln -s other $HOME/.cache",
        "{home}/other belongs to another user, who could change what bundler.pyz runs",
    ),
    "a loop": (
        "ln -s .cache $HOME/.cache",
        "{home}/.cache is no folder, so bundler.pyz has no place for its files",
    ),
    "nowhere": (
        "unset HOME; set -- setpriv --reuid=4242 --regid=4242 --clear-groups $@",
        "there is no home directory, so bundler.pyz has no place for its files",
    ),
}


@pytest.mark.tool(SYSTEM_PYTHON)
@pytest.mark.parametrize("home", HOMES)
def test_a_home_that_is_no_place_for_files_is_told_in_one_line(release: Path, tmp_path: Path, home: str) -> None:
    set_up, reason = HOMES[home]
    place = tmp_path / "home"
    place.mkdir()

    script = f'set -- {SYSTEM_PYTHON} /run/bundler.pyz\n{set_up}\nexec "$@" --version'
    with machine() as inside:
        inside.must("cp", release / "bundler.pyz", "/run/bundler.pyz")
        ended = inside("env", "-i", f"PATH={os.environ['PATH']}", f"HOME={place}", "sh", "-euc", script)
        left = inside("find", place, "-name", "unfinished").stdout
    what, hint = ended.stderr.splitlines()
    assert (ended.exit_code, what) == (1, f"bundler: error: {reason.format(home=place)}")
    assert hint == "bundler: hint: name another folder for it: XDG_CACHE_HOME=/a/folder bundler.pyz ..."
    assert left == ""


def test_first_runs_at_the_same_time_make_one_folder_and_clear_away_what_a_killed_one_has_left(
    release: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "oci-bundler"
    (cache / "unfinished/files").mkdir(parents=True, mode=0o700)
    for folder in (tmp_path, cache):
        folder.chmod(0o700)
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command: list[str | Path] = [sys.executable, release / "bundler.pyz", "--version"]
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[0] for run in runs] == [f"{VERSION}\n"] * 3
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1
