"""What programs read: a JSON document for each report, in the shape of `data/reports.schema.json`, or a value of it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from bundler import data
from bundler.errors import RequestError, closest, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json

FORMAT: Final = 1
SCHEMA: Final = "reports.schema.json"
_EACH: Final = "*"

_JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="POINTER",
        help="Print one value of that document, or each one for *, a line each: /images/*/name.",
        show_default=False,
    ),
]
_DOTTED: Final = re.compile(r"[.{ ]*\w+(\.\w+)*[} ]*")  # as jq and Docker's --format have it


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was asked for: the whole document, or with a `pointer` a part of it."""

    pointer: str | None

    def show(self, members: Mapping[str, Any]) -> None:
        """Print the report. Raises RequestError where the pointer leads to nothing."""
        document = well_formed({"format": FORMAT, **members})
        if self.pointer is None:
            typer.echo(json.dumps(document, indent=2))
            return
        for value in values_at(document, self.pointer):
            for each in value if isinstance(value, list) else [value]:
                typer.echo(printable(each) if isinstance(each, str) else json.dumps(each))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Whether a command prints a report for programs, and which part of it."""

    as_json: _JsonOption = False
    selected: _FormatOption = None

    def of(self, name: str) -> Report | None:
        """The report of the command `name`, if --json or --format asks for it.

        Raises RequestError for a pointer that leads to nothing in any such report, so before anything is done.
        """
        pointer = self.selected
        if pointer is None:
            return Report(None) if self.as_json else None
        if self.as_json:
            raise RequestError("--json prints all, and --format a part: one of the two")
        schema: Any = data.load(SCHEMA)
        if not _leads_somewhere(schema, schema["$defs"][name], tokens_of(pointer)):
            known = [place for place, _ in places(name)]
            near = closest(pointer, known) or ", ".join(place for place in known if place.count("/") == 1)
            what = f"--format: there is no {printable(pointer[:200])} in this report"
            raise RequestError(what, hint=f"there is {near}")
        return Report(pointer)


def tokens_of(pointer: str) -> list[str]:
    """The steps of a JSON Pointer (RFC 6901). Raises RequestError."""
    if pointer and not pointer.startswith("/"):
        names = re.findall(r"\w+", pointer[:200])
        guessed = f"/{'/'.join(names)}" if _DOTTED.fullmatch(pointer[:200]) else "/format"
        what = f"--format: {printable(pointer[:200])} is no JSON pointer"
        raise RequestError(what, hint=f"one begins with a slash, as in {guessed}")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def values_at(document: Json, pointer: str) -> list[Json]:
    """The value at a JSON Pointer, in which `*` stands for each element. Raises RequestError where there is none."""
    values = [document]
    for token in tokens_of(pointer):
        values = [below for value in values for below in _below(value, token)]
    if not values and _EACH not in pointer:
        raise RequestError(f"--format: there is no value at {printable(pointer[:200])}")
    return values


def _below(value: Json, token: str) -> Iterator[Json]:
    if isinstance(value, dict) and token in value:
        yield value[token]
    elif isinstance(value, list) and token.isascii() and token.isdigit() and int(token) < len(value):
        yield value[int(token)]
    elif token == _EACH and isinstance(value, dict | list):
        yield from value.values() if isinstance(value, dict) else value


def places(name: str) -> Iterator[tuple[str, Any]]:
    """Every member that the report of the command `name` may have, as a pointer, and its schema."""
    schema: Any = data.load(SCHEMA)
    yield from _places(schema, schema["$defs"][name], "")


def _places(schema: Any, part: Any, above: str) -> Iterator[tuple[str, Any]]:
    for token, below in _parts(schema, part):
        yield f"{above}/{token}", below
        yield from _places(schema, below, f"{above}/{token}")


def _parts(schema: Any, part: Any) -> Iterator[tuple[str, Any]]:
    """What a part of the schema has directly below it."""
    for branch in (part, *part.get("oneOf", ())):
        resolved = schema["$defs"][branch["$ref"].rpartition("/")[2]] if "$ref" in branch else branch
        yield from resolved.get("properties", {}).items()
        for keyword in ("items", "additionalProperties"):
            if isinstance(resolved.get(keyword), dict):
                yield _EACH, resolved[keyword]


def _leads_somewhere(schema: Any, part: Any, tokens: list[str]) -> bool:
    if not tokens or ("type" not in part and "$ref" not in part and "oneOf" not in part and "enum" not in part):
        return True  # below what may be any JSON there may be anything
    first, *others = tokens
    return any(
        _leads_somewhere(schema, below, others)
        for token, below in _parts(schema, part)
        if first == token or _EACH in (first, token)
    )


def well_formed(value: Any) -> Any:
    """`value` as every reader of JSON takes it: a byte that is no UTF-8 is escaped, as where it is printed."""
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # half of a surrogate pair that stands for no byte
            return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {well_formed(key): well_formed(each) for key, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list | tuple) else value
