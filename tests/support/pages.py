"""The pages that people read, as the tests take them: what each block of code is, and what is done with it.

A fence's language says what a block is:

    console     `$ ` begins a command, `> ` goes on with it, all else is what it prints; `...` stands for what
                varies, alone on a line for any number of lines
    sh          commands, which succeed; what they print is not shown
    yaml        an overrides file; with `# NAME.yaml` on its first line, the file NAME.yaml for the commands behind it
    json, text  data and drawings, which nothing runs

A chapter (`## `) begins in an empty folder; its commands run in one shell, as root. Comments in front of a block or
below a heading say what a reader need not know:

    <!-- needs: nginx.tar docker -->    what has to be there: see `tests/integration/test_documentation.py`
    <!-- first: mkdir data -->          commands that run before the block, and are not shown
    <!-- run by tests/NAME.py -->       another test runs the block that follows
    <!-- not run: WHY -->               no test does, and why
    <!-- goes on -->                    the chapter goes on in the folder and the shell of the one before
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SHORT_ID, ANY_ID = re.compile(r"\b[0-9a-f]{12}\b"), "[0-9a-f]{12}"
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/*.md"))]
LANGUAGES = {"console", "sh", "yaml", "json", "text", "python"}
COMMANDS = {"console", "sh"}
WORDS = re.compile(r"needs|first|run by|not run|goes on")
# A comment, a fence with what is in it, or a heading: whatever begins with a line of its own.
PIECE = re.compile(
    r"^<!--\s*(?P<comment>.*?)\s*-->$"
    r"|^(?P<fence>`{3,})(?P<language>\S*)\n(?P<text>.*?)^(?P=fence)$"
    r"|^(?P<level>#{1,6}) (?P<title>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code; `line` is where its fence stands, `word` and `reason` what a comment says of it."""

    page: Path
    line: int
    language: str
    text: str
    word: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"

    @property
    def file(self) -> str:
        """The file that a block of YAML is, if it says so."""
        named = re.match(r"# ([\w.-]+\.ya?ml)\n", self.text)
        return named[1] if named and self.language == "yaml" else ""


@dataclass(frozen=True)
class Step:
    """Commands that one shell runs; `output` is what they print, None where the page does not show it."""

    place: str
    commands: str
    output: str | None = None


@dataclass
class Chapter:
    """What a reader types from one heading to the next, in one folder."""

    page: Path
    title: str
    needs: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)

    @property
    def name(self) -> str:
        words = re.findall(r"[a-z0-9]+", f"{self.page.stem} {self.title}".lower())
        return "-".join(words)


def pieces(page: Path) -> Iterator[tuple[int, re.Match[str]]]:
    """Comments, fences and headings in their order, and the line of each."""
    text = page.read_text()
    for piece in PIECE.finditer(text):
        yield text.count("\n", 0, piece.start()) + 1, piece


def blocks(page: Path) -> list[Block]:
    """Every block of code, with what the comment in front of it says."""
    found, said = [], ("", "")
    for line, piece in pieces(page):
        if piece["comment"]:
            said = word_of(piece["comment"])
        elif piece["fence"]:
            found.append(Block(page, line, piece["language"], piece["text"], *said))
            said = ("", "")
        else:
            said = ("", "")
    return found


def word_of(comment: str) -> tuple[str, str]:
    """The word of a comment that this module knows, and what follows it."""
    word = WORDS.match(comment)
    return (word[0], comment[word.end() :].lstrip(" :")) if word else ("", "")


def chapters(page: Path) -> list[Chapter]:
    """The chapters in which there is something to run."""
    found = [Chapter(page, page.stem)]
    said = ("", "")
    for line, piece in pieces(page):
        if piece["title"] and len(piece["level"]) == 2:
            found.append(Chapter(page, piece["title"]))
        if piece["comment"]:
            said = word_of(piece["comment"])
            if said == ("goes on", ""):
                found.pop()
            elif said[0] == "needs":
                found[-1].needs.update(said[1].split())
            elif said[0] == "first":
                found[-1].steps.append(Step(f"{page.relative_to(PROJECT)}:{line}", said[1]))
            continue
        if piece["fence"] and said[0] not in {"run by", "not run"}:
            found[-1].steps += steps(Block(page, line, piece["language"], piece["text"]))
        said = ("", "")
    return [chapter for chapter in found if chapter.steps]


def steps(block: Block) -> Iterator[Step]:
    """What a block has a shell do."""
    if block.file:
        yield Step(block.place, f"cat >{block.file} <<'the end of {block.file}'\n{block.text}the end of {block.file}")
    elif block.language == "sh":
        yield Step(block.place, block.text)
    elif block.language == "console":
        yield from console(block)


def console(block: Block) -> Iterator[Step]:
    commands, output = "", ""
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if commands:
                yield Step(block.place, commands, output)
            commands, output = line[2:], ""
        elif line.startswith("> ") and not output:
            commands += f"\n{line[2:]}"
        else:
            output += f"{line}\n"
    yield Step(block.place, commands, output)


def matches(output: str, printed: str) -> bool:
    """Whether what was printed is what a page shows. Twelve hexadecimal digits name an image of Debian's packages,
    which Debian makes anew: any twelve do.
    """
    lines = [
        r"(?:.*\n)*?" if line == "..." else SHORT_ID.sub(ANY_ID, ".*?".join(map(re.escape, line.split("...")))) + r"\n"
        for line in output.splitlines()
    ]
    whole = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return re.fullmatch("".join(lines), whole) is not None
