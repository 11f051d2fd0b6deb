import copy

import pytest

from bundler.errors import RequestError
from bundler.running.start import has_terminal, with_process

CONFIG = {"process": {"args": ["a"], "env": ["A=b"], "consoleSize": {"height": 2, "width": 3}}, "hostname": "h"}
IN_A_TERMINAL = {"process": {"args": ["a"], "terminal": True}}


def test_other_arguments_take_the_place_of_all() -> None:
    before = copy.deepcopy(CONFIG)
    assert with_process(CONFIG, ["x", "-y"], None)["process"] == {**CONFIG["process"], "args": ["x", "-y"]}  # type: ignore[dict-item]
    assert before == CONFIG


@pytest.mark.parametrize("terminal", [None, False])
def test_nothing_changes_without_a_wish(terminal: bool | None) -> None:
    assert with_process(CONFIG, [], terminal) == CONFIG
    assert with_process(IN_A_TERMINAL, [], True) == IN_A_TERMINAL


def test_a_terminal_brings_its_kind_along() -> None:
    process = with_process(CONFIG, [], True)["process"]
    assert process == {"args": ["a"], "env": ["A=b", "TERM=xterm"], "terminal": True}
    with_term = {"process": {"args": ["a"], "env": ["TERM=vt100"]}}
    assert with_process(with_term, [], True)["process"]["env"] == ["TERM=vt100"]
    assert not has_terminal(with_process(IN_A_TERMINAL, [], False))


@pytest.mark.parametrize("document", [{}, {"process": None}, {"process": []}])
def test_a_config_without_a_process_starts_nothing(document: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="starts no process"):
        with_process(document, ["x"], None)


def test_an_argument_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(RequestError, match="is not UTF-8"):
        with_process(CONFIG, ["b\udcff"], None)
