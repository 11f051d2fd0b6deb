"""From the words of a `docker run` line to an overrides file."""

from collections.abc import Sequence
from dataclasses import replace

from bundler.errors import RequestError
from bundler.overrides.docker_run.client import Client
from bundler.overrides.docker_run.command_line import parse
from bundler.overrides.docker_run.pasted import words_of_run
from bundler.overrides.docker_run.settings import settings
from bundler.overrides.imports import Imported
from bundler.overrides.load import check_imported


def convert(words: Sequence[str], client: Client) -> Imported:
    """The overrides file of a `docker run` line, or of the words behind it. Raises RequestError for what Docker would
    refuse.
    """
    for word in words:
        if "\0" in word or any("\ud800" <= char <= "\udfff" for char in word):
            raise RequestError("a word of the line is not UTF-8, or holds a NUL")
    line, variables = words_of_run(words)
    found = settings(parse(line), replace(client, environment={**client.environment, **variables}))
    remarks = tuple(f"no trace in config.json of {sentence}" for sentence in found.traceless)
    imported = Imported(keys=found.keys, name="docker run", remarks=remarks)
    check_imported(imported)
    return imported
