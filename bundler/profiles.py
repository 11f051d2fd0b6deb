"""Profiles that come with bundler, by name, and profiles in files: loaded into one value each."""

from collections.abc import Mapping
from typing import Final

from bundler import data
from bundler.conversion.profile import Profile
from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides.load import read_document
from bundler.overrides.node import Node

# What people write → the file. `docker` is the release that the goldens were captured from.
PROFILES: Final = {
    "docker": "docker-28.json",
    "docker@28": "docker-28.json",
    "docker@29": "docker-29.json",
    "none": "none.json",
}
DEFAULT: Final = "docker"


def load_profile(name: str = DEFAULT, named_by: Node | None = None) -> Profile:
    """The profile `name`: one of PROFILES, or the path of a file of the same form. Raises RequestError."""
    if name in PROFILES:
        return _profile(data.load(PROFILES[name]))
    if "/" not in name and not name.endswith((".json", ".yaml", ".yml")):
        known = ", ".join(PROFILES)
        raise RequestError(f"unknown profile {printable(name)!r}", hint=f"known are {known}, or the path of a file")
    document = read_document(name, named_by).plain()
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise RequestError(f"{printable(name)}: a profile is a map with an id")
    return _profile(document)


def _profile(document: Mapping[str, Json]) -> Profile:
    """A profile from its document, over the one it names as its base."""
    defaults, seccomp = document.get("defaults") or {}, document.get("seccomp")
    if document.get("base"):
        base = load_profile(document["base"])
        defaults = _laid_over(base.defaults, defaults)
        seccomp = base.seccomp if seccomp is None else _filter(seccomp)
    else:
        seccomp = None if seccomp is None else _filter(seccomp)
    return Profile(document["id"], defaults, seccomp)


def _laid_over(base: Json, over: Json) -> Json:
    """Objects merge by key; anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: _laid_over(base.get(key), value) for key, value in over.items()}


def _filter(source: Json) -> Json:
    """A filter in Docker's format; one with a base has further architectures, and other rules for some calls."""
    filtered = data.load(source) if isinstance(source, str) else source
    if "base" not in filtered:
        return filtered
    base = _filter(filtered["base"])
    instead: dict[str, list[Json]] = dict(filtered.get("instead") or {})
    rules: list[Json] = []
    for rule in base["syscalls"]:
        own = rule["names"][0] if len(rule["names"]) == 1 else ""
        rules += instead.pop(own) if own in instead else [rule]
    return base | {"archMap": base["archMap"] + filtered.get("archMap", []), "syscalls": rules}
