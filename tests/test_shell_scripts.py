"""The shell scripts that bundles carry: what a checker says of them."""

import subprocess
from pathlib import Path

import pytest

from bundler.conversion.networking.script import network_script
from bundler.kit import kit_script

DATA = Path(__file__).parents[1] / "bundler/data"
MADE_OF_PARTS = {"kit.sh": kit_script(), "network": network_script()}
SCRIPTS = {path.name: path.read_bytes() for path in sorted(DATA.glob("*.sh"))} | MADE_OF_PARTS


@pytest.mark.tool("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_posix_and_has_nothing_to_complain_of(script: str) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPTS[script], capture_output=True, check=False)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_never_reads_a_word_as_code(script: str) -> None:
    assert b"eval " not in SCRIPTS[script]


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"]], ids=" ".join)
@pytest.mark.parametrize("script", SCRIPTS)
def test_small_shells_read_a_script(script: str, shell: list[str]) -> None:
    done = subprocess.run([*shell, "-n"], input=SCRIPTS[script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("script", "paths"),
    [("kit.sh", [*DATA.glob("kit/*.sh"), DATA / "mount-rootfs.sh"]), ("network", [*DATA.glob("network/*.sh")])],
    ids=["kit.sh", "network"],
)
def test_a_script_is_made_of_all_its_parts(script: str, paths: list[Path]) -> None:
    parts = [path.read_bytes() for path in paths]
    assert len(SCRIPTS[script]) == sum(map(len, parts)) + len(parts) - 1
