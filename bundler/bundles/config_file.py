"""A runtime config that somebody wrote, read back: hostile until it is known to be one."""

import os
from dataclasses import dataclass
from pathlib import Path

from bundler.bundles.documents import LARGEST, read_document
from bundler.bundles.record import fits, parse_record
from bundler.errors import printable
from bundler.input_files import read_request
from bundler.origins import Json
from bundler.runtime_spec import validity
from bundler.runtime_spec.runtime_config import RuntimeConfig


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config.json, and the bundler.json beside it if that is about these very bytes.

    `stale` is set when there is a bundler.json about other bytes: config.json was changed after the build.
    """

    config: RuntimeConfig
    recorded: dict[str, Json] | None = None
    stale: bool = False


def read_config_file(path: str) -> ConfigFile:
    """A bundle's directory, a config.json, or `-` for one on standard input. Raises RequestError."""
    if path == "-":
        return ConfigFile(validity.parse(read_request(path, LARGEST), "standard input"))
    file = Path(path)
    if file.is_dir():
        file /= "config.json"
        content = read_document(file.parent, file.name)
    else:
        content = read_request(path, LARGEST)
    config = validity.parse(content, printable(str(file)))
    record = file.parent / "bundler.json"
    if file.name != "config.json" or not os.path.lexists(record):
        return ConfigFile(config)
    recorded = parse_record(read_document(record.parent, record.name), printable(str(record)))
    return ConfigFile(config, recorded) if fits(recorded, content) else ConfigFile(config, stale=True)
