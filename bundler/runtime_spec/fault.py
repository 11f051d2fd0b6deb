"""What is wrong with a runtime config, and where; and its lists, whatever somebody wrote in their place."""

from collections.abc import Iterator
from dataclasses import dataclass

from bundler.origins import Json


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the value at a JSON Pointer, and what would be right."""

    pointer: str
    what: str
    hint: str | None = None


def objects(document: Json, *path: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """The objects of the list at `path`, each with its pointer."""
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    for index, item in enumerate(document if isinstance(document, list) else ()):
        if isinstance(item, dict):
            yield f"/{'/'.join(path)}/{index}", item
