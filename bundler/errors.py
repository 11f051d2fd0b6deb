"""Every failure that is expected, and the exit code it ends with.

An expected failure is raised as one of these types and printed as one or two lines: what went wrong and where, then
what to do about it. Any other exception reaching the top is a bug in bundler.
"""

from collections.abc import Iterable
from typing import ClassVar, Final

INTERRUPTED: Final = 130

_LONGEST: Final = 2000  # characters of a message; the longest lists of names that we write ourselves fit
_END: Final = 300  # of them, after what was left out: the reason often stands at the end


class BundlerError(Exception):
    """The machine is the reason: a full disk, a permission, a race. Exit code 1."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        """`what` says what failed and where, `hint` what to do; each is one line without a final full stop."""
        super().__init__(what)
        self.what = what
        self.hint = hint


class RequestError(BundlerError):
    """The command line or an overrides file asks for something wrong. Exit code 2."""

    exit_code = 2


class ImageError(BundlerError):
    """The image is missing, corrupt or of a kind bundler does not support. Exit code 3."""

    exit_code = 3


class LayerError(BundlerError):
    """A layer is intact but cannot be applied safely. Exit code 4."""

    exit_code = 4


class ToolError(BundlerError):
    """An outside program is missing, too old or failed. Exit code 5."""

    exit_code = 5


class DifferenceError(BundlerError):
    """Two things that were to be the same differ. Exit code 6."""

    exit_code = 6


def printable(text: str | bytes) -> str:
    """`text` on one line, fit for a terminal: what an image chose (names, tags, messages) may hold escapes."""
    decoded = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    if decoded.isprintable():
        return decoded
    return "".join(char if char.isprintable() else _escaped(char) for char in decoded)


def _escaped(char: str) -> str:
    """A surrogate is how Python keeps a byte of a name that is no UTF-8 (PEP 383)."""
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()


def closest(word: str, known: Iterable[str], *, similarity: float = 0.6) -> str | None:
    """Which of the `known` words `word` was probably meant to be; None if it is like none of them."""
    import difflib  # noqa: PLC0415 -- takes a while, and is only needed for what was mistyped

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=similarity)), None)


def brief(message: str) -> str:
    """`message` as `printable` has it, without its middle if it is too long: it may repeat a text of any size."""
    shown = printable(message)
    left_out = len(shown) - _LONGEST
    if left_out <= 0:
        return shown
    return f"{shown[: _LONGEST - _END]}... ({left_out} characters) ...{shown[-_END:]}"
