"""How far a command is, as a terminal and a log are shown it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.cli.output.console import note
from bundler.cli.output.progress import Form, Step, bar_line, choose, plain_line, shown_progress
from bundler.cli.output.terminal import width
from bundler.progress import SILENT, Meter

M = 1 << 20
HALF = Step("unpacking 3 layers", 8 * M, 4 * M, 2.0)
STEPS = st.builds(
    Step,
    st.text(max_size=60),
    st.none() | st.integers(0, 1 << 50),
    st.integers(0, 1 << 50),
    st.floats(0, 1e9),
)


class Terminal(io.StringIO):
    """Takes what is drawn; `screen` is what stands in its only line then."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> str:
        line: list[str] = []
        column = 0
        for char in self.getvalue().rpartition("\n")[2]:
            if char == "\r":
                column = 0
            else:
                line[column : column + 1] = [char]
                column += 1
        return "".join(line).rstrip()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


@contextmanager
def fetching(form: Form) -> Iterator[Meter]:
    with shown_progress(form, quiet=False) as progress, progress.measure("fetching a", 10) as meter:
        yield meter


BARS = {
    100: "unpacking 3 layers  ━━━━━━━━━━━━━━━━━━━━────────────────────  4.0/8.0 MiB  2 MiB/s   50 %  0:02",
    80: "unpacking 3 layers  ━━━━━━━━━━━━─────────────  4.0/8.0 MiB  2 MiB/s   50 %  0:02",
    60: "unpacking 3 layers  ━━━───  4.0/8.0 MiB  2 MiB/s   50 %  0:02",
    40: "unpacking 3 layers  ━━━━────   50 %  0:02",
    20: "unpacking ...   50 %",
}


@pytest.mark.parametrize("columns", BARS)
def test_a_line_has_what_there_is_room_for(columns: int) -> None:
    line = bar_line(HALF, columns)
    assert width(line) <= columns
    assert "50 %" in line
    assert ("0:02" in line) is (columns >= 40)
    assert ("MiB" in line) is (columns >= 60)
    assert ("━" in line) is (columns >= 40)


@given(STEPS, st.integers(1, 300))
def test_a_line_is_never_wider_than_its_terminal(step: Step, columns: int) -> None:
    line = bar_line(step, columns)
    assert width(line) <= columns
    assert line.isprintable()


@given(STEPS)
def test_more_than_all_is_never_done(step: Step) -> None:
    assert step.percent is None or 0 <= step.percent <= 100
    assert (step.percent == 100) is (step.total is not None and step.done >= step.total)
    assert plain_line(step).isprintable()


def test_the_last_percent_is_that_of_the_last_byte() -> None:
    assert Step("a", 1000, 999, 1.0).percent == 99


PLAIN = {
    "unpacking: 50 % of 8 MiB, 2 MiB/s, 0:02 left": Step("unpacking", 8 * M, 4 * M, 2.0),
    "unpacking: 0 % of 8 MiB": Step("unpacking", 8 * M, 0, 2.0),
    "fetching: 25 % of 1.5 GiB, 3 MiB/s, 6:24 left": Step("fetching", 1536 * M, 384 * M, 128.0),
    "fetching: 0 % of 100 GiB, 2 KiB/s, 14563:33:19 left": Step("fetching", 100 << 30, 2048, 1.0),
    "reading: 3 MiB, 1 MiB/s": Step("reading", None, 3 * M, 3.0),
    "a\\x1bb: 0 bytes": Step("a\x1bb", None, 0, 0.0),
}


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_of_a_log_is_a_sentence(line: str) -> None:
    assert plain_line(PLAIN[line]) == line


