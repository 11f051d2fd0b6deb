"""A JSON document of a bundle, read strictly: somebody may have written it anew, and readers are to agree about it."""

import json
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Json

MAXIMUM_BYTES: Final = 16 << 20  # the largest config.json of a real container has some 100 kB
_MAXIMUM_DEPTH: Final = 100  # levels; the runtime-spec has ten, and an unknown field may bring its own


def parse(content: bytes, name: str) -> dict[str, Json]:
    """The JSON object that `content` is; `name` stands in messages. Raises RequestError."""
    if len(content) > MAXIMUM_BYTES:
        raise RequestError(f"{name}: more than {MAXIMUM_BYTES} bytes")
    try:
        document = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise RequestError(f"{name}: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise RequestError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise RequestError(f"{name}: nested too deeply") from None
    except ValueError as error:
        raise RequestError(f"{name}: not JSON: {printable(str(error).partition(';')[0])}") from None
    if not isinstance(document, dict):
        raise RequestError(f"{name}: not a JSON object")
    if _deeper(document, _MAXIMUM_DEPTH):
        raise RequestError(f"{name}: nested too deeply")
    return document


def _deeper(value: Json, depth: int) -> bool:
    """Whether `value` has more than `depth` levels; level by level, since functions that call themselves have fewer."""
    level = [value]
    while level and depth >= 0:
        depth -= 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Readers differ in which of two members of one name counts, so there is no right one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in dict(pairs[:index]))
        raise ValueError(f"{twice!r} stands twice in one object")
    return members


def _no_number(text: str) -> Json:
    raise ValueError(f"{text} is not a number")
