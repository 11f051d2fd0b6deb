"""Failures, as people and scripts see them: one or two lines on standard error, and the exit code."""

import os
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import cleandoc
from types import FrameType
from typing import Any, Final, TextIO

import typer
from typer.core import TyperCommand

from bundler.cli.output.terminal import has_colours
from bundler.disk_space import full_disk
from bundler.errors import INTERRUPTED, BundlerError, RequestError, brief, printable
from bundler.interruptions import INTERRUPTIONS

_WORDS: Final = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


class _Ended(BaseException):
    """A signal other than Ctrl-C's: leave as after that, removing what is half made."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)


# What begins the word for the value of an option that names something on disk.
_FILES: Final = ("FILE", "DIR", "BUNDLE")
# As of a program that SIGPIPE has ended, which Python ignores.
_CUT_SHORT: Final = 128 + signal.SIGPIPE
# Of RuntimeError and ImportError, which have other reasons as well.
_NO_MEMORY = ("can't start new thread", "cannot allocate memory", "failed to map segment")


class Command(TyperCommand):
    """A command whose failures are reported here and nowhere else."""

    left = "nothing was left behind"

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings)
        # typer keeps the line breaks of all paragraphs but the first: those of the source, and not of the terminal.
        self.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in cleandoc(self.help or "").split("\n\n"))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed = list(args)
        try:
            rest = list(super().parse_args(ctx, args))
        except _WrongWords as error:
            # The parser names no command where an option lacks its value, and the hint is to name that command's help.
            error.ctx, error.typed = getattr(error, "ctx", None) or ctx, typed
            raise
        _check_files(self.params, ctx.params)
        return rest

    def invoke(self, ctx: Any) -> Any:
        with reported(self.left):
            return super().invoke(ctx)


def _check_files(options: Iterable[Any], given: Mapping[str, Any]) -> None:
    """Raise RequestError for an option that has taken the next one for the name of its file."""
    for option in options:
        takes = option.metavar or ""
        if option.param_type_name != "option" or not takes.startswith(_FILES):
            continue
        value = given.get(option.name)
        for each in map(str, value if isinstance(value, list | tuple) else [value]):
            if each.startswith("-") and each != "-":
                what = f"{option.opts[0]} takes {takes}, and {printable(each)} behind it is an option"
                raise RequestError(what, hint=f"{option.opts[0]} {takes}; a file of that name is ./{printable(each)}")


class Pasted(Command):
    """A command whose words are those of another program, whose flags are none of bundler's: also without a --."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        return super().parse_args(ctx, args if args[:1] in ([], ["--"], ["-h"], ["--help"]) else ["--", *args])


class Resumable(Command):
    """A command that goes on, the next time, from where it was interrupted."""

    left = "what is whole is kept for the next time"


# What is wrong with the words of a command line. typer brings click along or has it inside, and names no class of it
# but this one's heir.
_WrongWords: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def call(app: typer.Typer, name: str) -> int:
    """Do what the command line says and return the exit code; wrong words are told as all failures are."""
    try:
        with reported():
            return _call(app, name)
    except typer.Exit as end:
        return int(end.exit_code)


def _call(app: typer.Typer, name: str) -> int:
    try:
        return int(app(prog_name=name, standalone_mode=False) or 0)
    except _WrongWords as error:
        from bundler.cli.parsing.wrong_words import hint_at, instead

        context = getattr(error, "ctx", None)
        if type(error).__name__ != "NoArgsIsHelpError":  # then the help has just been shown
            what = " ".join(error.format_message().split()).rstrip(".")
            command = context.command_path if context else name
            if instead(error, command) is not None:  # of that, the parser's nearest guess is none
                what = what.partition(" (Possible options")[0]
            _say(what[:1].lower() + what[1:], hint_at(error, command, getattr(error, "typed", ())))
        return RequestError.exit_code


def is_unknown(error: Any) -> bool:
    """Whether wrong words name an option that the command has not, and not one whose value is missing."""
    return type(error).__name__ == "NoSuchOption"


@contextmanager
def reported(left: str = Command.left) -> Iterator[None]:
    """Turn whatever is raised inside into lines on standard error and an exit code.

    `left` says what an interruption leaves.
    """
    _expect_interruptions()
    try:
        yield
    except typer.Exit:
        raise
    except BundlerError as error:
        _say(error.what, error.hint)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        _say(f"{_WORDS[signal.SIGINT]}; {left}", None)
        raise typer.Exit(INTERRUPTED) from None
    except _Ended as end:
        _say(f"{_WORDS[end.number]}; {left}", None)
        raise typer.Exit(128 + end.number) from None
    except (BrokenPipeError, SystemExit):
        # The reader of the output (`bundler config ... | head`) has seen enough. Of a help page, rich exits then.
        _forget_output()
        raise typer.Exit(_CUT_SHORT) from None
    except OSError as error:
        failure = _of_the_system(error)
        _say(failure.what, failure.hint)
        _forget_output()
        raise typer.Exit(1) from None
    except Exception as error:  # noqa: BLE001  (what is left is a bug, and says so)
        if _lacks_memory(error):
            _say("out of memory", None)
            raise typer.Exit(1) from None
        if os.environ.get("BUNDLER_TRACEBACK"):
            traceback.print_exc()
        _say(
            f"a bug in bundler: {type(error).__name__}: {printable(str(error))}",
            "please report it, with what BUNDLER_TRACEBACK=1 prints",
        )
        raise typer.Exit(1) from None


def _of_the_system(error: OSError) -> BundlerError:
    """The failure that is told of `error`. A file without a name that cannot be written is standard output."""
    named = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    hint = "its owner may do this, or root" if isinstance(error, PermissionError) and os.geteuid() else None
    what = f"{f'{named}: ' if named else ''}{error.strerror or error}"
    return full_disk(error, named or "standard output") or BundlerError(what, hint=hint)


def _expect_interruptions() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as bundler.__main__ has it until there is something to undo
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _interrupt)


def ignore_interruptions() -> None:
    """From here on the work is done: to say that it was interrupted would be wrong."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Leave, once: timeout(1) sends its signal to the process and to its group, and the second one of the two must not
    cut short what the first has begun to undo.
    """
    for each in INTERRUPTIONS:
        if signal.getsignal(each) is _interrupt:
            signal.signal(each, _already_leaving)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise _Ended(number)


def _already_leaving(_number: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN, which a program that is started would inherit."""


def forget_messages() -> None:
    """Drop messages that cannot be written: what was to be done is done or not done, whoever is told of it."""
    _forget(sys.__stderr__, 2)


def _forget_output() -> None:
    _forget(sys.__stdout__, 1)


def _forget(stream: TextIO | None, descriptor: int) -> None:
    """Drop what cannot be written: the interpreter's last flush would complain of it once more, and exit with 120.

    The stream is None where its descriptor was closed when Python started.
    """
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _lacks_memory(error: Exception) -> bool:
    """Python and its extension modules have other words for it, too: without memory there is no thread, no module."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError) and any(words in told for words in _NO_MEMORY)
    )


def _say(what: str, hint: str | None) -> None:
    """Two lines at the most; red only on a terminal, without NO_COLOR."""
    label = typer.style("error", fg="red", bold=True) if has_colours(sys.stderr) else "error"
    with suppress(OSError):  # a terminal that has hung up reads no more
        typer.echo(f"bundler: {label}: {brief(what)}", err=True)
        if hint:
            typer.echo(f"bundler: hint: {brief(hint)}", err=True)
