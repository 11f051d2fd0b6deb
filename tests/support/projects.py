"""Compose files as listings, and the project that they become."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.project.project import Project, ProjectRequest, read_project

FIRST = "compose.yaml"


def written(folder: Path, files: Mapping[str, str] | str) -> str:
    """The path of the first of the files, which is all there is if `files` is a text."""
    for name, text in ({FIRST: files} if isinstance(files, str) else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder / FIRST)


def project(folder: Path, files: Mapping[str, str] | str, *services: str, **more: Any) -> Project:
    """The project `shop`, unless `more` gives another name, of a file compose.yaml."""
    path = written(folder, files)
    return read_project(ProjectRequest(files=[path], services=services, **{"name": "shop", **more}))


def refused(folder: Path, files: Mapping[str, str] | str, *services: str, **more: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        project(folder, files, *services, **more)
    return caught.value


def bundles(made: Project) -> list[str]:
    return [bundle.name for bundle in made.record.bundles]


def keys(made: Project, bundle: str) -> dict[str, Any]:
    """The overrides keys of one bundle."""
    found: dict[str, Any] = made.imports[bundle].keys
    return found
