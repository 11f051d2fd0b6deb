"""`bundler lock`: what builds with --locked are held to."""

from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options.bundle import LockOptions
from bundler.cli.options.spread import spread
from bundler.errors import printable


@spread
def lock(
    options: LockOptions,
    *,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE...", help="Images; none for the one that overrides name.", show_default=False),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The lock.")] = Path("bundler.lock"),
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing: exit code 6 if a locked build would refuse what is there now."),
    ] = False,
) -> None:
    """Write down which images, defaults and overrides a build is to have: digests, image ids, diff_ids, sums.

    Images that the overrides mount are locked, too. The lock's path is printed on standard output. Layers are not
    fetched. `build --locked` then refuses whatever differs.
    """
    from bundler.bundles.replacement.replaced_file import replace_file
    from bundler.pipeline import describe_lock
    from bundler.reproducible.lock import check_lock_place, load_lock

    read = load_lock(output) if check else None
    if not check:
        check_lock_place(output)
    with options.bars() as progress:
        content = describe_lock(options.request(image=None, lock=read), images or (), progress=progress)
    if not check:
        replace_file(output, content)
        typer.echo(printable(str(output)))
