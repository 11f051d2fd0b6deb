"""`bundler unit`: systemd keeps a bundle running."""

from pathlib import Path
from typing import Annotated, Final

import typer

from bundler.cli.options.bundle import BundleOrProjectArgument
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note, tell
from bundler.cli.output.report import ReportOptions
from bundler.errors import RequestError, printable

_FEW: Final = 2  # which are told by their names

_OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Write the units into this directory.", show_default=False),
]
_NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The unit's and the container's name; if absent, container_name, else the directory's. Of a project, the "
        "target's; if absent, the project's.",
        show_default=False,
    ),
]
_DirectoryOption = Annotated[
    str | None,
    typer.Option(
        "--directory",
        metavar="DIR",
        help="Where it will lie on the target, if that is not where it lies now.",
        show_default=False,
    ),
]
_RuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="PROGRAM",
        help="runc or crun, or its path on the target; if absent, what the bundle was built for.",
        show_default=False,
    ),
]
_TtyOption = Annotated[
    str | None,
    typer.Option(
        "--tty",
        metavar="PATH",
        help="The machine's terminal that a container with a terminal of its own is connected to.",
        show_default=False,
    ),
]


@spread
def unit(
    bundle: BundleOrProjectArgument,
    *,
    output: _OutputOption = None,
    name: _NameOption = None,
    directory: _DirectoryOption = None,
    runtime: _RuntimeOption = None,
    tty: _TtyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace units that are there already.")] = False,
    reporting: ReportOptions,
) -> None:
    """Print a systemd service that runs BUNDLE with its runtime and nothing else.

    It has the restart policy, stop signal, grace period and health check that image and overrides ask for; limits
    stand in config.json. A health check is a second service and a timer: -o or --json write all three. A root
    filesystem that is an image is mounted by the service, where only its container sees it.

    Of a project it is a target, which starts and stops all services in the order of depends_on.
    """
    from bundler.project.record import is_project
    from bundler.units.bundle import units_of, write_unit_files
    from bundler.units.project import units_of_project

    report = reporting.of("unit")
    if is_project(bundle):
        if tty is not None:
            raise RequestError(
                "--tty is for one bundle", hint=f"bundler unit {printable(str(bundle))}/SERVICE --tty PATH"
            )
        units = units_of_project(bundle, name=name, directory=directory, runtime=runtime)
    else:
        units = units_of(bundle, name=name, directory=directory, runtime=runtime, terminal=tty)
    for remark in units.remarks:
        tell(f"warning: {remark}")
    if output is not None:
        for path in write_unit_files(units, output, replace=force):
            typer.echo(printable(str(path)))
    elif report is not None:
        report.show({"units": units.texts})
    else:
        first, *others = units.texts
        typer.echo(units.texts[first], nl=False)
        if others:
            note(f"{_listed(others)} belong to it: -o DIR writes all")


def _listed(names: list[str]) -> str:
    return " and ".join(names) if len(names) <= _FEW else f"{len(names)} others"
