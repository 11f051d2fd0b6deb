"""What a terminal takes: how wide it is, whether it has colours, and how many of its columns a text needs."""

import os
from typing import Final, TextIO
from unicodedata import category, east_asian_width

_CUT: Final = "..."
_ANY_WIDTH: Final = 80  # of what does not tell


def columns_of(stream: TextIO) -> int:
    """How wide the terminal is that `stream` writes to, or COLUMNS says that it is."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdigit() and int(stated):
        return int(stated)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _ANY_WIDTH
    except (OSError, ValueError):
        return _ANY_WIDTH


def has_colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that is to be written to with colours, or bold (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")


def width(text: str) -> int:
    """In columns: a Chinese character takes two, an accent that is added to a letter none."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if category(char) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def fitted(text: str, columns: int) -> str:
    """`text`, without its end if it is wider than so many columns."""
    if width(text) <= columns:
        return text
    room = max(0, columns - len(_CUT))
    kept = ""
    for char in text:
        room -= _width(char)
        if room < 0:
            break
        kept += char
    return f"{kept}{_CUT}"[:columns] if columns < len(_CUT) else f"{kept}{_CUT}"


def padded(text: str, columns: int) -> str:
    """`text` with blanks behind it, at least so many columns wide."""
    return text + " " * (columns - width(text))
