"""Compose files as listings, and the overrides file that a service of them becomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.overrides.compose.convert import convert
from bundler.overrides.compose.project import Reader
from bundler.overrides.imports import Imported

FIRST = "compose.yaml"


def imported(
    folder: Path, files: Mapping[str, str] | str, service: str | None = "web", *, over: tuple[str, ...] = (), **env: str
) -> Imported:
    """A service of the file compose.yaml, which is all there is if `files` is a text; `over` are laid over it."""
    for name, text in ({FIRST: files} if isinstance(files, str) else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return convert([str(folder / name) for name in (FIRST, *over)], service, Reader(env))


def keys(folder: Path, files: Mapping[str, str] | str, service: str = "web", **more: Any) -> dict[str, Any]:
    """The keys of the overrides file, in which FOLDER stands for the folder of the listing."""
    found: dict[str, Any] = _shown(imported(folder, files, service, **more).keys, str(folder))
    return found


def remarks(folder: Path, files: Mapping[str, str] | str, service: str = "web", **more: Any) -> list[str]:
    return [remark.replace(str(folder), "FOLDER") for remark in imported(folder, files, service, **more).remarks]


def refused(folder: Path, files: Mapping[str, str] | str, service: str | None = "web", **more: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        imported(folder, files, service, **more)
    return caught.value


def _shown(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {key.replace(folder, "FOLDER"): _shown(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, folder) for inner in value]
    return value.replace(folder, "FOLDER") if isinstance(value, str) else value
