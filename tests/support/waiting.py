"""How tests wait for what other processes do: for as long as a machine may take that is busy with all the others."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 300
"""After which what is waited for is taken to never come: half of what a test may take in all (pyproject.toml)."""

Seen = TypeVar("Seen")


def awaited(look: Callable[[], Seen], *, pause: float = 0.02) -> Seen:
    """What `look` gives as soon as that is something true; the last it gave if it takes too long."""
    deadline = time.monotonic() + SECONDS
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(pause)
    return seen


def wait_until(happened: Callable[[], object], what: str = "it has not happened", *, pause: float = 0.02) -> None:
    """Until `happened` gives something true."""
    assert awaited(happened, pause=pause), what
