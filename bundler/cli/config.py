"""`bundler config`: the config.json that build would write."""

import sys

import typer

from bundler.cli.console import remark, shown_progress
from bundler.cli.options import BundleOptions, spread


@spread
def config(options: BundleOptions) -> None:
    """Print the config.json that `build` would write; no rootfs is made."""
    import bundler
    from bundler.bundles.write import encode

    with shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress:
        runtime_config = bundler.preview(options.request(), progress=progress)
    remark(runtime_config, quiet=options.quiet)
    typer.echo(encode(runtime_config.document), nl=False)
