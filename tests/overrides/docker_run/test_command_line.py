"""The words of a docker run line, by the rules of docker's flag library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.docker_run.command_line import parse
from bundler.overrides.docker_run.flags import FLAGS, SHORT
from bundler.overrides.docker_run.settings import convert
from bundler.overrides.load import load_one
from tests.overrides.docker_run.lines import client


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--env=A=1"], {"env": ["A=1"]}),
        (["--env", "A=1", "-e", "B"], {"env": ["A=1", "B"]}),
        (["-eA=1"], {"env": ["A=1"]}),
        (["-e=A=1"], {"env": ["A=1"]}),
        (["-it"], {"interactive": [True], "tty": [True]}),
        (["-itu", "1000"], {"interactive": [True], "tty": [True], "user": ["1000"]}),
        (["-itu1000"], {"interactive": [True], "tty": [True], "user": ["1000"]}),
        (["-t=false"], {"tty": [False]}),
        (["-it=false"], {"interactive": [True], "tty": [False]}),
        (["--tty=T", "--init=0"], {"tty": [True], "init": [False]}),
        (["--tty", "--tty=false"], {"tty": [True, False]}),
        (["--name="], {"name": [""]}),
        (["-h", "-x"], {"hostname": ["-x"]}),
        (["--"], {}),
        (["-t", "--"], {"tty": [True]}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_flags_and_their_values(words: list[str], values: dict[str, object]) -> None:
    assert parse([*words, "image"]).values == values


def test_the_first_word_that_is_no_flag_is_the_image() -> None:
    line = parse(["-t", "image", "-e", "A=1", "--", "-x"])
    assert (line.image, line.command) == ("image", ("-e", "A=1", "--", "-x"))
    assert line.values == {"tty": [True]}


def test_the_command_keeps_empty_words() -> None:
    assert parse(["image", "", "a b"]).command == ("", "a b")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "docker run needs an image"),
        (["-t"], "docker run needs an image"),
        (["--envv", "A"], "docker run has no flag --envv"),
        (["-tX", "image"], "docker run has no flag -X (in -tX)"),
        (["--name"], "the flag --name needs a value"),
        (["-te"], "the flag -e needs a value"),
        (["--tty=maybe", "image"], "-t, --tty 'maybe': it takes true or false"),
        (["--cpu-count", "1", "image"], "--cpu-count '1': docker takes it on Windows only"),
        (["--ulimit", "\x1b[31m=1", "image"], "--ulimit '\\x1b[31m=1': '\\x1b[31m' is not one of core"),
    ],
)
def test_what_docker_does_not_understand_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(words)
    assert str(refused.value).startswith(message)


def test_a_mistyped_flag_is_answered_with_the_nearest() -> None:
    with pytest.raises(RequestError) as refused:
        parse(["--volum", "/x", "image"])
    assert refused.value.hint == "did you mean --volume?"


FLAG = st.sampled_from([f"--{name}" for name in FLAGS] + [f"-{letter}" for letter in SHORT])
VALUE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["0", "-1", "5m", "1.5", "host", "/a:/b:ro", "type=bind,src=/a,dst=/b", "c 1:2 rw", "a=b", "none"]),
)


@given(st.lists(st.one_of(FLAG, VALUE, st.builds("{}={}".format, FLAG, VALUE)), max_size=8))
def test_any_line_becomes_a_correct_file_or_is_refused(words: list[str]) -> None:
    try:
        converted = convert(words, client())
    except RequestError as error:
        refused = str(error)
    else:
        assert load_one(converted.text.encode(), "o.yaml")
        return
    assert refused.isprintable()