@pytest.mark.parametrize(
    ("form", "quiet", "terminal", "environment", "chosen"),
    [
        (Form.AUTO, False, True, {"TERM": "xterm"}, Form.BAR),
        (Form.AUTO, False, True, {"TERM": "xterm", "NO_COLOR": "1"}, Form.BAR),
        (Form.AUTO, False, True, {"TERM": "dumb"}, Form.PLAIN),
        (Form.AUTO, False, True, {"CI": "true"}, Form.PLAIN),
        (Form.AUTO, False, True, {"CI": "false"}, Form.BAR),
        (Form.AUTO, False, False, {"CI": "true"}, Form.AUTO),
        (Form.AUTO, True, True, {}, Form.NONE),
        (Form.PLAIN, True, False, {}, Form.NONE),
        (Form.PLAIN, False, True, {}, Form.PLAIN),
        (Form.BAR, False, False, {"TERM": "dumb"}, Form.BAR),
        (Form.NONE, False, True, {}, Form.NONE),
    ],
)
def test_what_is_shown_depends_on_who_reads_it(
    form: Form, environment: dict[str, str], chosen: Form, *, quiet: bool, terminal: bool
) -> None:
    assert choose(form, quiet=quiet, terminal=terminal, environment=environment) is chosen


@pytest.mark.parametrize("form", [Form.AUTO, Form.NONE])
def test_what_is_quick_says_nothing_in_a_pipe(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(form, quiet=False) as progress, progress.measure("layer", 10) as meter:
        meter(10)
    assert capsys.readouterr() == ("", "")


def test_quiet_is_silence(terminal: Terminal) -> None:
    with redirect_stderr(terminal), shown_progress(Form.BAR, quiet=True) as progress:
        assert progress is SILENT


def test_where_nothing_is_measured_nothing_is_drawn(terminal: Terminal) -> None:
    with redirect_stderr(terminal), shown_progress(Form.BAR, quiet=False):
        pass
    assert terminal.getvalue() == ""


def test_all_steps_share_one_line_and_the_last_leaves_none(terminal: Terminal) -> None:
    with redirect_stderr(terminal), shown_progress(Form.AUTO, quiet=False) as progress:
        with progress.measure("fetching a", 10) as meter:
            meter(5)
            assert terminal.screen.startswith("fetching a  ")
        assert terminal.screen == ""
        with progress.measure("unpacking 2 layers", 10):
            assert terminal.screen.startswith("unpacking 2 layers  ")
    assert terminal.screen == ""
    assert "\n" not in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_a_step_that_fails_leaves_no_line(terminal: Terminal) -> None:
    def fail() -> None:
        with shown_progress(Form.AUTO, quiet=False) as progress, progress.measure("packing", 10) as meter:
            meter(1)
            raise OSError("full")

    with redirect_stderr(terminal), pytest.raises(OSError, match="full"):
        fail()
    assert terminal.screen == ""


def test_a_note_stands_above_the_bar(terminal: Terminal) -> None:
    with redirect_stderr(terminal), fetching(Form.AUTO) as meter:
        note("try 2 of 4")
        assert terminal.screen == ""
        meter(5)
        assert terminal.screen.startswith("fetching a  ")
    assert "\rbundler: note: try 2 of 4\n" in terminal.getvalue()


def test_a_terminal_that_knows_no_lines_gets_ascii(terminal: Terminal) -> None:
    terminal.encoding = "iso-8859-1"
    with redirect_stderr(terminal), fetching(Form.BAR) as meter:
        meter(10)
    assert terminal.getvalue().isascii()


def test_plain_lines_tell_begin_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(Form.PLAIN, quiet=False) as progress, progress.measure("packing web.tar", 2 * M) as meter:
        meter(2 * M)
    begin, *_, end = capsys.readouterr().err.splitlines()
    assert begin == "bundler: packing web.tar: 2 MiB"
    assert end.startswith("bundler: packing web.tar: done, 2 MiB in 0:0")


def test_a_closed_standard_error_keeps_no_work_from_being_done() -> None:
    class Closed(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    for form in (Form.BAR, Form.PLAIN):
        with redirect_stderr(Closed()), fetching(form) as meter:
            meter(1)
            note("what no reader is there for")
