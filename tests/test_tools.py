"""Outside programs, played by small scripts on PATH."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from bundler import tools
from bundler.errors import ToolError
from bundler.tools import Tool, ToolFailedError, hold_back

TOOL = Tool("fakeware", minimum=(1, 9, 0), package="fakeware-bin")


class Program(Protocol):
    def __call__(self, script: str, *, version: str = ...) -> Path: ...


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a shell script called fakeware first on PATH."""
    tools.require.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def write(script: str, *, version: str = "fakeware version 1.9.3") -> Path:
        path = tmp_path / "fakeware"
        path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n{script}\n')
        path.chmod(0o755)
        return path

    return write


def test_the_path_of_a_program_that_is_new_enough_is_found(program: Program) -> None:
    path = program("")
    assert tools.require(TOOL) == str(path)


def test_a_missing_program_is_named_with_the_package_that_has_it(program: Program) -> None:
    with pytest.raises(ToolError, match=r"fakeware 1\.9\.0 or newer is needed and is not on PATH") as caught:
        tools.require(TOOL)
    assert caught.value.hint == "install it, on Debian with: apt install fakeware-bin"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("fakeware version 1.8.99", r"is version 1\.8\.99, 1\.9\.0 or newer is needed"),
        ("1.2", r"is version 1\.2\.0,"),
        ("no idea", "does not say its version"),
    ],
)
def test_a_program_that_is_too_old_or_silent_is_refused(program: Program, version: str, message: str) -> None:
    program("", version=version)
    with pytest.raises(ToolError, match=message):
        tools.require(TOOL)


@pytest.mark.parametrize("version", ["1.9.0", "fakeware version 1.10.0-dev commit: abc 9.9", "2.0"])
def test_newer_versions_are_taken(program: Program, version: str) -> None:
    path = program("", version=version)
    assert tools.require(TOOL) == str(path)


def test_a_file_that_is_no_program_is_an_expected_failure(program: Program) -> None:
    program("").write_bytes(b"\x7fELF but not really")
    with pytest.raises(ToolError, match="cannot be run"):
        tools.require(TOOL)


def test_what_a_program_prints_is_returned(program: Program) -> None:
    program('printf "%s|" "$@"')
    assert tools.run(TOOL, "copy", Path("/a b")) == b"copy|/a b|"


def test_a_failing_program_is_quoted_by_its_last_line(program: Program) -> None:
    program('echo first >&2; printf "\\033[31mno such image\\n" >&2; exit 3')
    with pytest.raises(ToolFailedError) as caught:
        tools.run(TOOL)
    assert caught.value.what == r"fakeware failed with exit code 3: \x1b[31mno such image"
    assert caught.value.returncode == 3
    assert caught.value.stderr == "first\n\x1b[31mno such image"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "fakeware failed with exit code 1: it printed no reason"),
        ("kill -9 $$", "fakeware was ended by signal 9: it printed no reason"),
    ],
)
def test_a_program_that_dies_without_a_word_is_described(program: Program, script: str, message: str) -> None:
    program(script)
    with pytest.raises(ToolFailedError, match=message):
        tools.run(TOOL)


def test_a_program_sees_only_what_is_meant_for_it(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    program("/usr/bin/env")
    seen = tools.run(TOOL).decode().splitlines()
    assert {"LC_ALL=C.UTF-8", "TZ=UTC", "https_proxy=http://proxy:3128"} <= set(seen)
    assert not [line for line in seen if line.startswith(("SECRET=", "LANG="))]


def test_a_program_gets_no_input(program: Program) -> None:
    program("cat")
    assert tools.run(TOOL) == b""


def test_much_output_on_both_streams_does_not_block(program: Program) -> None:
    program("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")
    assert len(tools.run(TOOL)) == 300_000


def test_a_program_that_is_held_back_does_its_work_when_it_is_told(program: Program, tmp_path: Path) -> None:
    program('echo "$1" >"$2"')
    proceed = hold_back(TOOL, "x", str(tmp_path / "made"))
    assert not (tmp_path / "made").exists()
    proceed()
    assert (tmp_path / "made").read_text() == "x\n"


def test_one_that_is_held_back_and_fails_says_why(program: Program) -> None:
    program("echo no such luck >&2; exit 3")
    with pytest.raises(ToolFailedError, match=r"^fakeware failed with exit code 3: no such luck$"):
        hold_back(TOOL)()


def test_one_that_is_never_told_ends_with_who_holds_it_back(program: Program, tmp_path: Path) -> None:
    program(f"touch {tmp_path}/made")
    code = "from tests.test_tools import TOOL; from bundler.tools import hold_back; hold_back(TOOL)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=True, capture_output=True)
    assert done.stdout == b""  # which the program would have kept open
    assert not (tmp_path / "made").exists()
