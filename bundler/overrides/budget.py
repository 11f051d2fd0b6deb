"""How much overrides may hold in all: an alias, a variable or a path costs nothing to write, whatever it stands for."""

from dataclasses import dataclass
from typing import Final

from bundler.errors import RequestError

MAXIMUM_VALUES: Final = 50_000
MAXIMUM_CHARACTERS: Final = 16 << 20  # a process takes 2 MiB of arguments and variables


@dataclass(slots=True)
class Budget:
    """What is left for one file, or for the files of one project together."""

    values: int = MAXIMUM_VALUES
    characters: int = MAXIMUM_CHARACTERS

    def spend(self, where: str, characters: int, *, values: int = 1) -> None:
        """Count what stands at `where`. Raises RequestError when it is too much."""
        self.values -= values
        self.characters -= characters
        if self.values < 0:
            raise RequestError(f"{where}: more than {MAXIMUM_VALUES} values, aliases included")
        if self.characters < 0:
            what = f"more than {MAXIMUM_CHARACTERS} characters of text, aliases and variables included"
            raise RequestError(f"{where}: {what}")
