"""From the words of a `docker run` line to the text of an overrides file."""

from collections.abc import Sequence
from dataclasses import dataclass

from bundler.errors import RequestError
from bundler.overrides.docker_run.client import Client
from bundler.overrides.docker_run.command_line import parse
from bundler.overrides.docker_run.emit import emit
from bundler.overrides.docker_run.settings import settings
from bundler.overrides.load import load_one


@dataclass(frozen=True, slots=True)
class Converted:
    """An overrides file, and a sentence for each flag that leaves no trace in config.json."""

    text: str
    traceless: tuple[str, ...]


def convert(words: Sequence[str], client: Client) -> Converted:
    """The overrides file of `docker run WORDS...`. Raises RequestError for what Docker would refuse."""
    for word in words:
        if "\0" in word or any("\ud800" <= char <= "\udfff" for char in word):
            raise RequestError("a word of the line is not UTF-8, or holds a NUL")
    found = settings(parse(words), client)
    text = emit(found.keys)
    load_one(text.encode(), "docker run")
    return Converted(text, found.traceless)
