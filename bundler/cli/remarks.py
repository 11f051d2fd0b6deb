"""What a build has to say besides its result: warnings, and keys without meaning. On standard error."""

from typing import TYPE_CHECKING

import typer

from bundler.errors import printable

if TYPE_CHECKING:
    from bundler.conversion.convert import RuntimeConfig


def remark(runtime_config: "RuntimeConfig", *, quiet: bool) -> None:
    """A line for each warning, and one for all keys of overrides files that mean nothing; silent when `quiet`."""
    if quiet:
        return
    for warning in runtime_config.warnings:
        typer.echo(f"bundler: warning: {printable(warning)}", err=True)
    if runtime_config.without_meaning:
        typer.echo(f"bundler: note: without meaning for a bundle: {runtime_config.without_meaning}", err=True)
