"""`bundler config`: the config.json that build would write."""

import sys

import typer

from bundler.cli.notes import remark
from bundler.cli.options import BundleOptions, spread
from bundler.cli.progress import shown_progress


@spread
def config(options: BundleOptions) -> None:
    """Print the config.json that `build` would write; no rootfs is made."""
    from bundler import build as pipeline  # noqa: PLC0415
    from bundler.bundles.write import encode  # noqa: PLC0415

    with shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress:
        runtime_config = pipeline.preview(options.request(), progress=progress)
    remark(runtime_config, quiet=options.quiet)
    typer.echo(encode(runtime_config.document), nl=False)
