"""The commands as plain data, for completion and the man pages, which start no typer: bundler/data/commands.json."""

import itertools
import re
from typing import Any

import typer

from bundler.approval.meanings import CAPABILITIES
from bundler.cli.main import app
from bundler.images.transports.table import TRANSPORTS
from bundler.limits import meanings
from bundler.overrides.docker_run.flags import FLAGS
from bundler.profiles import PROFILES
from bundler.targets import RUNTIMES


def command_table() -> dict[str, Any]:
    """Everything that the help says, each option once, and the words that values are made of."""
    options: dict[str, Any] = {}
    return {
        "bundler": _command(typer.main.get_command(app), options),
        "options": options,
        "transports": {row.typed: row.takes.removeprefix("//") for row in TRANSPORTS.values()},
        "limits": {name: meaning for name, _, meaning in meanings()},
        "profiles": [*PROFILES],
        "runtimes": [*RUNTIMES],
        "capability_meanings": dict(CAPABILITIES),
        "docker_flags": [f"--{name}" for name in FLAGS],
    }


def _command(command: Any, options: dict[str, Any]) -> dict[str, Any]:
    """A command, and its family below it. Its options go to `options`, by the names that are given back for them."""
    title, *examples = paragraphs(command.epilog)
    described: dict[str, Any] = {
        "group": str(getattr(command, "rich_help_panel", None) or ""),
        "help": paragraphs(command.help),
        "epilog": "" if title == "Examples:" else title,
        "examples": examples if title == "Examples:" else [],
        "interspersed": bool(command.context_settings.get("allow_interspersed_args", True)),
        "arguments": [_argument(it) for it in command.params if it.param_type_name == "argument" and not it.hidden],
        "options": [_listed(options, _option(it)) for it in command.params if it.param_type_name == "option"],
    }
    if hasattr(command, "commands"):
        listed = {name: below for name, below in command.commands.items() if not below.hidden}
        described["commands"] = {name: _command(below, options) for name, below in listed.items()}
    return described


def _listed(options: dict[str, Any], option: dict[str, Any]) -> str:
    """The name of an option in the table: with a number, where another command has another option of that name."""
    longest: str = max(option["names"], key=len)
    names = itertools.chain([longest], (f"{longest} {number}" for number in itertools.count(2)))
    return next(name for name in names if options.setdefault(name, option) == option)


def _argument(argument: Any) -> dict[str, Any]:
    return {
        "metavar": argument.metavar or argument.name.upper(),
        "many": argument.nargs == -1,
        "required": bool(argument.required),
        "help": " ".join((argument.help or "").split()),
    }


def _option(option: Any) -> dict[str, Any]:
    choices = getattr(option.type, "choices", None)
    takes = "|".join(map(str, choices)) if choices else option.metavar or option.type.name.upper()
    return {
        "names": sorted([*option.opts, *option.secondary_opts], key=len),
        "takes": "" if option.is_flag else takes,
        "many": bool(option.multiple),
        "panel": str(getattr(option, "rich_help_panel", None) or ""),
        "help": _help(option),
    }


def _help(option: Any) -> str:
    """With the default where that is a number or a word, and the variable that takes its place."""
    default = getattr(option.default, "value", option.default)
    plain = isinstance(default, int | float | str) and not isinstance(default, bool) and not option.is_flag
    more = [f"{default} if absent"] if plain else []
    more += [f"also the variable {option.envvar}"] if isinstance(option.envvar, str) else []
    told = " ".join((option.help or "").split())
    return f"{told} ({'; '.join(more)})" if more else told


def paragraphs(text: str | None) -> list[str]:
    """Without the line breaks of the source."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text or "")]
