"""HTML that cannot be wrongly escaped: what is no Markup is text, and text is escaped where it enters."""

import html
from typing import Final

from bundler.errors import printable

_EMPTY: Final = frozenset(("meta", "br"))


class Markup(str):
    """Text that is HTML already; only this module makes it of other text."""

    __slots__ = ()


def text(content: str) -> Markup:
    """`content` as HTML shows it: no byte of it is markup, and none that is not printable is there as itself.

    Control characters, those that reverse the direction of writing, lone surrogates and NUL are escaped as in Python.
    """
    return Markup(html.escape(printable(content)))


def element(name: str, /, *content: str, **attributes: str) -> Markup:
    """An element; a name of an attribute may end in `_`, and has `-` for `_`."""
    given = "".join(f' {_attribute(key)}="{text(value)}"' for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*content)}</{name}>")


def joined(*content: str) -> Markup:
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in content))


def verbatim(content: str) -> Markup:
    """What is part of bundler itself, such as a stylesheet. Raises ValueError for what could end an element."""
    if "<" in content:
        raise ValueError("a stylesheet has no <")
    return Markup(content)


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
