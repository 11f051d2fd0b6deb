"""`bundler harden`: an overrides file with what a bundle can do without."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options.bundle import BundleOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.report import Report, ReportOptions
from bundler.errors import RequestError, printable

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Of a project: where a file for each service goes.", show_default=False
    ),
]


@spread
def harden(
    options: BundleOptions,
    *,
    output: OutputOption = None,
    reporting: ReportOptions,
) -> None:
    """Propose an overrides file that takes away what IMAGE, or the bundle in that directory, does not need.

    Capabilities, setuid files, a writable root filesystem: each line says why. Nothing is applied. An image is unpacked
    into a temporary folder and looked at, with its overrides; nothing of it is started. Of a project, each service gets
    a file in DIR, for --overrides SERVICE=FILE of `bundler project`.
    """
    from bundler.bundles.bundle import Bundle
    from bundler.hardening.proposal import propose, write
    from bundler.hardening.rootfs_facts import look_into, look_into_image
    from bundler.project.record import is_project

    report = reporting.of("harden")
    named = options.image
    if named is not None and Path(named).is_dir() and (options.verify_key or options.trust):
        what = f"--verify-key and --trust are about an image, and {printable(named)} is a folder"
        raise RequestError(what, hint="name the image that it was built from, or leave them out")
    if named is not None and is_project(Path(named)):
        _harden_project(Path(named), output, options, report)
        return
    if output is not None:
        raise RequestError(
            "-o is for a project; what one bundle can do without is printed", hint="write it to a file with > FILE"
        )
    if named is not None and (Path(named) / "config.json").is_file():
        if options.overrides:
            raise RequestError("a bundle has its overrides already", hint="bundler harden IMAGE --overrides FILE")
        evidence, name = look_into(Bundle.open(Path(named))), Path(named).resolve().name
    else:
        with options.bars() as progress:
            evidence, name = look_into_image(options.request(), progress=progress)
    lines = propose(evidence)
    if report is not None:
        report.show({"name": name, "lines": [asdict(line) for line in lines]})
    else:
        typer.echo(write(lines, name), nl=False)


def _harden_project(folder: Path, output: Path | None, options: BundleOptions, report: Report | None) -> None:
    """Write a file for each service, all or none, or report what would be in them. RequestError, BundlerError."""
    from bundler.bundles.replacement.places import check_place
    from bundler.bundles.replacement.stage import open_stage
    from bundler.bundles.write import write_file
    from bundler.hardening.project import proposals, proposed
    from bundler.project.record import ProjectRecord

    label = printable(str(folder))
    if options.overrides:
        raise RequestError(f"{label} is a project, and has its overrides already")
    if report is not None:
        if output is not None:
            raise RequestError("--json prints what -o writes", hint="leave one of them out")
        services = [{"name": service, "lines": [asdict(line) for line in lines]} for service, lines in proposed(folder)]
        report.show({"name": ProjectRecord.open(folder).name, "lines": [], "services": services})
        return
    if output is None:
        hint = "-o DIR says where; --json prints all of it"
        raise RequestError(f"{label} is a project, and each of its services gets a file", hint=hint)
    check_place(output / "SERVICE.yaml")
    if os.path.lexists(output):
        raise RequestError(f"{printable(str(output))} exists already", hint="-o names another place")
    with open_stage(output.parent) as stage:
        for service, text in proposals(folder):
            write_file(stage.bundle / f"{service}.yaml", text.encode())
        stage.publish(output, replace=False)
    for path in sorted(output.iterdir()):
        typer.echo(printable(str(path)))
