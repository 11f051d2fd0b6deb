"""`bundler overrides`: the vocabulary of overrides files, and whether a file keeps to it."""

import json
from typing import Annotated

import typer

from bundler.cli.failures import Command

app = typer.Typer(no_args_is_help=True, help="Overrides files: what a bundle does differently from its image.")


@app.command("schema", cls=Command)
def schema() -> None:
    """Print the JSON Schema of overrides files, for editors that complete and check."""
    from bundler.overrides import schema as vocabulary  # noqa: PLC0415

    typer.echo(json.dumps(vocabulary.document(), indent=2))


@app.command("check", cls=Command)
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Overrides files, checked as one build would.")],
) -> None:
    """Check overrides files; the first thing wrong is reported with its file, line and column."""
    from bundler.overrides.load import load  # noqa: PLC0415

    load(files)
