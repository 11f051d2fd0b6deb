"""The shell scripts that bundles carry: what a checker says of them."""

import subprocess
from pathlib import Path

import pytest

from bundler.kit import kit_script

DATA = Path(__file__).parents[1] / "bundler/data"
SCRIPTS = {path.name: path.read_bytes() for path in sorted(DATA.glob("*.sh"))} | {"kit.sh": kit_script()}


@pytest.mark.tool("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_posix_and_has_nothing_to_complain_of(script: str) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPTS[script], capture_output=True, check=False)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_never_reads_a_word_as_code(script: str) -> None:
    assert b"eval " not in SCRIPTS[script]


def test_kit_sh_is_made_of_all_its_parts() -> None:
    parts = [path.read_bytes() for path in (*DATA.glob("kit/*.sh"), DATA / "mount-rootfs.sh")]
    assert len(kit_script()) == sum(map(len, parts)) + len(parts) - 1
