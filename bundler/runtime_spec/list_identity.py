"""Places of config.json that stay the same when lists are reordered: `/mounts[/proc]/options[nosuid]`.

A step into an object is its key; a step into a list is what tells its elements apart.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final

from bundler.errors import printable
from bundler.origins import Json, pointer_token

Place = tuple[str, ...]  # an object's key starts with `/`, a list's element with `[`


def _name(element: Json) -> str:
    return str(element).partition("=")[0]


def _numbers(element: Json) -> str:
    return f"{element['major']}:{element['minor']}"


def _member(key: str) -> Callable[[Json], str]:
    return lambda element: str(element[key])


# Lists by the pattern of their place → what tells an element apart. The order of any other list counts (args, hooks).
IDENTITIES: Final[Mapping[str, Callable[[Json], str]]] = {
    "/process/env": _name,
    "/process/capabilities/*": str,
    "/process/user/additionalGids": str,
    "/process/rlimits": _member("type"),
    "/mounts": _member("destination"),
    "/mounts[*]/options": _name,
    "/mounts[*]/uidMappings": _member("containerID"),
    "/mounts[*]/gidMappings": _member("containerID"),
    "/linux/namespaces": _member("type"),
    "/linux/devices": _member("path"),
    "/linux/maskedPaths": str,
    "/linux/readonlyPaths": str,
    "/linux/uidMappings": _member("containerID"),
    "/linux/gidMappings": _member("containerID"),
    "/linux/seccomp/architectures": str,
    "/linux/seccomp/flags": str,
    "/linux/seccomp/syscalls[*]/names": str,
    "/linux/resources/hugepageLimits": _member("pageSize"),
    "/linux/resources/network/priorities": _member("name"),
    "/linux/resources/blockIO/weightDevice": _numbers,
    "/linux/resources/blockIO/throttleReadBpsDevice": _numbers,
    "/linux/resources/blockIO/throttleWriteBpsDevice": _numbers,
    "/linux/resources/blockIO/throttleReadIOPSDevice": _numbers,
    "/linux/resources/blockIO/throttleWriteIOPSDevice": _numbers,
    "/process/scheduler/flags": str,
    "/linux/personality/flags": str,
    "/linux/memoryPolicy/flags": str,
}
_ANY: Final = {"/": "/*", "[": "[*]"}


def matches(pattern: str, place: Place) -> bool:
    """Whether `place` is one that `pattern` stands for; `/*` is any key, `[*]` any element."""
    return steps_match(_steps(pattern), place)


def steps_match(pattern: Place, place: Place) -> bool:
    return len(pattern) == len(place) and all(
        step in (here, _ANY[here[0]]) for step, here in zip(pattern, place, strict=True)
    )


@cache  # the tables of rules are asked for every place of a document that differs
def _steps(pattern: str) -> Place:
    """The steps of a pattern; its keys hold neither `/` nor `[`."""
    steps: list[str] = []
    for char in pattern:
        if char in "/[":
            steps.append(char)
        else:
            steps[-1] += char
    return tuple(steps)


_PATTERNS: Final = tuple((_steps(pattern), identity) for pattern, identity in IDENTITIES.items())


def shown(place: Place) -> str:
    """`place` as people read it, fit for a terminal."""
    return printable("".join(step if step[0] == "[" else f"/{pointer_token(step[1:])}" for step in place))


def key(name: str) -> str:
    """The step to an object's member."""
    return f"/{name}"


def elements(place: Place, listed: list[Json]) -> dict[str, tuple[int, Json]] | None:
    """The elements of the list at `place` by their step, each with its index; None where order counts.

    Of several elements with one identity each has its own step: `[PATH]`, `[PATH#2]`.
    """
    identity = next((identity for pattern, identity in _PATTERNS if steps_match(pattern, place)), None)
    if identity is None:
        return None
    found: dict[str, tuple[int, Json]] = {}
    counts: dict[str, int] = {}  # so that the thousandth of one identity does not ask for all numbers before its own
    for index, element in enumerate(listed):
        plain = name = identity(element)
        while f"[{name}]" in found:
            if identity is str:
                break  # a set holds a member once, however often it is written
            counts[plain] = counts.get(plain, 1) + 1
            name = f"{plain}#{counts[plain]}"
        found.setdefault(f"[{name}]", (index, element))
    return found


def leaves(value: Json, pointer: str = "", place: Place = ()) -> Iterator[tuple[str, Place, Json]]:
    """Every scalar and every empty object or list of a document: its JSON Pointer, its place, its value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{pointer}/{pointer_token(name)}", (*place, key(name)))
    elif isinstance(value, list) and value:
        known = elements(place, value)
        by_index = {index: step for step, (index, _) in (known or {}).items()}
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{index}", (*place, by_index.get(index, f"[{index}]")))
    else:
        yield pointer, place, value


def text(value: Json) -> str:
    """A value on one line: text as it is, anything else as JSON."""
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
