"""`bundler lock`: what builds with --locked are held to."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import shown_progress
from bundler.cli.options import LockOptions, spread
from bundler.errors import printable

if TYPE_CHECKING:
    from bundler.images.image import Image


@spread
def lock(
    options: LockOptions,
    *,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE...", help="Images; none for the one that overrides name.", show_default=False),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The lock.")] = Path("bundler.lock"),
) -> None:
    """Write down which images, defaults and overrides a build is to have: digests, image ids, diff_ids, sums.

    Images that the overrides mount are locked, too. The lock's path is printed on standard output. Layers are not
    fetched. `build --locked` then refuses whatever differs.
    """
    from bundler.conversion.mounts.mounts import folders
    from bundler.reproducible.lock import check_place, describe, write_lock
    from bundler.rootfs.remove import temporary_folder

    check_place(output)
    opened: list[Image] = []
    request = options.request(image=None, opened=opened.append)
    overrides = request.load_overrides()
    with shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress, ExitStack() as stack:
        for name in images or (None,):
            workspace = stack.enter_context(temporary_folder())
            image = stack.enter_context(replace(request, image=name).open(overrides, workspace, progress))
            for folder in folders(request.inputs(image, overrides)):
                if folder.image is not None:
                    workspace = stack.enter_context(temporary_folder())
                    stack.enter_context(request.open_other(folder.image, request.platform, workspace, progress))
        # But for the image, the inputs are the same each time.
        inputs = request.inputs(opened[0], overrides)
        write_lock(output, describe(inputs, opened))
    typer.echo(printable(str(output)))
