"""`bundler run`: a bundle is run by runc or crun."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bundler.cli.options import BundleArgument

_Runtime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="PROGRAM",
        help="runc, crun or the path of another; if absent, what the bundle was built for, or the first that is there.",
        show_default=False,
    ),
]
_Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        "--name",
        metavar="ID",
        help="The container's id; if absent, container_name, else the directory's name.",
        show_default=False,
    ),
]
_Detach = Annotated[bool, typer.Option("--detach", "-d", help="Leave it running in the background.")]
_PidFile = Annotated[
    Path | None,
    typer.Option("--pid-file", metavar="FILE", help="Where to write the number of its process.", show_default=False),
]
_Tty = Annotated[
    bool | None,
    typer.Option(
        "--tty/--no-tty", "-t/-T", help="With or without a terminal, whatever config.json says.", show_default=False
    ),
]
_Interactive = Annotated[
    bool, typer.Option("--interactive", "-i", help="With -d, keep standard input; in the foreground it is kept anyway.")
]
_Rm = Annotated[
    bool,
    typer.Option("--rm", help="Delete first what a crash has left of a container with this id, if that has ended."),
]
_Ephemeral = Annotated[
    bool,
    typer.Option(
        "--ephemeral",
        "--read-only-rootfs",
        help="What is written to the root file system goes to memory, and away at the end.",
    ),
]
_Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Where the runtime keeps the states of containers.", show_default=False),
]
_AsIs = Annotated[bool, typer.Option("--as-is", help="Run it although config.json was changed since it was built.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the commands for a shell that do the same, and stop.")]


def run(
    bundle: BundleArgument,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- ARGS...", help="What to run instead of config.json's process.args.", show_default=False
        ),
    ] = None,
    *,
    runtime: _Runtime = None,
    name: _Id = None,
    detach: _Detach = False,
    pid_file: _PidFile = None,
    tty: _Tty = None,
    interactive: _Interactive = False,
    rm: _Rm = False,
    ephemeral: _Ephemeral = False,
    root: _Root = None,
    as_is: _AsIs = False,
    dry_run: _DryRun = False,
) -> None:
    """Run BUNDLE, as `runc run` does: input, signals and exit code are the runtime's, which takes bundler's place.

    The bundle itself is never changed: other arguments, a terminal and --ephemeral lie over it where only this
    container sees them.
    """
    from bundler import tools
    from bundler.running.namespace import CHANGED_DESCRIPTOR
    from bundler.running.start import Wanted, prepare

    wanted = Wanted(
        bundle=bundle,
        arguments=arguments or (),
        name=name,
        runtime=runtime,
        root=root,
        detach=detach,
        pid_file=pid_file,
        terminal=tty,
        interactive=interactive,
        replace=rm,
        ephemeral=ephemeral,
        as_is=as_is,
    )
    start = prepare(wanted, terminal_here=any(os.isatty(descriptor) for descriptor in range(3)))
    if dry_run:
        typer.echo(start.shown())
        return
    for remark in start.remarks:
        typer.echo(f"bundler: note: {remark}", err=True)
    for arguments_before in start.before:
        tools.run(start.tool, *arguments_before)
    handed = {} if start.changed is None else {CHANGED_DESCRIPTOR: start.changed}
    tools.become(start.words, handed=handed, standard_input=start.input)
