"""What pip installs is all of the package."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundler import __version__
from bundler.completion.scripts import script
from release.man_pages import man_pages
from tests.support.installed_tools import NOT_COMPILED
from tests.support.outside import outside
from tests.support.pages import blocks

PROJECT = Path(__file__).resolve().parents[2]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "bundler", "scripts/release")
NAMES = ("bundler", "oci-bundler")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What a clone has of what is installed."""
    source = tmp_path / "source"
    source.mkdir()
    for name in BUILT_FROM:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            shutil.copy(path, source / name)
    left = source / "build/share/man/man1/bundler-gone.1"  # by an earlier build
    left.parent.mkdir(parents=True)
    left.touch()
    return source


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_package_and_both_commands(source: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        *outside(),
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        tmp_path,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    files = zipfile.ZipFile(wheel)
    packed = {name for name in files.namelist() if name.startswith("bundler/")}
    wanted = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "bundler").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == wanted
    [points] = [name for name in files.namelist() if name.endswith(".dist-info/entry_points.txt")]
    scripts = configparser.ConfigParser()
    scripts.read_string(files.read(points).decode())
    assert dict(scripts["console_scripts"]) == dict.fromkeys(NAMES, "bundler.__main__:main")
    shared = {
        name.partition(".data/data/share/")[2]: files.read(name).decode()
        for name in files.namelist()
        if ".data/data/share/" in name
    }
    pages = {f"man/man{name[-1]}/{name}": text for name, text in man_pages(__version__).items()}
    completions = {
        place.format(name): script(shell, name)
        for name in NAMES
        for shell, place in {
            "bash": "bash-completion/completions/{}",
            "zsh": "zsh/site-functions/_{}",
            "fish": "fish/vendor_completions.d/{}.fish",
        }.items()
    }
    assert shared == pages | completions


@pytest.mark.slow
def test_what_readme_says_of_the_installation_works_as_printed(source: Path, tmp_path: Path) -> None:
    """Also where Debian's own Python refuses a bare `pip install` (PEP 668)."""
    [lines] = [block.text for block in blocks(PROJECT / "README.md") if "pip install" in block.text]
    script = f"set -eu\n{lines}"
    environment = os.environ | {"HOME": str(tmp_path)} | NOT_COMPILED
    done = subprocess.run(
        [*outside(), "sh", "-c", script], cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("bundler 0.")
    assert [(tmp_path / "bundler/bin" / name).exists() for name in NAMES] == [True, True]
    # man and bash-completion look there once bin/ is on PATH.
    assert (tmp_path / "bundler/share/man/man1/bundler.1").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_command_knows_the_name_it_was_called_by(name: str) -> None:
    command = Path(sys.executable).with_name(name)
    usage = subprocess.run([command, "build", "--help"], capture_output=True, text=True, check=True).stdout
    assert usage.split()[:3] == ["Usage:", name, "build"]
    wrong = subprocess.run([command, "build", "--nonsense"], capture_output=True, text=True, check=False)
    assert wrong.stderr.splitlines()[-1] == f"bundler: hint: {name} build --help"
    for shell in ("bash", "zsh", "fish"):
        taught = subprocess.run(
            [command, "--show-completion", shell], capture_output=True, text=True, check=True
        ).stdout
        assert taught.splitlines()[0].endswith(f" {name}")
