"""Where the store is, unless somebody says otherwise."""

import os
from pathlib import Path
from typing import Final

from bundler.errors import RequestError

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


def place_of(store: Path | None) -> Path:
    """The place that was asked for, else the default one. Raises RequestError if there is none."""
    place = store or default_place()
    if place is None:
        raise RequestError("there is no home directory for the store", hint=f"name one: --store DIR, or {VARIABLE}")
    return place
