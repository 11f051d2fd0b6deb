"""Lines as people paste them: with docker run in front, with sudo and variables, or whole, as one word."""

import pytest

from bundler.errors import RequestError
from bundler.overrides.docker_run.command_line import words_of_run
from bundler.overrides.docker_run.settings import convert
from tests.overrides.docker_run.lines import client
from tests.support.messages import tells


@pytest.mark.parametrize(
    "front",
    [
        "",
        "docker run",
        "docker create",
        "docker container run",
        "docker container create",
        "podman run",
        "sudo docker run",
        "sudo -E -u root docker run",
        "doas podman container run",
        "/usr/bin/docker run",
        "$ docker run",
        "# docker run",
        "docker -H tcp://host:2375 --context=x -D run",
        "podman --root /x --remote run",
        "time docker run",
        "exec docker run",
        "env -u X docker run",
    ],
)
def test_what_stands_in_front_is_left_out(front: str) -> None:
    words = ["-d", "--name", "web", "nginx:1", "run", "-d"]
    assert words_of_run([*front.split(), *words]) == (tuple(words), {})


@pytest.mark.parametrize(
    "words", [["docker"], ["docker", "info"], ["podman", "run-tests"], ["docker:dind", "run", "x"]]
)
def test_an_image_may_be_called_like_a_client(words: list[str]) -> None:
    assert words_of_run(words) == (tuple(words), {})


@pytest.mark.parametrize("line", ["sudo docker pull x", "sudo nginx", "A=1 docker ps -a", "sudo", "A=1"])
def test_a_line_that_runs_something_else_is_refused(line: str) -> None:
    with pytest.raises(RequestError, match="starts something else"):
        words_of_run(line.split())


def test_variables_in_front_are_the_clients() -> None:
    words = ["HERE=1", "sudo", "THERE=a b", "docker", "run", "-e", "HERE", "-e", "THERE", "-e", "OTHER", "nginx"]
    found = convert(words, client(OTHER="3", HERE="0")).keys
    assert found["environment"] == ["HERE=1", "THERE=a b", "OTHER=3"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("docker run -d nginx", ["-d", "nginx"]),
        ("docker run \\\n  -d \\\n  nginx", ["-d", "nginx"]),
        ("docker run \\\r\n  -d \\\r\n  nginx\r\n", ["-d", "nginx"]),
        ('sudo docker run -e \'A=b  c\' -e "D=e\\" f" x', ["-e", "A=b  c", "-e", 'D=e" f', "x"]),
        ("docker run -v /a\\ b:/c im\\\nage", ["-v", "/a b:/c", "image"]),
        ("docker run x 'a\\\nb' \"c\\\nd\"", ["x", "a\\\nb", "cd"]),
        ("docker run x sh -c 'echo $HOME; ls | wc'", ["x", "sh", "-c", "echo $HOME; ls | wc"]),
        ('docker run -e A=\\$B -e "C=\\$D" x', ["-e", "A=$B", "-e", "C=$D", "x"]),
        ("-it --rm alpine", ["-it", "--rm", "alpine"]),
    ],
)
def test_a_whole_line_is_parted_as_a_shell_parts_it(line: str, words: list[str]) -> None:
    assert words_of_run([line])[0] == tuple(words)


@pytest.mark.parametrize(
    ("line", "sign"),
    [
        ("docker run -v $PWD:/x x", "$"),
        ('docker run -v "$(pwd)":/x x', "$"),
        ("docker run -e A=`id` x", "`"),
        ("docker run x | cat", "|"),
        ("docker run x && docker ps", "&"),
        ("docker run x > out", ">"),
        ("docker run x; ls", ";"),
    ],
)
def test_what_only_a_shell_can_do_is_refused(line: str, sign: str) -> None:
    with pytest.raises(RequestError) as refused:
        words_of_run([line])
    assert tells(refused.value.what, "", f"{sign} shell")


def test_a_quote_that_is_not_closed_is_told() -> None:
    with pytest.raises(RequestError, match="no closing quotation"):
        words_of_run(["docker run -e 'A x"])
