"""`bundler overrides`: the vocabulary of overrides files, and whether a file keeps to it."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.commands import Family, shown
from bundler.cli.options.access import AccessOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note_without_meaning, show_imported
from bundler.cli.output.report import ReportOptions
from bundler.cli.parsing.failures import Command, Pasted
from bundler.errors import BundlerError, RequestError

_MAXIMUM_FILE = 1 << 20  # bytes of an --env-file or a seccomp profile

app = typer.Typer(
    cls=Family,
    no_args_is_help=True,
    add_completion=False,
    help="Overrides files: what a bundle does differently from its image.",
)


@app.command("schema", cls=Command, epilog=shown(("bundler overrides schema > overrides.schema.json",)))
def schema() -> None:
    """Print the JSON Schema of overrides files, for editors that complete and check."""
    from bundler.overrides import schema as vocabulary

    typer.echo(json.dumps(vocabulary.published(), indent=2))


@app.command(
    "check",
    cls=Command,
    epilog=shown(("bundler overrides check web.yaml", "bundler overrides check web.yaml web.prod.yaml")),
)
@spread
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Overrides files, checked as one build would.")],
    *,
    reporting: ReportOptions,
) -> None:
    """Check overrides files; the first thing wrong is reported with its file, line and column."""
    from bundler.overrides.keys.networking import check_gateway
    from bundler.overrides.load import load

    report = reporting.of("overrides check")
    try:
        overrides = load(files)
        check_gateway(overrides.entries)
    except BundlerError as error:
        if report is not None:
            fault = {"what": error.what, "hint": error.hint}
            report.show({"files": files, "without_meaning": "", "fault": fault})
        raise
    if report is not None:
        report.show({"files": files, "without_meaning": overrides.without_meaning, "fault": None})
    else:
        note_without_meaning(overrides.without_meaning)


@app.command(
    "from-docker-run",
    cls=Pasted,
    epilog=shown(
        (
            "bundler overrides from-docker-run -- -p 80:80 --read-only nginx > web.yaml",
            "bundler overrides from-docker-run 'docker run -d --name web nginx:1.27'",
        )
    ),
    context_settings={"allow_interspersed_args": False},
)
def from_docker_run(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="-- [FLAGS...] IMAGE [COMMAND...]", help="What stands behind `docker run`, or all of the line."
        ),
    ],
) -> None:
    """Print the overrides file that says what a `docker run`, `docker create` or `podman run` line says.

    As docker's client does, it takes the values of `-e NAME` from this environment and reads the files that the line
    names. Flags that leave no trace in config.json are named on standard error, with the reason.
    """
    from bundler.overrides.docker_run.environment import Client
    from bundler.overrides.docker_run.settings import convert

    client = Client(environment=dict(os.environ), folder=str(Path.cwd()), read=_read, console=_console())
    show_imported(convert(words, client))


@app.command(
    "from-compose",
    cls=Command,
    epilog=shown(
        (
            "bundler overrides from-compose compose.yaml web > web.yaml",
            "bundler overrides from-compose compose.yaml web -f prod.yaml -e TAG=1.27",
        )
    ),
)
def from_compose(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A compose file; - is standard input.")],
    service: Annotated[
        str | None,
        typer.Argument(metavar="SERVICE", help="One of its services; if absent, the only one.", show_default=False),
    ] = None,
    *,
    files: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", metavar="FILE", help="A compose file to lay over FILE. May be repeated."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME=VALUE", help="A variable of the compose file. May be repeated."),
    ] = None,
    env_files: Annotated[
        list[str] | None,
        typer.Option(
            "--env-file", metavar="FILE", help="A file of such variables, as compose's .env. May be repeated."
        ),
    ] = None,
) -> None:
    """Print the overrides file that says what a service of a compose file says.

    Files are included, extended and merged by compose's rules. Variables come from --env and --env-file alone, not
    from this environment and no .env file. What a bundle has no place for is named on standard error.
    """
    from bundler.overrides.compose.convert import convert
    from bundler.overrides.compose.project import Reader
    from bundler.overrides.keys.networking import check_gateway

    reader = Reader.of(env or (), env_files or (), file)
    imported = convert([file, *(files or ())], service, reader)
    check_gateway(imported.entries)
    show_imported(imported)


@app.command(
    "from-inspect",
    cls=Command,
    epilog=shown(
        (
            "bundler overrides from-inspect web.json --image nginx:1.27 > web.yaml",
            "bundler overrides from-inspect shop.json --name web",
        )
    ),
)
@spread
def from_inspect(
    options: AccessOptions,
    *,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What `docker inspect` or `podman inspect` printed, or - for stdin.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Which container, by name or id, where FILE has several."),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="IMAGE", help="Leave out what the image says by itself; it becomes `image:`."),
    ] = None,
) -> None:
    """Print the overrides file that makes a bundle run as a container does, from what inspect says of it.

    No daemon is asked. Fields that leave no trace in config.json are named on standard error with the reason, and
    so are variables that look secret, without their values.
    """
    from bundler.overrides.docker_inspect.convert import load_inspect
    from bundler.overrides.load import Overrides
    from bundler.rootfs.remove import temporary_folder

    if image == file == "-":
        raise RequestError("standard input can be read only once", hint="name a file for the other")
    importer = load_inspect(file, name)
    if image is None:
        if options.verify_key or options.trust:
            raise RequestError("--verify-key and --trust are about an image", hint="--image IMAGE names one")
        show_imported(importer(None))
        return
    with (
        temporary_folder() as workspace,
        options.bars() as progress,
        options.request(image=image).open(Overrides(), workspace, progress) as opened,
    ):
        imported = importer(opened.image_config)
    show_imported(imported.of_image(image))


def _read(path: str) -> bytes:
    from bundler.overrides.files import read

    return read(Path(path), limit=_MAXIMUM_FILE).content


def _console() -> tuple[int, int] | None:
    """Rows and columns of the terminal that docker's client would run on, None without one."""
    if not sys.stdout.isatty():
        return None
    size = os.get_terminal_size(sys.stdout.fileno())  # not $LINES and $COLUMNS, which docker does not read
    return size.lines, size.columns
