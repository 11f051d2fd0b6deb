"""What real shells make of a line when the tabulator is pressed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.completable import make_completable
from tests.support.shells import Shell, bash, fish, zsh

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"

# What is typed, and what the line then is: the same in bash and zsh, which write backslashes where they are needed.
COMPLETED = {
    "bundler bu": "bundler build ",
    "bundler overrides from-c": "bundler overrides from-compose ",
    "bundler build --off": "bundler build --offline ",
    "bundler build --limit unp": "bundler build --limit unpacked-size=",
    "bundler build --limit=unp": "bundler build --limit=unpacked-size=",
    "bundler build --unpacker=um": "bundler build --unpacker=umoci ",
    "bundler build ngi": "bundler build nginx:1.27 ",
    "bundler build nginx:": "bundler build nginx:1.27 ",
    "bundler build docker://ngi": "bundler build docker://nginx:1.27 ",
    "bundler rm registry.example:5": "bundler rm registry.example:5000/team/web:2 ",
    "bundler build docker-a": "bundler build docker-archive:",
    "bundler build docker-archive:sav": "bundler build docker-archive:saved.tar ",
    "bundler build docker-archive:saved.tar:w": "bundler build docker-archive:saved.tar:web:",
    "bundler build docker-archive:saved.tar:web:2": "bundler build docker-archive:saved.tar:web:2 ",
    "bundler build two": "bundler build two\\ words.tar ",
    "bundler build docker-archive:two": "bundler build docker-archive:two\\ words.tar ",
    "bundler build docker-archive:two\\ words.tar:web:1": "bundler build docker-archive:two\\ words.tar:web:1 ",
    "bundler build oci:layo": "bundler build oci:layout/",
    "bundler build oci:layout:v": "bundler build oci:layout:v",
    "bundler build oci:layout:v1": "bundler build oci:layout:v1 ",
    "bundler verify srv/w": "bundler verify srv/web ",
    "bundler backup s": "bundler backup srv/",
    "bundler explain srv/web /proc": "bundler explain srv/web /process",
    "bundler explain srv/web /process/a": "bundler explain srv/web /process/args",
    "bundler build --from-compose compose.yaml:w": "bundler build --from-compose compose.yaml:web ",
    "bundler overrides from-compose compose.yaml d": "bundler overrides from-compose compose.yaml db ",
    "bundler build --from-inspect inspect.json --name s": "bundler build --from-inspect inspect.json --name shop ",
    "bundler build nginx:1.27 --platform linux/ar": "bundler build nginx:1.27 --platform linux/arm64/v8 ",
    "bundler build --overrides com": "bundler build --overrides compose.yaml ",
    "bundler build --overrides=com": "bundler build --overrides=compose.yaml ",
    "bundler explain --profile docker@2": "bundler explain --profile docker@2",
    "FOO=1 bundler bu": "FOO=1 bundler build ",
    "bundler nonsense x": "bundler nonsense x",
    "bundler build --limit nonsense": "bundler build --limit nonsense",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("completion") / "work"
    return folder, make_completable(folder)


@pytest.fixture(scope="module", params=["bare", "with bash-completion"])
def in_bash(request: pytest.FixtureRequest, places: tuple[Path, dict[str, str]]) -> Iterator[Shell]:
    folder, environment = places
    begin = "" if request.param == "bare" else f". {BASH_COMPLETION}\n"
    with bash(folder, begin, environment) as shell:
        yield shell


@pytest.fixture(scope="module")
def in_zsh(places: tuple[Path, dict[str, str]]) -> Iterator[Shell]:
    folder, environment = places
    with zsh(folder, environment) as shell:
        yield shell


@pytest.mark.tool("bash", BASH_COMPLETION)
@pytest.mark.parametrize("line", COMPLETED)
def test_bash_completes(line: str, in_bash: Shell) -> None:
    assert in_bash.complete(line) == COMPLETED[line]


@pytest.mark.tool("zsh")
@pytest.mark.parametrize("line", COMPLETED)
def test_zsh_completes(line: str, in_zsh: Shell) -> None:
    assert in_zsh.complete(line) == COMPLETED[line]


LISTED = {
    "bundler build docker-archive:saved.tar:": {"1", "2"},
    "bundler run --runtime=": {"runc", "crun"},
    "bundler build --platform linux/arm/": {"v6", "v7"},
}


@pytest.mark.tool("bash", "runc", "crun", BASH_COMPLETION)
@pytest.mark.parametrize("line", LISTED)
def test_bash_lists_what_may_follow(line: str, in_bash: Shell) -> None:
    offered = in_bash.offered(line)
    assert all(any(each.endswith(expected) for each in offered) for expected in LISTED[line])


@pytest.mark.tool("zsh", "runc", "crun")
@pytest.mark.parametrize("line", LISTED)
def test_zsh_lists_what_may_follow(line: str, in_zsh: Shell) -> None:
    offered = in_zsh.offered(line)
    assert all(any(each.endswith(expected) for each in offered) for expected in LISTED[line])


@pytest.mark.tool("zsh")
def test_zsh_says_what_a_command_does(in_zsh: Shell) -> None:
    assert {"verify", "--", "packed"} <= in_zsh.offered("bundler ver") | in_zsh.offered("bundler ")


@pytest.mark.tool("fish")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("bundler ver", ["verify\tPrint what in BUNDLE, or in the packed FILE, is not as it was built"]),
        ("bundler build ngi", ["nginx:1.27\tin the store"]),
        ("bundler build docker-archive:two\\ w", ["docker-archive:two words.tar"]),
        (
            "bundler build docker-archive:two\\ words.tar:w",
            ["docker-archive:two words.tar:web:1", "docker-archive:two words.tar:web:2"],
        ),
        ("bundler build 'two", ["two words.tar"]),
        ("bundler build nginx:1.27 --platform ", ["linux/amd64", "linux/arm64/v8"]),
        ("bundler backup srv/", ["srv/web"]),
        ("bundler explain srv/web /process/", ["/process/args", "/process/args/", "/process/env"]),
        ("bundler build --overrides=com", ["--overrides=compose.yaml"]),
        ("bundler build --limit nonsense", []),
    ],
)
def test_fish_offers(line: str, offered: list[str], places: tuple[Path, dict[str, str]]) -> None:
    folder, environment = places
    assert fish(folder, line, environment) == offered


@pytest.mark.tool("bash", BASH_COMPLETION)
@pytest.mark.parametrize("begin", ["", f". {BASH_COMPLETION}\n"], ids=["bare", "with bash-completion"])
def test_bash_completes_files_where_bundler_cannot_answer(begin: str, places: tuple[Path, dict[str, str]]) -> None:
    folder, environment = places
    with bash(folder, begin, environment) as shell:
        assert shell.complete("bundler build $HOME/work/no") == "bundler build $HOME/work/notes.txt "
        shell.complete("unset -f command_not_found_handle; bundler() { false; }\n")
        assert shell.complete("bundler build no") == "bundler build notes.txt "
