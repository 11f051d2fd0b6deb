"""`bundler --install-completion` and `--show-completion`: what makes a shell complete bundler's words."""

from typing import Annotated, Any

import typer

from bundler.errors import RequestError, printable

OPTIONS = ("--install-completion", "--show-completion")


def with_shells(words: list[str]) -> list[str]:
    """The words of a command line, where an option above without a shell gets an empty one: it means the current."""
    bare = words[-1:] and words[-1] in OPTIONS
    return [*words, ""] if bare else words


def _install(context: typer.Context, shell: str | None) -> None:
    if shell is None:
        return
    from bundler.completion.scripts import install

    installed = install(_known(shell), _program(context))
    typer.echo(printable(str(installed.script)))
    if installed.told is not None:
        typer.echo(f"bundler: note: {printable(str(installed.told))} reads it from now on", err=True)
    raise typer.Exit


def _show(context: typer.Context, shell: str | None) -> None:
    if shell is None:
        return
    from bundler.completion.scripts import script

    typer.echo(script(_known(shell), _program(context)), nl=False)
    raise typer.Exit


def _known(shell: str) -> str:
    from bundler.completion.scripts import current_shell
    from bundler.completion.shells import SHELLS

    known = ", ".join(SHELLS)
    chosen = shell or current_shell()
    if chosen is None:
        raise RequestError("this is run by no shell that has completion", hint=f"name one of {known}")
    if chosen not in SHELLS:
        raise RequestError(f"there is no completion for {printable(chosen[:40])!r}", hint=f"there is for {known}")
    return chosen


def _program(context: typer.Context) -> str:
    return str(context.find_root().info_name)


def _option(name: str, callback: Any, text: str) -> Any:
    return typer.Option(
        name, metavar="[bash|zsh|fish]", callback=callback, is_eager=True, help=text, show_default=False
    )


InstallOption = Annotated[
    str | None,
    _option(OPTIONS[0], _install, "Make a shell complete commands, images, files and more; if absent, this shell."),
]
ShowOption = Annotated[str | None, _option(OPTIONS[1], _show, "Print what makes a shell complete, and stop.")]
