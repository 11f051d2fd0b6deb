"""`bundler run`: a bundle is run by runc or crun, or an image as a bundle that is kept for the next time."""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from bundler.cli.options.settings import FLAGS, SettingsOptions, check_no_settings
from bundler.cli.options.spread import spread
from bundler.cli.output.console import note, remark, remark_skipped
from bundler.errors import BundlerError, RequestError, printable
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler.bundle_cache import Cached
    from bundler.running.start import RunRequest

# What also counts where a bundle is run.
_ALWAYS: Final = ("image", "name", "quiet", "progress", "limit", "retries", "timeout", "store")
_MARKS_OF_IMAGES: Final = set("/:@.")  # none of these is in what is probably meant as the name of a directory
_RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="BUNDLE|IMAGE",
        help="A directory that is there is a bundle, or a project; whatever else is an image, as for `build`.",
        show_default=False,
    ),
]

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
        help="The container's id; if absent, container_name, else the directory's name, or for an image a new one. "
        "With --from-inspect, which of its containers.",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(SettingsOptions):
    """The options of a build, for what is an image. A name is the container's alone, and no other bundle is made."""

    flags: ClassVar[tuple[str, ...]] = tuple(flag for flag in FLAGS if flag != "name")

    image: _RunArgument = None
    name: _Id = None


@spread
def run(
    options: RunOptions,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARGS...",
            help="What to run instead of config.json's process.args; options of bundler's own stand in front of it.",
            show_default=False,
        ),
    ] = None,
    *,
    runtime: _Runtime = None,
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
    """Run a bundle, as `runc run` does: input, signals and exit code are the runtime's, which takes bundler's place.

    The bundle itself is never changed: other arguments, a terminal and --ephemeral lie over it where only this
    container sees them.

    An IMAGE becomes a bundle first, which is kept in $XDG_CACHE_HOME/bundler (~/.cache/bundler) for the next time;
    `bundler gc` removes it. Each container starts anew, as with `docker run --rm`: all that it writes goes to memory
    and away at the end, volumes included. An image of a registry is fetched into the store, if it is not there.

    Of a project, all services are started in the order of depends_on; what they print stands behind their names. Ctrl-C
    stops them in the reverse order, and so does the first that fails, whose exit code it is.
    """
    from bundler.running.start import RunRequest

    request = RunRequest(
        bundle=Path(options.image or ""),
        arguments=arguments or (),
        name=options.name,
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
    if options.image is not None and request.bundle.is_dir():
        _run_directory(request, options, dry_run=dry_run)
    else:
        cached = _cached(options, commanded=bool(arguments))
        own = options.name
        if own is None and not cached.named_container:
            own = f"{cached.path.name}-{secrets.token_hex(3)}"
            if detach and not options.quiet:
                note(f"the container is called {own}")
        _start(replace(request, bundle=cached.path, name=own, fresh=True), options.image, dry_run=dry_run)


def _run_directory(request: "RunRequest", options: RunOptions, *, dry_run: bool) -> None:
    from bundler.project.record import is_project

    if is_project(request.bundle):
        from bundler.cli.run_project import run_project

        check_no_settings(options, _ALWAYS, what=f"{printable(options.image or '')} is a project")
        raise typer.Exit(run_project(request, dry_run=dry_run))
    _check_bundle(options)
    _start(request, options.image, dry_run=dry_run)


def _check_bundle(options: RunOptions) -> None:
    """Raise RequestError for a directory that is no bundle, and for what a bundle has already."""
    named = printable(options.image or "")
    if not Path(options.image or "", "config.json").is_file():
        hint = f"the image of that name: bundler run {named}:latest" if named.isalnum() else "bundler build makes one"
        raise RequestError(f"{named} is a directory here, but no bundle: it has no config.json", hint=hint)
    check_no_settings(options, _ALWAYS, what=f"{named} is a bundle")


def _cached(options: RunOptions, *, commanded: bool) -> "Cached":
    """The bundle of an image. Raises what `build` raises, and RequestError for what is neither bundle nor image."""
    from bundler.bundle_cache import find_or_build
    from bundler.path_kinds import missing_hint
    from bundler.running.namespace import FIRST_FREE_DESCRIPTOR

    named = options.image
    if named is None and not (options.overrides or options.from_compose or options.from_inspect):
        raise RequestError("run what?", hint="name the directory of a bundle, or an image")
    if named is not None and named.startswith(("/", ".")) and not os.path.lexists(named):
        what = f"{printable(named)} is not there, neither a bundle nor an archive of an image"
        raise RequestError(what, hint=missing_hint(named) or "a bundle, an image's file, or an image's name is run")
    request = replace(options, rootless=options.rootless or os.geteuid() != 0).request()
    try:
        with options.bars() as progress:
            lowest = FIRST_FREE_DESCRIPTOR
            cached = find_or_build(request, lowest_descriptor=lowest, commanded=commanded, progress=progress)
    except BundlerError as error:
        if named is not None and not _MARKS_OF_IMAGES & set(named) and not os.path.lexists(named):
            taken = f"there is no directory {printable(named)} here, so it was taken for an image"
            error.hint = taken if error.hint is None else f"{taken}; {error.hint}"
        raise
    if cached.built is not None:
        remark(cached.built.runtime_config, quiet=options.quiet)
        remark_skipped(cached.built.skipped, quiet=options.quiet)
    if cached.volumes and not options.quiet:
        note(f"what is written to {', '.join(cached.volumes)} is gone at the end; -v ./FOLDER:PATH keeps it")
    return cached


def _start(request: "RunRequest", named: str | None, *, dry_run: bool) -> None:
    from bundler import Platform, tools
    from bundler.running.namespace import CHANGED_DESCRIPTOR
    from bundler.running.start import prepare

    start = prepare(request, terminal_here=any(os.isatty(descriptor) for descriptor in range(3)))
    if dry_run:
        typer.echo(start.shown())
        return
    is_foreign = start.platform not in ("", str(Platform.of("linux", os.uname().machine)))
    if (is_foreign or request.arguments) and not request.as_is:
        from bundler.doctor.program_start import check_program

        check_program(request.bundle, start.program, start.platform, label=named or str(request.bundle))
    for sentence in start.remarks:
        typer.echo(f"bundler: note: {sentence}", err=True)
    for arguments_before in start.before:
        tools.run(start.tool, *arguments_before)
    words = start.words if start.entry is None else start.entry.enter()
    handed = {} if start.changed is None else {CHANGED_DESCRIPTOR: start.changed}
    tools.become(words, handed=handed, standard_input=start.input)
