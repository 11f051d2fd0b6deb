import copy

import pytest

from bundler.errors import RequestError
from bundler.running.start import with_process
from bundler.runtime_spec.runtime_config import RuntimeConfig

PROCESS = {"args": ["a"], "env": ["A=b"], "consoleSize": {"height": 2, "width": 3}}
CONFIG = RuntimeConfig({"process": PROCESS, "hostname": "h"})
IN_A_TERMINAL = RuntimeConfig({"process": {"args": ["a"], "terminal": True}})


def test_other_arguments_take_the_place_of_all() -> None:
    before = copy.deepcopy(CONFIG.document)
    changed = with_process(CONFIG, ["x", "-y"], None)
    assert changed.document == {"process": {**PROCESS, "args": ["x", "-y"]}, "hostname": "h"}
    assert before == CONFIG.document


@pytest.mark.parametrize("terminal", [None, False])
def test_nothing_changes_without_a_wish(terminal: bool | None) -> None:
    assert with_process(CONFIG, [], terminal) == CONFIG
    assert with_process(IN_A_TERMINAL, [], True) == IN_A_TERMINAL


def test_a_terminal_brings_its_kind_along() -> None:
    process = with_process(CONFIG, [], True).process
    assert process.members == {"args": ["a"], "env": ["A=b", "TERM=xterm"], "terminal": True}
    with_term = RuntimeConfig({"process": {"args": ["a"], "env": ["TERM=vt100"]}})
    assert with_process(with_term, [], True).process.env == ("TERM=vt100",)
    assert not with_process(IN_A_TERMINAL, [], False).process.terminal


@pytest.mark.parametrize("document", [{}, {"process": None}, {"process": []}])
def test_a_config_without_a_process_starts_nothing(document: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="starts no process"):
        with_process(RuntimeConfig(document), ["x"], None)


def test_an_argument_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(RequestError, match="is not UTF-8"):
        with_process(CONFIG, ["b\udcff"], None)
