"""How wide a text is on a terminal: a Chinese character takes two columns, an accent that is added to a letter none."""

from unicodedata import category, east_asian_width

_CUT = "..."


def width(text: str) -> int:
    """In columns."""
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
