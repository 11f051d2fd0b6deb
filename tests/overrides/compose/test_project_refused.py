"""What is no compose project, or includes what it cannot, is refused at its place with what to write instead."""

from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.compose.project import Reader
from tests.support.compose import keys, refused
from tests.support.messages import tells

INCLUDES = {
    "a key it does not know": ("include: [{path: a.yaml, as: x}]", "compose.yaml:1:11: include: ", "unknown 'as'"),
    "no path": ("include: [{env_file: e}]", "compose.yaml:1:11: include: ", "path missing"),
    "no file": ("include: [{path: []}]", "compose.yaml:1:11: include: ", "file expected"),
    "a map": ("include: {path: a.yaml}", "compose.yaml:1:10: include: ", "list"),
    "itself": ("include: [compose.yaml]", "compose.yaml:1:11: include: ", "compose.yaml includes itself"),
    "a file that is not there": ("include: [gone.yaml]", "compose.yaml:1:11: ", "gone.yaml does not exist"),
}


@pytest.mark.parametrize("case", INCLUDES)
def test_what_cannot_be_included_is_refused(tmp_path: Path, case: str) -> None:
    text, place, words = INCLUDES[case]
    error = refused(tmp_path, f"{text}\nservices: {{web: {{image: x}}}}")
    assert tells(error.what.replace(f"{tmp_path}/", ""), place, words)


def test_an_included_file_has_a_folder_and_variables_of_its_own(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [{path: in/a.yaml, project_directory: other, env_file: [/dev/null, e.env]}]\n",
        "in/a.yaml": "services: {web: {image: '$TAG', volumes: ['./v:/v'], environment: {A: '$A'}}}",
        "e.env": "TAG=x:1\nA=$TAG",
    }
    read = keys(tmp_path, files, TAG="outer:2")
    assert (read["image"], read["environment"]) == ("outer:2", {"A": "outer:2"})
    assert read["volumes"] == ["FOLDER/other/v:/v"]


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("cap_add: [KILL]", "cap_add: {KILL: 1}"),
        ("stdin_open: true", "stdin_open: [true]"),
        ("image: x", "image: {x: 1}"),
    ],
)
def test_what_has_another_form_is_not_merged(tmp_path: Path, below: str, above: str) -> None:
    files = {"compose.yaml": f"services: {{web: {{{below}}}}}", "over.yaml": f"services: {{web: {{{above}}}}}"}
    error = refused(tmp_path, files, over=("over.yaml",))
    assert tells(error.what, "over.yaml:1:", "found expected")


@pytest.mark.parametrize("word", ["A", "=b", ""])
def test_a_variable_of_the_command_line_has_a_value(word: str) -> None:
    with pytest.raises(RequestError, match=r"--env .*NAME=VALUE"):
        Reader.of([word], [], "compose.yaml")


def test_a_file_that_compose_reads_unasked_is_told(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: x}}")
    assert not Reader.of([], [], str(tmp_path / "compose.yaml")).remarks
    (tmp_path / ".env").write_text("A=1\n")
    told = list(Reader.of([], [], str(tmp_path / "compose.yaml")).remarks)
    assert told == [f"note: {tmp_path}/.env is read only where it is named as a file of variables"]
    assert not Reader.of([], [str(tmp_path / ".env")], str(tmp_path / "compose.yaml")).remarks


def test_words_of_the_command_line_count_inside_files_of_variables(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=$B\nC=${A}1\n")
    reader = Reader.of(["B=b=c"], [str(tmp_path / "a.env")], "/srv/compose.yaml")
    assert reader.variables == {"PWD": "/srv", "A": "b=c", "C": "b=c1", "B": "b=c"}


def test_a_secret_laid_over_another_is_known_by_where_it_is_mounted(tmp_path: Path) -> None:
    top = "configs: {a: {content: x}, b: {content: y}}"
    files = {
        "compose.yaml": f"services: {{web: {{image: x, configs: [a, {{source: a, target: /t}}]}}}}\n{top}",
        "over.yaml": "services: {web: {configs: [{source: b, target: /t}, a]}}",
    }
    binds = keys(tmp_path, files, over=("over.yaml",))["volumes"]
    assert sorted((bind["target"], bind["content"]) for bind in binds) == [("/a", "x"), ("/t", "y")]
