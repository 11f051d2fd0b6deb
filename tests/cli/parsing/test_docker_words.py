"""Words that are no commands are answered with what to type instead."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from bundler.cli.commands import COMMANDS, DOCKERS_FAMILIES
from bundler.cli.main import app
from bundler.cli.parsing.docker_words import ROWS, WORDS, refusal
from tests.support.command import call_bundler

PROJECT = Path(__file__).resolve().parents[3]
GROUP: Any = typer.main.get_command(app)

# What `docker --help` of 28 lists, and `docker container`, `image` and `compose`.
DOCKERS = {
    "": "run exec ps build bake pull push images login logout search version info builder buildx compose container "
    "context image manifest network plugin system volume swarm attach commit cp create diff events export history "
    "import inspect kill load logs pause port rename restart rm rmi save start stats stop tag top unpause update wait",
    "container": "attach commit cp create diff exec export inspect kill logs ls pause port prune rename restart rm run "
    "start stats stop top unpause update wait",
    "image": "build history import inspect load ls prune pull push rm save tag",
    "compose": "build config create down events exec images kill logs ls pause port ps pull push restart rm run start "
    "stats stop top unpause up version wait",
}
MEANT = [line for row in ROWS for line in re.findall(r"`bundler ([^`]*)`", row.instead)]


def hint(line: str) -> str | None:
    refused = refusal(line.split(), COMMANDS)
    return None if refused is None else refused.hint


def test_no_word_is_a_command() -> None:
    assert {word for word in WORDS if " " not in word} & {*COMMANDS, "help"} == set()


def test_the_commands_with_dockers_words_behind_them_are_known() -> None:
    assert {word.partition(" ")[0] for word in WORDS if " " in word} & {*COMMANDS} == {*DOCKERS_FAMILIES}


def test_no_word_is_answered_twice() -> None:
    assert len(WORDS) == sum(len(row.words) for row in ROWS)


@pytest.mark.parametrize("word", [f"{first} {word}".strip() for first, row in DOCKERS.items() for word in row.split()])
def test_every_command_of_docker_is_one_here_or_answered(word: str) -> None:
    refused = refusal(word.split(), COMMANDS)
    assert (refused is None) == (word in COMMANDS)
    if refused is not None:
        assert "`" in (refused.hint or "")


@pytest.mark.parametrize("line", MEANT)
def test_what_is_to_be_typed_instead_is_a_command_line(line: str) -> None:
    name, *words = shlex.split(line)
    if not name.startswith("--"):
        command = GROUP.commands[name]
        if hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(name, words).close()


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("logs web", "`journalctl --unit web --follow`"),
        ("logs -f web", "`journalctl --unit web --follow`"),
        ("exec -it web sh -c id", "`runc exec --tty web sh`"),
        ("container stop web", "`runc kill web TERM`, or `systemctl stop web`"),
        ("stop --time 5 web", "`runc kill NAME TERM`, or `systemctl stop NAME`"),
        ("stop -t 5 web", "`runc kill NAME TERM`, or `systemctl stop NAME`"),
        ("stop $(id)", "`runc kill NAME TERM`, or `systemctl stop NAME`"),
        ("load -i app.tar", "`bundler build app.tar`, or `bundler import app.tar`"),
        ("image pull ghcr.io/a/b:1@sha256:00", "`bundler fetch ghcr.io/a/b:1@sha256:00`"),
        ("image ls", "`bundler images`"),
        ("images ls", "`bundler images`"),
        ("image inspect nginx", "did you mean `bundler inspect`?"),
        ("compose up -d", "`bundler project compose.yaml -o FOLDER`, then `bundler run FOLDER`"),
        ("up web", "`bundler project compose.yaml -o FOLDER`, then `bundler run FOLDER`"),
        ("project build compose.yaml", "`bundler project compose.yaml -o FOLDER`, then `bundler run FOLDER`"),
        ("biuld", "did you mean `bundler build`?"),
        ("vresion", "`bundler --version`"),
        ("completion bash", "`bundler --install-completion`, or `bundler --show-completion bash`"),
        ("qqqq", "bundler --help lists the commands"),
        ("images", None),
        ("rm nginx", None),
    ],
)
def test_the_answer_has_the_name_that_was_typed(line: str, instead: str | None) -> None:
    assert hint(line) == instead


def test_a_word_ends_with_2_and_two_lines() -> None:
    done = call_bundler("ps", "-a")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "bundler: error: no such command 'ps': containers are the runtime's, and no daemon stands beside it\n"
        "bundler: hint: `runc list`, or `systemctl status NAME`\n"
    )


def test_a_word_that_no_terminal_shows_is_escaped() -> None:
    done = call_bundler("\x1b[2J" + "x" * 500)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert len(done.stderr) < 300


def test_a_word_in_a_family_is_answered_by_the_family() -> None:
    done = call_bundler("overrides", "chekc")
    assert done.returncode == 2
    assert "did you mean `bundler overrides check`?" in done.stderr


def test_the_page_for_people_from_docker_has_the_same_table() -> None:
    page = (PROJECT / "docs/from-docker.md").read_text()
    assert [row.words for row in ROWS if row.why not in page or row.instead.replace("|", "\\|") not in page] == []
