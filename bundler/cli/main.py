"""The command `bundler`: its commands, and how their failures reach the person who called."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from bundler import __version__
from bundler.cli.commands import Commands
from bundler.cli.completion import InstallOption, ShowOption
from bundler.cli.parsing.failures import call, forget_messages, ignore_interruptions

# Of pyproject.toml, the usual one first.
_NAMES: Final = ("bundler", "oci-bundler")

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong request or overrides, 3 image missing, corrupt or unsupported, "
    "4 a layer cannot be applied safely, 5 an outside tool is missing, too old or failed, 6 differs, "
    "129 hung up, 130 interrupted, 141 closed pipe, 143 terminated.\n\n"
    "`bundler help build`, for one, shows how a command is used.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bundler {__version__}")
        raise typer.Exit


@app.callback()
def bundler(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    install_completion: InstallOption = None,
    show_completion: ShowOption = None,
) -> None:
    """Turn a container image into an OCI runtime bundle, with Docker's defaults and without Docker."""


def main() -> None:
    """The entry point of the command. Help and shell completion are about the name that it was called by."""
    called = Path(sys.argv[0]).name
    try:
        sys.exit(call(app, called if called in _NAMES else _NAMES[0]))
    finally:
        ignore_interruptions()
        forget_messages()
