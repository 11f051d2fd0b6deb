"""What every page keeps to, without running anything; `tests/integration/test_documentation.py` runs it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import call_bundler
from tests.support.compose_differences import DIFFERENCES
from tests.support.pages import COMMANDS, LANGUAGES, PAGES, PROJECT, Block, blocks, matches, pieces

README_BYTES = 12_000
BLOCKS = [block for page in PAGES for block in blocks(page)]
OVERRIDES = [block for block in BLOCKS if block.language == "yaml" and not block.file]
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)|<(?:img|a)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def test_the_readme_is_short() -> None:
    assert (PROJECT / "README.md").stat().st_size <= README_BYTES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_says_what_it_is(page: Path) -> None:
    """An indented block would be run by nothing."""
    assert [block.place for block in blocks(page) if block.language not in LANGUAGES] == []
    fenceless = CODE.sub("", page.read_text())
    assert re.findall(r"(?:\A|\n)\n {4}\S.*", fenceless) == []
    assert "```" not in fenceless


def test_commands_are_in_blocks_that_are_run() -> None:
    """Drawings and data have none."""
    others = [block for block in BLOCKS if block.language not in COMMANDS]
    hidden = [block for block in others if re.search(r"^\$ ", block.text, re.MULTILINE)]
    assert [block.place for block in hidden] == []


def test_a_console_block_begins_with_a_command() -> None:
    consoles = [block for block in BLOCKS if block.language == "console"]
    assert [block.place for block in consoles if not block.text.startswith("$ ")] == []


def test_a_block_that_is_not_run_says_why() -> None:
    assert [block.place for block in BLOCKS if block.word == "not run" and len(block.reason.split()) < 4] == []


def test_a_block_that_another_test_runs_is_read_there() -> None:
    for block in (block for block in BLOCKS if block.word == "run by"):
        test = PROJECT / block.reason
        assert test.exists(), block.place
        assert str(block.page.relative_to(PROJECT)) in test.read_text(), block.place


@pytest.mark.parametrize("block", OVERRIDES, ids=lambda block: block.place)
def test_what_is_shown_as_an_overrides_file_is_one(block: Block, tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(block.text)
    done = call_bundler("overrides", "check", "shown.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    titles = [piece["title"].replace("`", "") for _, piece in pieces(page) if piece["title"]]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    for inline, tag in LINK.findall(CODE.sub("", page.read_text())):
        yield inline or tag


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and a heading of it; addresses of others are whole."""
    for link in links(page):
        if re.match(r"https://[\w.-]+(/|$)", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_relative_to(PROJECT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent == PROJECT / "docs"], ids=lambda page: page.name
)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert f"docs/{page.name}" in links(PROJECT / "README.md")


def test_what_a_project_is_known_to_see_otherwise_than_under_docker_is_told() -> None:
    page = " ".join((PROJECT / "docs/projects.md").read_text().split())
    assert [sentence for sentence in DIFFERENCES if sentence not in page] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a  \n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\nb\nc\n", True),
        ("...\nc\n", "a\nb\nc\n", True),
        ("a ... c\n", "a b c\n", True),
        ("a ... c\n", "a b\nc\n", False),
        ("", "a\n", False),
        ("a.b\n", "axb\n", False),
    ],
)
def test_three_dots_are_what_varies(shown: str, printed: str, *, same: bool) -> None:
    assert matches(shown, printed) is same
