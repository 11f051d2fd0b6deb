"""A runtime config that somebody wrote, read back: hostile until it is known to be one."""

import os
from dataclasses import dataclass
from pathlib import Path

from bundler.bundles.documents import LARGEST, RUNTIME_CONFIG_MAPS, parse_object, read_document
from bundler.bundles.record import fits, parse_record
from bundler.errors import RequestError, printable
from bundler.input_files import read_request
from bundler.origins import Json
from bundler.runtime_spec.validity import malformed


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config.json, and the bundler.json beside it if that is about these very bytes.

    `stale` is set when there is a bundler.json about other bytes: config.json was changed after the build.
    """

    document: dict[str, Json]
    recorded: dict[str, Json] | None = None
    stale: bool = False


def read_config_file(path: str) -> ConfigFile:
    """A bundle's directory, a config.json, or `-` for one on standard input. Raises RequestError."""
    if path == "-":
        return ConfigFile(_runtime_config(read_request(path, LARGEST), "standard input"))
    file = Path(path)
    if file.is_dir():
        file /= "config.json"
        content = read_document(file.parent, file.name)
    else:
        content = read_request(path, LARGEST)
    document = _runtime_config(content, printable(str(file)))
    record = file.parent / "bundler.json"
    if file.name != "config.json" or not os.path.lexists(record):
        return ConfigFile(document)
    recorded = parse_record(read_document(record.parent, record.name), printable(str(record)))
    return ConfigFile(document, recorded) if fits(recorded, content) else ConfigFile(document, stale=True)


def _runtime_config(content: bytes, name: str) -> dict[str, Json]:
    document = parse_object(content, name, RUNTIME_CONFIG_MAPS)
    try:
        fault = next(malformed(document), None)
    except RecursionError:
        raise RequestError(f"{name}: nested too deeply") from None
    if fault is not None:
        where = f"{printable(fault.pointer)}: " if fault.pointer else ""
        raise RequestError(f"{name} is not a runtime config: {where}{fault.what}", hint=fault.hint)
    return document
