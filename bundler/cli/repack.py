"""`bundler repack`: what was changed in a bundle becomes a layer of an image."""

import os
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from bundler.cli.options.access import StoreOption
from bundler.cli.options.bundle import BundleArgument
from bundler.cli.output.progress import QuietOption
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import RequestError, printable

_EPOCH: Final = "SOURCE_DATE_EPOCH"


def repack(
    bundle: BundleArgument,
    image: Annotated[
        str,
        typer.Argument(metavar="IMAGE", help="The new image: NAME[:TAG] in the store, or oci:LAYOUT:TAG."),
    ],
    *,
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="TEXT", help="A comment on the layer, for the history.")
    ] = None,
    author: Annotated[
        str | None, typer.Option("--author", metavar="NAME", help="Who made the layer, for the history.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Take the name from an image that has it.")] = False,
    store: StoreOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make an image of BUNDLE: the one it was made from, and a layer of what was changed in it since, by umoci.

    The image that the bundle was made from has to be in the same store or layout; its id says which it is. Mount points
    that running the bundle has left are no changes, and neither are volumes and config.json. The history has the time
    that SOURCE_DATE_EPOCH says, else that of the image. Name and digest are printed on standard output.
    """
    from bundler.repack import repacking
    from bundler.store.repacked import Destination, History

    repacked = repacking.repack(
        bundle,
        destination := Destination.parse(image, store),
        History(_created(), message, author),
        take_name=force,
        before_publishing=ignore_interruptions,
    )
    if repacked.layer is None and not quiet:
        typer.echo("bundler: note: nothing was changed: this is the image that the bundle was made from", err=True)
    typer.echo(f"{printable(destination.name)} {repacked.digest}")


def _created() -> str | None:
    """SOURCE_DATE_EPOCH as RFC 3339 has it; no clock is asked for the time. Raises RequestError."""
    text = os.environ.get(_EPOCH)
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise RequestError(f"{_EPOCH}: {printable(text)!r} is no number of seconds") from None
