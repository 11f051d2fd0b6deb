"""The command `bundler`: its commands, and how their failures reach the person who called."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from bundler import __version__
from bundler.cli import (
    backup,
    build,
    config,
    diff,
    doctor,
    explain,
    fetch,
    harden,
    images,
    inspect,
    lock,
    overrides,
    pack,
    repack,
    run,
    unit,
    unpack,
    upgrade,
    verify,
)
from bundler.cli.failures import Command, Resumable, call, ignore_interruptions

# Of pyproject.toml, the usual one first.
_NAMES: Final = ("bundler", "oci-bundler")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong request or overrides, 3 image missing, corrupt or unsupported, "
    "4 a layer cannot be applied safely, 5 an outside tool is missing, too old or failed, 6 differs, "
    "129 hung up, 130 interrupted, 143 terminated.",
)
app.command("build", cls=Command)(build.build)
app.command("config", cls=Command)(config.config)
app.command("inspect", cls=Command)(inspect.inspect)
app.command("explain", cls=Command)(explain.explain)
app.command("diff", cls=Command)(diff.diff)
app.command("verify", cls=Command)(verify.verify)
app.command("doctor", cls=Command)(doctor.doctor)
app.command("harden", cls=Command)(harden.harden)
app.command("lock", cls=Command)(lock.lock)
app.command("fetch", cls=Resumable)(fetch.fetch)
app.command("images", cls=Command)(images.images)
app.command("rm", cls=Command)(images.remove)
app.command("gc", cls=Resumable)(images.collect)
app.command("pack", cls=Command)(pack.pack)
app.command("unpack", cls=Command)(unpack.unpack)
app.command("upgrade", cls=Command)(upgrade.upgrade)
app.command("rollback", cls=Command)(upgrade.rollback)
app.command("backup", cls=Command)(backup.backup)
app.command("restore", cls=Command)(backup.restore)
app.command("repack", cls=Command)(repack.repack)
app.command("run", cls=Command)(run.run)
app.command("unit", cls=Command)(unit.unit)
app.add_typer(overrides.app, name="overrides")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bundler {__version__}")
        raise typer.Exit


@app.callback()
def bundler(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Turn a container image into an OCI runtime bundle, with Docker's defaults and without Docker."""


def main() -> None:
    """The entry point of the command. Help and shell completion are about the name that it was called by."""
    called = Path(sys.argv[0]).name
    try:
        sys.exit(call(app, called if called in _NAMES else _NAMES[0]))
    finally:
        ignore_interruptions()
