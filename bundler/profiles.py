"""Profiles: those that come with bundler, by name, and those that an overrides file brings."""

from collections.abc import Mapping
from typing import Final

from bundler import data
from bundler.conversion.profile import Profile
from bundler.errors import RequestError, printable
from bundler.origins import Json

# What people write → the file. `docker` is the release that the goldens were captured from.
PROFILES: Final = {
    "docker": "docker-28.json",
    "docker@28": "docker-28.json",
    "docker@29": "docker-29.json",
    "none": "none.json",
}
DEFAULT: Final = "docker"


def load_profile(profile: str | Mapping[str, Json] = DEFAULT) -> Profile:
    """One of PROFILES by its name, or a profile as the overrides key takes it. Raises RequestError."""
    if not isinstance(profile, str):
        return _profile(profile)
    if profile not in PROFILES:
        known = ", ".join(PROFILES)
        raise RequestError(f"unknown profile {printable(profile)!r}", hint=f"known are {known}")
    return _profile(data.load(PROFILES[profile]))


def _profile(document: Mapping[str, Json]) -> Profile:
    """A profile from its document, over the one it names as its base."""
    base = load_profile(document["base"]) if "base" in document else Profile("", {}, None)
    seccomp = document.get("seccomp", base.seccomp)
    if isinstance(seccomp, str):  # only bundler's own profiles name a file, one of its data
        seccomp = _filter(data.load(seccomp))
    return Profile(document["id"], _laid_over(base.defaults, document.get("defaults", {})), seccomp)


def _laid_over(base: Json, over: Json) -> Json:
    """Objects merge by key; anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: _laid_over(base.get(key), value) for key, value in over.items()}


def _filter(filtered: Json) -> Json:
    """A filter in Docker's format; one with a base has further architectures, and other rules for some calls."""
    if "base" not in filtered:
        return filtered
    base = data.load(filtered["base"])
    instead: dict[str, list[Json]] = filtered["instead"]
    rules: list[Json] = []
    for rule in base["syscalls"]:
        own = rule["names"][0] if len(rule["names"]) == 1 else ""
        rules += instead.get(own, [rule])
    return base | {"archMap": base["archMap"] + filtered["archMap"], "syscalls": rules}
