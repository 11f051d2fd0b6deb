"""`bundler unpack`: a packed bundle becomes a directory again."""

from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options.access import LimitOption, limits_of
from bundler.cli.options.bundle import DiscardVolumesOption, KeepVolumesOption, old_volumes
from bundler.cli.options.signing import KeyOption, trusted_key
from bundler.cli.options.spread import spread
from bundler.cli.output.progress import ProgressOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import printable


@spread
def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `bundler pack` has written.", readable=False)],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The directory of the bundle, or of the project.")
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Unpack also what was changed before it was packed; nothing is verified.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace one that is there already.")] = False,
    keep_volumes: KeepVolumesOption = False,
    discard_volumes: DiscardVolumesOption = False,
    key: KeyOption = None,
    limit: LimitOption = None,
    waiting: ProgressOptions,
) -> None:
    """Unpack FILE into the bundle or the project it was made from, and verify it as `bundler verify` does.

    It appears whole or not at all. Its path is printed on standard output.
    """
    import bundler

    limits = limits_of(limit)
    volumes = old_volumes(force=force, keep=keep_volumes, discard=discard_volumes)
    with waiting.bars() as bars:
        bundler.unpack(
            file,
            output,
            as_is=as_is,
            replace=force,
            volumes=volumes,
            limits=limits,
            trusted=trusted_key(key),
            progress=bars,
            before_publishing=ignore_interruptions,
        )
    typer.echo(printable(str(output)))
