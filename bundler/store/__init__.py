"""The store: images fetched from registries, kept in an OCI image layout that every tool for layouts can read."""

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "BUNDLER_STORE"


def default_place() -> Path | None:
    """$XDG_DATA_HOME/bundler; None for a user without a home.

    The specification of XDG's variables: a relative path in them is to be ignored.
    """
    stated = Path(os.environ.get("XDG_DATA_HOME", ""))
    if stated.is_absolute():
        return stated / "bundler"
    try:
        return Path.home() / ".local/share/bundler"
    except RuntimeError:
        return None
