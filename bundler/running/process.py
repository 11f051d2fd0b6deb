"""The container's process when somebody asks for another one than config.json has."""

from collections.abc import Mapping, Sequence

from bundler.errors import RequestError, printable
from bundler.origins import Json

_TERM = "TERM=xterm"


def with_process(document: Mapping[str, Json], arguments: Sequence[str], terminal: bool | None) -> dict[str, Json]:
    """`document` with other `arguments`, if there are any, and with or without a terminal; None leaves that as it is.

    A terminal brings TERM along, as Docker's does. The document itself when nothing differs. Raises RequestError.
    """
    process = document.get("process")
    if not isinstance(process, dict):
        raise RequestError("config.json starts no process")
    changed = dict(process)
    if arguments:
        for word in arguments:
            if any("\ud800" <= char <= "\udfff" for char in word):
                raise RequestError(f"the argument {printable(word[:80])!r} is not UTF-8, and config.json has to be")
        changed["args"] = list(arguments)
    if terminal is not None and terminal != has_terminal(document):
        changed["terminal"] = terminal
        changed.pop("consoleSize", None)
        env = changed.get("env") or []
        if terminal and not any(entry.startswith("TERM=") for entry in env):
            changed["env"] = [*env, _TERM]
    return dict(document) | {"process": changed}


def has_terminal(document: Mapping[str, Json]) -> bool:
    process = document.get("process")
    return isinstance(process, dict) and process.get("terminal") is True
