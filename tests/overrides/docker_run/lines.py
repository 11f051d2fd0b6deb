"""docker run lines as tests write them."""

from collections.abc import Mapping
from typing import Any

from bundler.errors import RequestError, printable
from bundler.overrides.docker_run.command_line import parse
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.settings import Settings, settings


def client(files: Mapping[str, bytes] | None = None, **environment: str) -> Client:
    """A client in /home/me that knows these files and variables."""

    def read(path: str) -> bytes:
        if path not in (files or {}):
            raise RequestError(f"cannot read {printable(path)}: No such file or directory")
        return (files or {})[path]

    return Client(environment=environment, folder="/home/me", read=read)


def understood(*words: str, by: Client | None = None) -> Settings:
    return settings(parse(words), by or client())


def keys(*words: str, by: Client | None = None) -> dict[str, Any]:
    """The keys of the overrides file."""
    return understood(*words, by=by).keys


def said(*words: str) -> list[str]:
    """What is said of the flags that leave no trace."""
    return list(understood(*words).traceless)
