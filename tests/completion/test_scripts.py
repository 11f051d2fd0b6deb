"""What makes a shell ask bundler: printed for any shell, and installed where the shell looks."""

import os
import subprocess
from pathlib import Path

import pytest

from bundler.completion.scripts import script
from bundler.completion.shells import SHELLS
from tests.support.command import call_bundler, installed
from tests.support.shells import environment

START = {"bash": ".bashrc", "zsh": ".zshrc"}
SCRIPTS = {
    "bash": ".local/share/bash-completion/completions/bundler",
    "zsh": ".local/share/zsh/site-functions/_bundler",
    "fish": ".config/fish/completions/bundler.fish",
}


def call(*words: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return call_bundler(*words, env={"HOME": str(home), "SHELL": ""} | more)


def asked(shell: str, home: Path) -> str:
    """What a shell, started as a person starts it, has to complete the word bundler."""
    command = {
        "bash": ["bash", "-i", "-c", "complete -p bundler"],
        "zsh": ["zsh", "-d", "-i", "-c", "print -r -- $_comps[bundler]"],
        "fish": ["fish", "-c", "complete -C 'bundler bu'"],
    }[shell]
    variables = environment() | {"HOME": str(home), "ZDOTDIR": str(home)}
    done = subprocess.run(
        ["setsid", *command], env=variables, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_any_shell_is_shown(shell: str, tmp_path: Path) -> None:
    shown = call("--show-completion", shell, home=tmp_path)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, script(shell, "bundler"), "")


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_that_has_no_completion_is_refused(option: str, tmp_path: Path) -> None:
    refused = call(option, "tcsh", home=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "bundler: error: there is no completion for 'tcsh'",
        "bundler: hint: there is for bash, zsh, fish",
    ]


@pytest.mark.parametrize(
    "shell", [pytest.param(name, marks=pytest.mark.tool(name)) for name in SHELLS if name != "fish"]
)
def test_the_shell_that_bundler_is_called_from_is_known(shell: str, tmp_path: Path) -> None:
    command = [shell, "-c", f"{installed()} --show-completion; exit"]
    variables = os.environ | {"HOME": str(tmp_path), "SHELL": "/bin/sh"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == script(shell, "bundler")


@pytest.mark.parametrize("shell", [pytest.param(name, marks=pytest.mark.tool(name)) for name in SHELLS])
def test_a_shell_completes_once_it_is_installed(shell: str, tmp_path: Path) -> None:
    first = call("--install-completion", shell, home=tmp_path)
    assert first.stdout == f"{tmp_path / SCRIPTS[shell]}\n"
    assert (tmp_path / SCRIPTS[shell]).read_text() == script(shell, "bundler")
    assert "bundler" in asked(shell, tmp_path) or "build" in asked(shell, tmp_path)
    again = call("--install-completion", shell, home=tmp_path)
    assert (again.stdout, again.stderr) == (first.stdout, "")


@pytest.mark.parametrize("shell", START)
def test_what_a_start_up_file_holds_already_stays(shell: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("alias a=b")
    (tmp_path / START[shell]).symlink_to(kept)
    done = call("--install-completion", shell, home=tmp_path)
    assert done.stderr == f"bundler: note: {tmp_path / START[shell]} reads it from now on\n"
    assert (tmp_path / START[shell]).is_symlink()
    first, second = kept.read_text().splitlines()
    assert first == "alias a=b"
    assert second.endswith(f"source {tmp_path / SCRIPTS[shell]}")


def test_a_home_that_cannot_be_written_is_a_failure_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    failed = call("--install-completion", "bash", home=tmp_path / "home")
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
