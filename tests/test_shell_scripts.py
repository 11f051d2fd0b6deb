"""The shell scripts that bundles carry: what a checker says of them."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted(Path(__file__).parents[1].glob("bundler/data/*.sh"))


@pytest.mark.tool("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_posix_and_has_nothing_to_complain_of(script: Path) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_never_reads_a_word_as_code(script: Path) -> None:
    assert "eval " not in script.read_text()
