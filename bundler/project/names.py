"""Names in a project: of the folders of its bundles, of the project itself, and of bridges on the machine."""

import hashlib
import re
from typing import Final

_FOLDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_LONGEST: Final = 63  # characters of a project's name: units and containers are called after it
_OTHERS: Final = re.compile(r"[^a-z0-9_-]")
# What else lies at the top of a project, in lower case: there are file systems that do not tell one from the other.
TAKEN: Final = ("volumes", "project.json", "bundler.lock")


def is_folder_name(name: str) -> bool:
    """Whether a folder of a project may be called so."""
    return _FOLDER.fullmatch(name) is not None


def project_name(text: str) -> str:
    """What compose makes of a folder's name; empty where nothing is left of it."""
    return _OTHERS.sub("", text.lower()).lstrip("_-")[:_LONGEST]


def is_project_name(name: str) -> bool:
    return bool(name) and project_name(name) == name


def bridge_name(project: str, network: str) -> str:
    """That of a network's interface, of which there is one on a machine: like Docker's, but the same each time."""
    return f"br-{hashlib.sha256(f'{project}/{network}'.encode()).hexdigest()[:12]}"
