"""The man pages, as the programs that show them read them."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bundler import data
from bundler.completion.answer import TABLE
from release.man_pages import man_pages

VERSION = "1.2.3"
COMMANDS = data.load(TABLE)["bundler"]["commands"]
NAMES = ["bundler.1", "bundler-overrides.5"]
for command, about in COMMANDS.items():
    NAMES += [f"bundler-{command}.1", *(f"bundler-{command}-{below}.1" for below in about.get("commands", {}))]
# No page has a date: it would be that of the machine which made it.
WITHOUT_DATE = 'WARNING: missing date, using "": TH'


@cache
def pages() -> dict[str, str]:
    """They are made when they are read: collecting the tests takes their names."""
    return man_pages(VERSION)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    for name, text in pages().items():
        (folder / name).write_text(text)
    return folder


def shown(page: Path) -> str:
    """What man shows, without its bold and its breaks of lines."""
    command: list[str | Path] = ["man", "--local-file", "--encoding=UTF-8", "--warnings", page]
    environment = {"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return " ".join(re.sub(r".\x08", "", done.stdout).split())


def test_each_command_has_a_page() -> None:
    assert sorted(pages()) == sorted(NAMES)


@pytest.mark.tool("mandoc")
def test_mandoc_finds_no_fault(folder: Path) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "style", *sorted(folder.iterdir())], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stdout.splitlines() if not line.endswith(WITHOUT_DATE)] == []


@pytest.mark.tool("groff")
@pytest.mark.parametrize("name", NAMES)
def test_groff_warns_of_nothing(name: str, folder: Path) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-T", "utf8", "-rCHECKSTYLE=3", folder / name],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if ".TH missing third argument" not in line]  # pages have no date
    assert (done.returncode, told) == (0, [])


@pytest.mark.tool("lexgrog")
def test_apropos_finds_each_page(folder: Path) -> None:
    done = subprocess.run(["lexgrog", *sorted(folder.iterdir())], capture_output=True, text=True, check=True)
    names = [line.partition(": ")[2].split(" - ")[0].strip('"') for line in done.stdout.splitlines()]
    assert names == [name[:-2] for name in sorted(NAMES)]


def told(command: dict[str, Any]) -> Iterator[str]:
    """All that the help says of a command, as it is without marks."""
    table = data.load(TABLE)
    options = [table["options"][name] for name in command["options"]]
    yield from command["help"]
    yield from command["examples"]
    yield from (", ".join(option["names"]) + f" {option['takes']}".rstrip() for option in options)
    yield from (option["help"] for option in options)
    yield from (argument["help"] for argument in command["arguments"])


@pytest.mark.tool("man", "groff")
@pytest.mark.parametrize("name", COMMANDS)
def test_man_shows_what_the_help_says(name: str, folder: Path) -> None:
    page = shown(folder / f"bundler-{name}.1")
    assert [text for text in told(COMMANDS[name]) if " ".join(text.replace("`", "").split()) not in page] == []
    for expected in (
        f"BUNDLER-{name.upper()}(1)",
        f"bundler {VERSION}",
        f"NAME bundler-{name} - ",
        f"SYNOPSIS bundler {name} ",
        "EXIT STATUS 0 done. 1 failed.",
        "NO_COLOR If set, nothing is coloured.",
    ):
        assert expected in page


@pytest.mark.tool("man", "groff")
def test_man_shows_the_keys_of_overrides_files(folder: Path) -> None:
    page = shown(folder / "bundler-overrides.5")
    assert 'image an image reference: "docker.io/library/nginx:1.27" The image to build from' in page
    assert "KEYS WITHOUT MEANING" in page


def test_no_line_of_a_page_is_taken_for_a_request_that_is_none() -> None:
    requests = {".TH", ".nh", ".ad", ".SH", ".SS", ".TP", ".PP", ".EX", ".EE", ".BR", ".br"}
    lines = [line for text in pages().values() for line in text.splitlines() if line[:1] in {".", "'"}]
    assert {line.split()[0] for line in lines} <= requests


def test_pages_are_the_same_each_time() -> None:
    assert man_pages(VERSION) == pages()
