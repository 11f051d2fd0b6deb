"""`bundler harden`: an overrides file with what a bundle can do without."""

from dataclasses import asdict
from pathlib import Path

import typer

from bundler.cli.options import BundleOptions
from bundler.cli.progress import shown_progress
from bundler.cli.report import FormatOption, JsonOption, asked_for
from bundler.cli.spread import spread
from bundler.errors import RequestError


@spread
def harden(options: BundleOptions, *, as_json: JsonOption = False, pointer: FormatOption = None) -> None:
    """Propose an overrides file that takes away what IMAGE, or the bundle in that directory, does not need.

    Capabilities, setuid files, a writable root filesystem: each line says why. Nothing is applied. An image is unpacked
    into a temporary folder and looked at, with its overrides; nothing of it is started.
    """
    from bundler.bundles.bundle import Bundle
    from bundler.hardening.proposal import propose, write
    from bundler.hardening.rootfs_facts import look_into, look_into_image

    report = asked_for("harden", as_json=as_json, pointer=pointer)
    named = options.image
    if named is not None and (Path(named) / "config.json").is_file():
        if options.overrides:
            raise RequestError("a bundle has its overrides already", hint="bundler harden IMAGE --overrides FILE")
        evidence, name = look_into(Bundle.open(Path(named))), Path(named).resolve().name
    else:
        with shown_progress(options.progress, quiet=options.quiet) as progress:
            evidence, name = look_into_image(options.request(), progress=progress)
    lines = propose(evidence)
    if report is not None:
        report.show({"name": name, "lines": [asdict(line) for line in lines]})
    else:
        typer.echo(write(lines, name), nl=False)
