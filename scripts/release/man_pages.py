"""The man pages: what the help says (bundler/data/commands.json), and the keys of overrides files, as man(7) has it.

No date stands in them, so that they are the same whenever they are made.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).resolve().parents[2] / "bundler/data"
_WIDTH: Final = 78  # of a line of the source, which mandoc asks for
_CLAUSE: Final = 2  # spaces of the shortest that says something
_TEXT: Final = 60  # of it before its characters are escaped
# What groff would draw as another character, or take for its own.
_CHARACTERS: Final = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
_CODE: Final = re.compile(r"`([^`]+)`")
_SENTENCE: Final = re.compile(r"(?<=[.!?;:])\s+")
_EXIT_CODES: Final = re.compile(r"(\d+) ([^,]+(?:, [^\d][^,]*)*)")
# Those of options are known from the help.
_VARIABLES: Final = {
    "BUNDLER_TRACEBACK": "If set, a bug is reported with its traceback.",
    "NO_COLOR": "If set, nothing is coloured.",
    "XDG_DATA_HOME": "Where the store is, in the folder bundler, unless another is named; else ~/.local/share.",
}
_OPTIONS_VARIABLE: Final = re.compile(r"also the variable (\w+)")

Table = Mapping[str, Any]
Command = Mapping[str, Any]
Option = Mapping[str, Any]


def man_pages(version: str) -> dict[str, str]:
    """Each page by the name of its file."""
    table = json.loads((DATA / "commands.json").read_text("utf-8"))
    schema = json.loads((DATA / "overrides.schema.json").read_text("utf-8"))
    pages = {"bundler.1": _overview(table, version), "bundler-overrides.5": _overrides(schema, version)}
    for words, command in _commands(table["bundler"], ("bundler",)):
        pages[f"{'-'.join(words)}.1"] = _page(table, words, command, version)
    return pages


def _commands(group: Command, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Command]]:
    for name, command in group["commands"].items():
        yield (*above, name), command
        if "commands" in command:
            yield from _commands(command, (*above, name))


def _overview(table: Table, version: str) -> str:
    top = table["bundler"]
    groups: dict[str, list[str]] = {}
    for name, command in top["commands"].items():
        groups.setdefault(command["group"], []).extend(
            _item(f"\\fBbundler\\-{_plain(name)}\\fP(1)", command["help"][0])
        )
    commands = [line for title, items in groups.items() for line in (f'.SS "{_plain(title)}"', *items)]
    return _joined(
        *_head("bundler", "1", version, _brief(top["help"][0])),
        *_section("SYNOPSIS", ["\\fBbundler\\fP [\\fIOPTIONS\\fP] \\fICOMMAND\\fP [\\fIARGS\\fP]"]),
        *_section("DESCRIPTION", _paragraphs(top["help"])),
        *_section("COMMANDS", commands),
        *_section("OPTIONS", _options(table, top)),
        *_section("EXIT STATUS", _exit_codes(table)),
        *_section("ENVIRONMENT", _variables(table["options"].values())),
        *_section("SEE ALSO", [*_references([*(f"bundler-{name}(1)" for name in top["commands"]), *_ELSEWHERE])]),
    )


def _page(table: Table, words: tuple[str, ...], command: Command, version: str) -> str:
    family = command.get("commands", {})
    below = [line for name, each in family.items() for line in _item(f"\\fB{_plain(name)}\\fP", each["help"][0])]
    arguments = [
        line
        for each in command["arguments"]
        if each["help"]
        for line in _item(f"\\fI{_plain(_usage(each))}\\fP", each["help"])
    ]
    above = [f"{'-'.join(words[:-1])}(1)", *(f"{'-'.join((*words, name))}(1)" for name in family)]
    return _joined(
        *_head("-".join(words), "1", version, _brief(command["help"][0])),
        *_section("SYNOPSIS", [_synopsis(words, command)]),
        *_section("DESCRIPTION", _paragraphs(command["help"])),
        *_section("COMMANDS", below),
        *_section("ARGUMENTS", arguments),
        *_section("OPTIONS", _options(table, command)),
        *_section("EXAMPLES", _examples(command["examples"])),
        *_section("EXIT STATUS", _exit_codes(table)),
        *_section("ENVIRONMENT", _variables(_options_of(table, command))),
        *_section("SEE ALSO", _references([*above, *_ELSEWHERE])),
    )


def _overrides(schema: Table, version: str) -> str:
    meant, unmeant = [], []
    for key, rule in schema["properties"].items():
        if "ignored" in rule:
            unmeant += _item(f"\\fB{_plain(key)}\\fP", rule["ignored"])
        else:
            example = json.dumps(rule["examples"][0], ensure_ascii=False)
            told = f"{rule['title']}: `{example}`"
            meant += [*_item(f"\\fB{_plain(key)}\\fP", told), ".br", *_text(rule["description"])]
    about = (
        "An overrides file says what a bundle does differently from its image, in the keys of a service of a compose "
        "file. It is YAML 1.2, or JSON. Several files are laid over each other as compose does it."
    )
    return _joined(
        *_head("bundler-overrides", "5", version, "what a bundle does differently from its image"),
        *_section("DESCRIPTION", _paragraphs([about])),
        *_section("KEYS", meant),
        *_section("KEYS WITHOUT MEANING", [*_text("These are accepted, and named when a bundle is built."), *unmeant]),
        *_section("SEE ALSO", _references(["bundler-overrides(1)", "bundler-build(1)", "bundler-explain(1)"])),
    )


_ELSEWHERE: Final = ("bundler-overrides(5)", "runc(8)", "crun(1)")


def _head(name: str, section: str, version: str, about: str) -> Iterator[str]:
    yield f'.TH "{_plain(name.upper())}" "{section}" "" "bundler {_plain(version)}" "bundler"'
    yield ".nh"
    words = textwrap.wrap(f"{name} \\- {about}", _TEXT, break_long_words=False, break_on_hyphens=False)
    yield from _section("NAME", [_plain(line).replace("\\e\\-", "\\-") for line in words])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f".SH {title}" if " " not in title else f'.SH "{title}"'
        yield from lines


def _synopsis(words: tuple[str, ...], command: Command) -> str:
    takes = (
        ["\\fICOMMAND\\fP"]
        if "commands" in command
        else [f"\\fI{_plain(_usage(it))}\\fP" for it in command["arguments"]]
    )
    options = "" if "commands" in command else " [\\fIOPTIONS\\fP]"
    return " ".join([f"\\fB{_plain(' '.join(words))}\\fP{options}", *takes])


def _usage(argument: Mapping[str, Any]) -> str:
    word = argument["metavar"]
    many = "..." if argument["many"] and not word.endswith("...") else ""
    return f"{word}{many}" if argument["required"] else f"[{word}{many}]"


def _options(table: Table, command: Command) -> list[str]:
    """Those of the command alone first, then those of several, below their titles."""
    options = _options_of(table, command)
    lines: list[str] = []
    for panel in dict.fromkeys(["", *(option["panel"] for option in options)]):
        listed = [option for option in options if option["panel"] == panel]
        lines += [f'.SS "{_plain(panel)}"'] if panel and listed else []
        lines += [line for option in listed for line in _item(_option(option), option["help"])]
    return lines


def _options_of(table: Table, command: Command) -> list[Option]:
    return [table["options"][name] for name in command["options"]]


def _option(option: Option) -> str:
    names = ", ".join(f"\\fB{_plain(name)}\\fP" for name in option["names"])
    return f"{names} \\fI{_plain(option['takes'])}\\fP" if option["takes"] else names


def _examples(lines: Sequence[str]) -> list[str]:
    return [".EX", *(_guarded(_plain(line)) for line in lines), ".EE"] if lines else []


def _exit_codes(table: Table) -> list[str]:
    """Of the last paragraph of the help of all commands: `Exit codes: 0 done, 1 failed, ...`."""
    told = table["bundler"]["epilog"].partition("Exit codes: ")[2].rstrip(".")
    return [line for code, meaning in _EXIT_CODES.findall(told) for line in _item(f"\\fB{code}\\fP", f"{meaning}.")]


def _variables(options: Iterable[Option]) -> list[str]:
    """Those that take the place of an option, and those that stand for none."""
    of_options = {
        variable: f"As `{max(option['names'], key=len)}`."
        for option in options
        for variable in _OPTIONS_VARIABLE.findall(option["help"])
    }
    known = sorted((of_options | _VARIABLES).items())
    return [line for name, told in known for line in _item(f"\\fB{name}\\fP", told)]


def _references(pages: Iterable[str]) -> list[str]:
    *first, last = [f".BR {_plain(name)} ({section}" for name, section in (page.split("(") for page in pages)]
    return [".ad l", *(f"{line} ," for line in first), last]  # no line of long names has blanks to be made wider


def _item(tag: str, text: str) -> list[str]:
    return [".TP", tag, *_text(text)]


def _paragraphs(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in (".PP", *_text(text))][1:]


def _text(text: str) -> list[str]:
    """Each sentence on a line, or on several."""
    lines = []
    for sentence in _SENTENCE.split(" ".join(text.split())):
        lines += textwrap.wrap(sentence, _TEXT, break_long_words=False, break_on_hyphens=False)
    marked = "\n".join(lines)
    return [_guarded(line) for line in _marked(marked).split("\n")]


def _marked(text: str) -> str:
    """What stands between backticks is bold."""
    parts = _CODE.split(text)
    return "".join(_plain(part) if at % 2 == 0 else f"\\fB{_plain(part)}\\fP" for at, part in enumerate(parts))


def _plain(text: str) -> str:
    return "".join(
        _CHARACTERS.get(char, char) if ord(char) < 128 else f"\\[u{ord(char):04X}]"  # noqa: PLR2004
        for char in text
    )


def _guarded(line: str) -> str:
    """A line that begins as a request would."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _brief(text: str) -> str:
    """What apropos shows: the sentence as far as it says what, and not how."""
    text = _CODE.sub(r"\1", text).rstrip(".")
    first = re.split("[:;.] ", text)[0]
    return first if first.count(" ") >= _CLAUSE else text


def _joined(*lines: str) -> str:
    return "\n".join(lines) + "\n"
