"""The output of several containers in one: whole lines, each behind the name of its bundle."""

from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 1 << 16  # bytes of a line that is kept until its end is there
_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # of the foreground, in ECMA-48; red is for errors


def prefixes(names: Iterable[str], *, colours: bool) -> dict[str, bytes]:
    """What stands before the lines of each, all of one width."""
    listed = list(names)
    width = max(map(len, listed), default=0)
    texts = {}
    for number, name in enumerate(listed):
        text = f"{name:<{width}} | "
        colour = _COLOURS[number % len(_COLOURS)]
        texts[name] = (f"\x1b[{colour}m{text}\x1b[0m" if colours else text).encode()
    return texts


class Lines:
    """What one container prints, put together to lines with a `prefix`. A line that is too long becomes several."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._rest = b""

    def add(self, output: bytes) -> bytes:
        """The lines that are whole with this `output`."""
        *whole, self._rest = (self._rest + output).split(b"\n")
        while len(self._rest) >= _LONGEST:
            whole.append(self._rest[:_LONGEST])
            self._rest = self._rest[_LONGEST:]
        return self._prefixed(whole)

    def end(self) -> bytes:
        """The last line, which nothing has ended."""
        whole, self._rest = [self._rest] if self._rest else [], b""
        return self._prefixed(whole)

    def _prefixed(self, lines: Iterable[bytes]) -> bytes:
        return b"".join(self._prefix + line + b"\n" for line in lines)
