"""A mistake that people make, and what they are to be told: what is wrong, where, and what to do next."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# What no message may have: it is another program's log line, or Python's.
RAW: Final = re.compile(
    r"level=|msg=|time=\"|Traceback|Errno|errno|<class |\bNone\b|(?:^| )b'|goroutine|a bug in bundler"
)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """`line` is typed in a folder with the files of FILES (`folder.py`) and `files`.

    `what` and `hint` are pieces of the message and of its hint, in their order and parted by ` ... `. A hint without
    pieces is none at all: where the message alone says what to do. `stdin` is what comes through a pipe.
    """

    line: str
    code: int = 2
    what: str
    hint: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    stdin: bytes = b""

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)

    def __str__(self) -> str:
        return next((f"{self.line}: {text!r:.60}" for text in self.files.values()), self.line)


def overrides(text: str, *, what: str, hint: str, line: str = "overrides check web.yaml") -> Mistake:
    """A mistake inside of an overrides file."""
    return Mistake(line=line, what=what, hint=hint, files={"web.yaml": text})


def has_pieces(text: str, pieces: str) -> bool:
    """Whether `text` has the `pieces`, one after another, in letters of any size."""
    return re.search(".*".join(map(re.escape, pieces.split(" ... "))), text, re.IGNORECASE) is not None
