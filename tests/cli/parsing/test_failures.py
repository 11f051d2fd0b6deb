"""What a person sees of a failure: one or two lines, and an exit code."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from bundler.cli.parsing.failures import reported
from bundler.errors import BundlerError, DifferenceError, ImageError, LayerError, RequestError, ToolError
from bundler.interruptions import INTERRUPTIONS
from tests.support.command import call_bundler, installed

HELLO = Path(__file__).parents[3] / "testdata" / "hello-amd64.tar"


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def exit_code(fail: Callable[[], object]) -> int:
    with pytest.raises(typer.Exit) as ended, reported():
        fail()
    return int(ended.value.exit_code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BundlerError("x"), 1),
        (RequestError("x"), 2),
        (ImageError("x"), 3),
        (LayerError("x"), 4),
        (ToolError("x"), 5),
        (DifferenceError("x"), 6),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), 1),
        (MemoryError(), 1),
        (ZeroDivisionError("a bug"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_failure_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(raising(error)) == code


def test_an_error_is_one_line_and_its_hint_another(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(raising(RequestError("the answer is wrong", hint="try 42")))

    assert capsys.readouterr().err.splitlines() == [
        "bundler: error: the answer is wrong",
        "bundler: hint: try 42",
    ]


def test_a_full_disk_is_named_with_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(raising(OSError(errno.ENOSPC, "No space left on device", b"/a/b\x1b[31m")))

    assert capsys.readouterr().err == (
        "bundler: error: /a/b\\x1b[31m: no space left on the file system\n"
        "bundler: hint: free some space on it, or choose another disk\n"
    )


def test_an_ordinary_user_is_told_who_may(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert exit_code(raising(PermissionError(errno.EACCES, "Permission denied", "web/config.json"))) == 1

    assert capsys.readouterr().err.splitlines() == [
        "bundler: error: web/config.json: Permission denied",
        "bundler: hint: its owner may do this, or root",
    ]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("isal.so: failed to map segment from shared object"),
        ImportError("libz.so.1: Cannot allocate memory"),
    ],
    ids=repr,
)
def test_too_little_memory_is_no_bug(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert exit_code(raising(error)) == 1

    assert capsys.readouterr().err.splitlines() == ["bundler: error: out of memory"]


def test_a_bug_says_that_it_is_one_and_shows_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(raising(ZeroDivisionError("division by zero")))

    shown = capsys.readouterr().err
    assert "a bug in bundler: ZeroDivisionError: division by zero" in shown
    assert "Traceback" not in shown


def test_a_bug_shows_its_traceback_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUNDLER_TRACEBACK", "1")

    exit_code(raising(ZeroDivisionError("division by zero")))

    assert "Traceback" in capsys.readouterr().err


@pytest.fixture
def handlers() -> Iterator[None]:
    before = [(number, signal.getsignal(number)) for number in INTERRUPTIONS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(
    ("number", "code", "told"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "hung up")], ids=str
)
def test_a_signal_ends_as_ctrl_c_does_with_a_code_of_its_own(
    capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int, told: str
) -> None:
    assert exit_code(lambda: os.kill(os.getpid(), number)) == code

    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("handlers")
def test_a_second_signal_does_not_cut_short_what_the_first_has_begun() -> None:
    undone = []

    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)
                undone.append(number)

    assert exit_code(interrupted) == 143
    assert undone == [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.usefixtures("handlers")
def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with reported():
        os.kill(os.getpid(), signal.SIGHUP)


def test_a_command_may_end_by_itself() -> None:
    assert exit_code(raising(typer.Exit(6))) == 6


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["--frob"], "no such option: --frob", "bundler --help"),
        (["biuld", "x"], "no such command 'biuld'", "did you mean `bundler build`?"),
        (["build", "a", "b"], "got unexpected extra argument", "bundler build --help"),
        (
            ["overrides", "check"],
            "missing argument 'FILE",
            "bundler overrides check --help; for example bundler overrides check web.yaml",
        ),
        (["pack", "b", "-o", "x", "--level", "x"], "invalid value for '--level'", "bundler pack --help"),
        (["build", "a", "\x1b[2J\n"], "got unexpected extra argument", "bundler build --help"),
    ],
    ids=["option", "command", "argument", "missing", "value", "hostile"],
)
def test_wrong_words_are_told_like_any_failure(words: list[str], what: str, hint: str) -> None:
    done = call_bundler(*words)
    told, way_out = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert told.startswith(f"bundler: error: {what}")
    assert way_out == f"bundler: hint: {hint}"
    assert told.isprintable()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("word", ["--version", "--help"])
def test_a_full_disk_behind_standard_output_is_told(word: str, unbuffered: str) -> None:
    command, environment = [installed(), word], os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("bundler: error: standard output: no space left on the file system\n")


@pytest.mark.parametrize(
    "words",
    [
        ["overrides", "check", "-"],
        ["overrides", "from-inspect", "-"],
        ["overrides", "from-compose", "-"],
        ["diff", "docker", "-"],
    ],
    ids=lambda words: words[1],
)
def test_a_standard_input_that_is_closed_is_told(words: list[str]) -> None:
    line = " ".join([installed(), *words])
    done = subprocess.run(["sh", "-c", f"{line} <&-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "bundler: error: standard input is closed\n")


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("words", "code"), [("inspect {hello}", 0), ("inspect none.tar", 3), ("images", 0)])
def test_outputs_that_are_closed_change_no_exit_code(tmp_path: Path, closed: str, words: str, code: int) -> None:
    line = f"{installed()} {words.format(hello=HELLO)} {closed}"
    environment = os.environ | {"BUNDLER_STORE": str(tmp_path / "store")}
    assert subprocess.run(["sh", "-c", line], env=environment, check=False).returncode == code


def test_help_breaks_its_lines_where_the_terminal_ends() -> None:
    """Not where those of the source do."""
    shown = call_bundler("verify", "--help", env={"COLUMNS": "300", "TERM": "dumb"}).stdout
    (line,) = (line.strip() for line in shown.splitlines() if "The files of rootfs/" in line)
    assert "Exit code 0: the same, 6: not." in line
