"""Truth values and whole numbers, which compose also takes as text: a variable can stand only in text."""

import re
from collections.abc import Callable
from typing import Final

from bundler.errors import printable
from bundler.overrides.node import Node

_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}")
_WORDS: Final = {"true": True, "false": False}


def switch(node: Node) -> Node:
    """True or false, or exactly these words as text; the schema lets no other text pass."""
    return node.with_value(_WORDS[node.value]) if isinstance(node.value, str) else node


def whole(key: str, least: int, most: int) -> Callable[[Node], Node]:
    """The normal form of a whole number between `least` and `most`, a number or its decimal digits as text."""

    def normal_form(node: Node) -> Node:
        return node.with_value(whole_number(node, key, least, most))

    return normal_form


def whole_number(node: Node, key: str, least: int, most: int) -> int:
    """The value of a whole number between `least` and `most`. Raises RequestError."""
    value = node.value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise node.error(f"{key}: {printable(str(value)[:40])!r} is not a whole number")
    if not least <= value <= most:
        raise node.error(f"{key}: {value} is out of range", hint=f"allowed are {least} to {most}")
    return value
