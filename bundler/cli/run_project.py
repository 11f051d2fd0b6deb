"""`bundler run` of a project: all its services in the foreground, until Ctrl-C, or until one has failed."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bundler.cli.output.console import note
from bundler.cli.output.terminal import has_colours
from bundler.errors import RequestError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundler.foreground.service import Service
    from bundler.running.start import RunRequest


def run_project(request: "RunRequest", *, dry_run: bool) -> int:
    """Run the project in the folder `request.bundle`; gives its exit code. Raises BundlerError for what cannot run."""
    from bundler.foreground.lines import prefixes
    from bundler.foreground.run import run_services
    from bundler.foreground.service import service_of
    from bundler.project.record import ProjectRecord, starting_order

    _check_options(request, dry_run=dry_run)
    folder = request.bundle
    record = ProjectRecord.open(folder)
    with TemporaryDirectory(prefix="bundler-run-") as scratch:
        services: dict[str, Service] = {}
        for bundle in starting_order(folder, record):
            own = replace(request, before=[service.container for service in services.values()])
            services[bundle.name] = service_of(folder / bundle.name, bundle, own, Path(scratch, bundle.name))
        restarting = [name for name, service in services.items() if service.restarts]
        if restarting:
            note(f"{', '.join(restarting)}: nothing is started again here, whatever `restart` says; systemd does so")
        return run_services(services, prefixes(services, colours=has_colours(sys.stdout)), _write, note)


def _check_options(request: "RunRequest", *, dry_run: bool) -> None:
    """Raise RequestError for what is about one container."""
    named = printable(str(request.bundle))
    for option, given in _about_one(request, dry_run=dry_run):
        if given:
            raise RequestError(
                f"{option}: {named} is a project", hint=f"run one of its bundles: bundler run {named}/SERVICE"
            )


def _about_one(request: "RunRequest", *, dry_run: bool) -> "Iterator[tuple[str, bool]]":
    yield "ARGS", bool(request.arguments)
    yield "--id / --name", request.name is not None
    yield "--detach", request.detach
    yield "--pid-file", request.pid_file is not None
    yield "--tty", bool(request.terminal)
    yield "--interactive", request.interactive
    yield "--dry-run", dry_run


def _write(lines: bytes) -> None:
    if lines:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
