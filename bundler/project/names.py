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
    """The project name that compose makes of a folder's name; empty if no character of it is allowed."""
    return _OTHERS.sub("", text.lower()).lstrip("_-")[:_LONGEST]


def is_project_name(name: str) -> bool:
    return bool(name) and project_name(name) == name


def bridge_name(project: str, network: str) -> str:
    """The name of a network's bridge on the machine: of Docker's form, but the same each time."""
    return f"br-{hashlib.sha256(f'{project}/{network}'.encode()).hexdigest()[:12]}"
