"""How each shell says what was typed, and how it is told what may follow."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bundler.completion.candidate import Candidate

_WIDEST_HELP: Final = 70
_KEPT: Final = "@"  # a break that readline has at the beginning of what it replaces
_SPECIAL: Final = frozenset(" \t\\'\"`$&|;<>()[]{}*?!#")


class Typed(NamedTuple):
    """The words up to the cursor. `given` is how much of the last one is not to be repeated."""

    words: list[str]
    given: int = 0
    quote: str = ""


def read_line(line: str, breaks: str = "", blanks: str = " \t\n") -> Typed:
    """The words of a line that ends at the cursor, as a shell reads them; without `blanks`, it is one word.

    What is offered to bash takes the place of what stands behind the last of its word `breaks`, among them `:` and `=`,
    or behind a quote that is still open.
    """
    words: list[str] = []
    word: list[str] = []
    began = False
    given, quote, at = 0, "", 0
    while at < len(line):
        char = line[at]
        at += 1
        if quote:
            if char == quote:
                quote = ""
            elif char == "\\" and quote == '"' and line[at : at + 1] in ('"', "\\", "$", "`"):
                word.append(line[at])
                at += 1
            else:
                word.append(char)
        elif char in blanks:
            if began:
                words.append("".join(word))
            word, began, given = [], False, 0
            continue
        elif char in "'\"":
            quote = char
            given = len(word)
        elif char == "\\" and at < len(line):
            word.append(line[at])
            at += 1
        else:
            word.append(char)
            if char in breaks:
                given = len(word) - (char == _KEPT)
        began = True
    return Typed([*words, "".join(word)], given, quote)


def for_bash(typed: Typed, candidates: Sequence[Candidate]) -> str:
    """A line with what `compopt -o` is to set, and a line for each candidate.

    Of paths, bash shows the last names, and quotes them itself; anything else is quoted here.
    """
    paths = bool(candidates) and all(each.path for each in candidates)
    nospace = len(candidates) == 1 and candidates[0].open
    options = [*(["filenames"] if paths else []), *(["nospace"] if nospace else [])]
    values = [each.value[typed.given :] for each in candidates]
    return "\n".join([" ".join(options), *(values if paths else (quoted(value, typed.quote) for value in values))])


def quoted(value: str, quote: str) -> str:
    """A value as it stands behind a quote that is open, or behind none."""
    if quote == "'":
        return value.replace("'", "'\\''")
    special = '"\\$`' if quote else _SPECIAL
    return "".join(f"\\{char}" if char in special else char for char in value)


def for_zsh(_typed: Typed, candidates: Sequence[Candidate]) -> str:
    """A line each, as _describe takes them, behind `+` where more can follow without a space."""

    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace(":", "\\:")

    return "\n".join(
        ("+" if each.open else "-") + escaped(each.value) + (f":{_brief(each.help)}" if each.help else "")
        for each in candidates
    )


def for_fish(_typed: Typed, candidates: Sequence[Candidate]) -> str:
    """A line each; fish itself appends no space behind `/`, `=` and `:`."""
    return "\n".join(each.value + (f"\t{_brief(each.help)}" if each.help else "") for each in candidates)


def _brief(text: str) -> str:
    """The first sentence, or as much of it as there is room for."""
    text = " ".join(text.split()).partition(". ")[0].rstrip(".")
    return text if len(text) <= _WIDEST_HELP else text[:_WIDEST_HELP].rpartition(" ")[0] + " ..."


Reply = Callable[[Typed, Sequence[Candidate]], str]
SHELLS: Final[dict[str, Reply]] = {"bash": for_bash, "zsh": for_zsh, "fish": for_fish}
