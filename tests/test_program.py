"""A program ends when its context does, with all that it has started; and whatever ends the process that started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler import program
from bundler.program import Program, started
from tests.support.children import children, of_session
from tests.support.waiting import wait_until

MEBIBYTE = 1 << 20
WITH_A_CHILD = "sleep 100000 & echo $!; echo $$; wait"
STARTER = """
import sys
from pathlib import Path
from bundler.program import started
with started(["sh", "-c", sys.argv[1]], {"PATH": "/usr/bin:/bin"}, output_limit=100) as program:
    program.ends_within(None)
"""


@pytest.fixture
def before() -> set[str]:
    """The children there are already, such as the daemon of other tests."""
    return children()


@contextmanager
def shell(script: str, *, output_limit: int = MEBIBYTE, largest_file: int | None = None) -> Iterator[Program]:
    words = ["/bin/sh", "-c", script]
    with started(words, {"PATH": os.environ["PATH"]}, output_limit=output_limit, largest_file=largest_file) as running:
        yield running


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def numbers(path: Path, count: int) -> list[int]:
    """The processes whose numbers a script writes to `path`, a line for each."""
    wait_until(lambda: path.exists() and path.read_text().count("\n") == count)
    return [int(line) for line in path.read_text().split()]


def test_what_it_prints_and_how_it_ended_is_given(before: set[str]) -> None:
    with shell("echo out; echo err >&2; exit 3") as running:
        ended = running.wait()
        assert (ended.returncode, ended.output, ended.errors) == (3, b"out\n", b"err\n")
        assert running.wait() == ended
    assert children() == before


def test_leaving_early_tells_it_to_end(before: set[str]) -> None:
    with shell("exec sleep 100000") as running:
        assert not running.ends_within(0)
    assert running.process.returncode == -signal.SIGTERM
    assert children() == before


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    with shell(f"{{ {WITH_A_CHILD}; }} >{path}"):
        processes = numbers(path, 2)
    assert [process for process in processes if is_alive(process)] == []


def test_what_it_leaves_behind_when_it_ends_is_ended_and_does_not_delay(tmp_path: Path) -> None:
    path = tmp_path / "number"
    with shell(f"sleep 100000 & echo $! >{path}; echo done") as running:  # the child holds the pipes open
        assert running.wait().output == b"done\n"
        assert not is_alive(numbers(path, 1)[0])


def test_a_program_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "GRACE_SECONDS", 0.2)
    with shell("trap '' TERM; echo ready; while :; do sleep 0.05; done") as running:
        wait_until(lambda: running.ends_within(0.01) or bool(running._output))
    assert running.process.returncode == -signal.SIGKILL


def test_a_program_may_tidy_up_before_it_ends(tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    script = f"trap 'rm {tmp_path}/left; exit 7' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done"
    with shell(script) as running:
        wait_until((tmp_path / "ready").exists)
    assert running.process.returncode == 7
    assert not (tmp_path / "left").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_whatever_ends_who_started_it_ends_it_too(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "numbers"
    command = [sys.executable, "-c", STARTER, f"trap '' TERM HUP; {{ {WITH_A_CHILD}; }} >{path}"]
    with subprocess.Popen(command, process_group=0, stderr=subprocess.DEVNULL) as starter:
        processes = numbers(path, 2)
        starter.send_signal(number)
        assert starter.wait(60) == -number
        wait_until(lambda: not any(map(is_alive, processes)))


def test_a_program_ends_also_if_who_started_it_is_killed_at_once() -> None:
    """Whatever moment that is: it is in the guarded group before it does anything."""
    script = "import os, sys\nfrom bundler.program import started\n"
    script += "words = ['sh', '-c', f'kill -9 {os.getpid()}; exec sleep 100000']\n"
    script += "with started(words, {'PATH': '/usr/bin:/bin'}, output_limit=1) as program:\n    program.wait()\n"
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as starter:
            assert starter.wait(60) == -signal.SIGKILL
            wait_until(lambda: of_session(starter.pid) == [])


def test_ctrl_c_in_a_terminal_is_for_who_started_it(before: set[str], tmp_path: Path) -> None:
    """It reaches the whole group of the terminal, and the program is to be told to end by who can wait for it."""
    with shell("exec sleep 100000") as running:
        groups = {os.getpgid(int(child)) for child in children() - before}
        assert groups == {os.getpgid(running.process.pid)}
        assert os.getpgid(0) not in groups


def test_an_interruption_while_it_is_started_ends_it(before: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def interrupted(*words: object, **settings: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return start(*words, **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt), shell("exec sleep 100000"):
        pytest.fail("it was interrupted before")
    assert children() == before


def test_an_interruption_while_it_is_waited_for_ends_it(before: set[str]) -> None:
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), shell("exec sleep 100000") as running:
        running.wait()
    assert running.process.returncode == -signal.SIGTERM
    assert children() == before


def test_a_failure_to_start_leaves_nothing(before: set[str]) -> None:
    descriptors = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(FileNotFoundError), started(["/nowhere"], {}, output_limit=1):
        pytest.fail("there is no such program")
    assert children() == before
    assert os.listdir("/proc/self/fd") == descriptors  # noqa: PTH208


def test_output_without_end_is_not_kept() -> None:
    with shell("exec cat /dev/zero", output_limit=MEBIBYTE) as running, pytest.raises(OverflowError):
        running.wait()
    assert len(running._output) < 2 * MEBIBYTE
    assert running.process.returncode in (-signal.SIGTERM, -signal.SIGPIPE)


def test_of_errors_without_end_the_last_are_kept() -> None:
    with shell("head -c 3000000 /dev/zero >&2; echo last >&2") as running:
        errors = running.wait().errors
    assert errors.endswith(b"\0last\n")
    assert len(errors) <= MEBIBYTE


def test_a_file_has_no_more_than_it_may_have(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with shell(f"sleep 0.2; exec cat /dev/zero >{path}", largest_file=MEBIBYTE) as running:
        assert running.wait().returncode != 0
    assert path.stat().st_size == MEBIBYTE
