"""What is told of an option that a command does not have is told of such options alone."""

from typing import Any

import pytest
import typer

from bundler.cli.main import app
from bundler.cli.parsing.other_options import _ROWS, meant_by

GROUP: Any = typer.main.get_command(app)
CASES = [(option, command) for row in _ROWS for command in row.commands for option in row.options]


def options_of(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize(("option", "command"), CASES)
def test_the_command_is_there_and_has_no_such_option(option: str, command: str) -> None:
    assert option not in options_of(GROUP.commands[command])
    assert meant_by(option, command) is not None


@pytest.mark.parametrize("option", [option for row in _ROWS if not row.commands for option in row.options])
def test_no_command_has_what_none_is_said_to_have(option: str) -> None:
    assert [name for name, command in GROUP.commands.items() if option in options_of(command)] == []


@pytest.mark.parametrize(("option", "command"), [("--ouptut", "config"), ("-o", "build"), ("--html", "diff")])
def test_of_others_nothing_is_said(option: str, command: str) -> None:
    assert meant_by(option, command) is None
