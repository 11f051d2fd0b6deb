"""`bundler config`: the config.json that build would write."""

import typer

from bundler.cli.options.bundle import note_namesake
from bundler.cli.options.settings import SettingsOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.console import remark


@spread
def config(options: SettingsOptions) -> None:
    """Print the config.json that `build` would write; no rootfs is made."""
    import bundler
    from bundler.bundles.write import encode

    with options.bars() as progress:
        runtime_config = bundler.preview(options.request(), progress=progress)
    note_namesake(options.image, quiet=options.quiet)
    remark(runtime_config, quiet=options.quiet)
    typer.echo(encode(runtime_config.document), nl=False)
