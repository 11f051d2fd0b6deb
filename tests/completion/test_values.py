"""Every value that a command takes is known to completion, and completion is quick to start."""

import json
import os
import subprocess
import sys

from bundler import data
from bundler.completion.answer import TABLE
from bundler.completion.values import KINDS, SPECIAL, is_literal, parts
from tests.support.command_table import command_table

FOREIGN = {"typer", "click", "rich", "jsonschema", "ruamel", "zstandard", "isal", "dataclasses", "subprocess"}


def metavars() -> set[tuple[str, str]]:
    table = data.load(TABLE)
    commands = [table["bundler"]]
    taken = {(max(option["names"], key=len), option["takes"]) for option in table["options"].values()}
    while commands:
        command = commands.pop()
        commands += command.get("commands", {}).values()
        taken |= {("", argument["metavar"]) for argument in command["arguments"]}
    return {(option, metavar) for option, metavar in taken if metavar}


def test_each_value_that_is_taken_has_candidates_or_is_known_to_have_none() -> None:
    unknown = [
        (option, metavar)
        for option, metavar in metavars()
        if (option, metavar) not in SPECIAL and not all(part in KINDS or is_literal(part) for part in parts(metavar))
    ]
    assert unknown == [], "give it a row in KINDS of bundler/completion/values.py"


def test_no_kind_is_known_that_nothing_takes() -> None:
    taken = {part for _, metavar in metavars() for part in parts(metavar)}
    assert {*KINDS} - taken <= {"COMMAND"}
    assert {*SPECIAL} <= metavars()


def test_the_table_is_that_of_the_commands() -> None:
    assert data.load(TABLE) == json.loads(json.dumps(command_table()))


def test_a_completion_loads_neither_the_command_line_nor_its_libraries() -> None:
    program = (
        "import sys; sys.argv = ['bundler', 'bundler build --platform ', ':']; import bundler.__main__ as command\n"
    )
    program += "try: command.main()\nfinally: print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    environment = os.environ | {"_BUNDLER_COMPLETE": "bash"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "linux/amd64" in done.stdout
    assert loaded & FOREIGN == set()
    assert {name for name in loaded if name.startswith("bundler.cli")} == set()
