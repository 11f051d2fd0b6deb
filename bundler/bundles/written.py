"""A runtime config that somebody wrote, read back: hostile until it is known to be one."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.bundles.record import fits
from bundler.conversion.validity import malformed
from bundler.errors import RequestError, printable
from bundler.origins import Json

_MAXIMUM_BYTES: Final = 16 << 20  # the largest config.json of a real container has some 100 kB
_MAXIMUM_DEPTH: Final = 100  # levels; the runtime-spec has ten, and an unknown field may bring its own


@dataclass(frozen=True, slots=True)
class Written:
    """A config.json, and the bundler.json beside it if that is about these very bytes.

    `stale` is set when there is a bundler.json about other bytes: config.json was changed after the build.
    """

    document: dict[str, Json]
    recorded: dict[str, Json] | None = None
    stale: bool = False


def read_written(path: str) -> Written:
    """A bundle's directory, a config.json, or `-` for one on standard input. Raises RequestError."""
    if path == "-":
        return Written(_runtime_config(sys.stdin.buffer.read(_MAXIMUM_BYTES + 1), "standard input"))
    file = Path(path)
    if file.is_dir():
        if not (file / "config.json").is_file():
            raise RequestError(f"{printable(path)} is not a bundle: it has no config.json")
        file /= "config.json"
    content = _read(file)
    document = _runtime_config(content, printable(str(file)))
    record = file.parent / "bundler.json"
    if file.name != "config.json" or not record.is_file():
        return Written(document)
    try:
        recorded = parse(_read(record), printable(str(record)))
    except RequestError:
        return Written(document, stale=True)
    return Written(document, recorded) if fits(recorded, content) else Written(document, stale=True)


def parse(content: bytes, name: str) -> dict[str, Json]:
    """The JSON object that `content` is; `name` stands in messages. Raises RequestError."""
    if len(content) > _MAXIMUM_BYTES:
        raise RequestError(f"{name}: more than {_MAXIMUM_BYTES} bytes")
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


def _runtime_config(content: bytes, name: str) -> dict[str, Json]:
    document = parse(content, name)
    try:
        fault = next(malformed(document), None)
    except RecursionError:
        raise RequestError(f"{name}: nested too deeply") from None
    if fault is not None:
        where = f"{printable(fault.pointer)}: " if fault.pointer else ""
        raise RequestError(f"{name} is not a runtime config: {where}{fault.what}", hint=fault.hint)
    return document


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"cannot read {printable(str(path))}: {reason}") from None
