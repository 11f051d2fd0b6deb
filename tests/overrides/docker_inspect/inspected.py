"""Containers as tests write them: what inspect says of one that nobody asked anything of, and what is different."""

import json
from pathlib import Path
from typing import Any

from bundler.overrides.docker_inspect.convert import import_inspect
from bundler.overrides.files import Source
from bundler.overrides.imports import ImageSettings, Imported, Importer
from bundler.overrides.yaml_document import shown_name
from tests.support.inspects import inspects

DEFAULT = inspects("28.5.2")["default"]


def container(**fields: Any) -> dict[str, Any]:
    """`Host_CapAdd=[...]`, `Config_Env=[...]`, `Mounts=[...]`: fields of HostConfig, of Config and beside them."""
    (found,) = json.loads(DEFAULT)
    for name, value in fields.items():
        part, _, field = name.rpartition("_")
        (found[{"Host": "HostConfig", "Config": "Config"}[part]] if part else found)[field] = value
    return dict(found)


def importer(raw: bytes, file: str, name: str | None = None) -> Importer:
    """The importer of a file that holds these bytes."""
    return import_inspect(Source(shown_name(file), Path(), raw), name)


def imported(image: ImageSettings | None = None, **fields: Any) -> Imported:
    return importer(json.dumps([container(**fields)]).encode(), "web.json")(image)


def keys(**fields: Any) -> dict[str, Any]:
    """The keys that the fields become, without what every container has."""
    always = imported().keys
    return {key: value for key, value in imported(**fields).keys.items() if always.get(key) != value}


def remarks(**fields: Any) -> tuple[str, ...]:
    return imported(**fields).remarks
