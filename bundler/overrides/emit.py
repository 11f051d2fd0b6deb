"""An overrides file as text: the YAML that people would write, the same for the same keys."""

import json
import re
from collections.abc import Iterator
from typing import Final

from bundler.origins import Json

# Text that every reader of YAML takes for text without quotes; anything else is written as JSON, which YAML contains.
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_/.@+-]*(:[A-Za-z0-9_/.@+-]+)*")
_WORDS_OF_OTHERS: Final = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
_LONGEST_LINE: Final = 100  # characters of a list that is written on one line


def emit(keys: dict[str, Json]) -> str:
    """One line for each scalar; short lists of scalars on one line, too."""
    return "".join(f"{line}\n" for line in _map(keys, ""))


def _map(entries: dict[str, Json], indent: str) -> Iterator[str]:
    for key, value in entries.items():
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent + "  ")


def _entry(start: str, value: Json, indent: str) -> Iterator[str]:
    """`value` behind `start`, or below it."""
    if isinstance(value, dict) and value:
        yield start
        yield from _map(value, indent)
    elif isinstance(value, list) and value:
        flow = (
            f"{start} [{', '.join(map(_scalar, value))}]"
            if not any(isinstance(item, dict | list) for item in value)
            else ""
        )
        if flow and len(flow) <= _LONGEST_LINE:
            yield flow
        else:
            yield start
            for item in value:
                yield from _item(item, indent)
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: Json, indent: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield from _entry(f"{indent}-", value, indent + "  ")
        return
    lines = list(_map(value, indent + "  "))
    yield f"{indent}- {lines[0].removeprefix(indent + '  ')}"
    yield from lines[1:]


def _scalar(value: Json) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_OTHERS:
        return value
    return json.dumps(value, ensure_ascii=False) if _shows(value) else json.dumps(value)


def _shows(value: Json) -> bool:
    return not isinstance(value, str) or value.isprintable()
