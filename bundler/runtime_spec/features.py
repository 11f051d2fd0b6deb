"""What a runtime says of itself (runtime-spec features.md): as much of it as anything is decided by."""

from collections.abc import Mapping
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

Names = tuple[str, ...] | None
"""None where the runtime does not say: features.md tells null, "unknown", from an empty list."""

# The members that are read, by their place, and the field that holds them.
_LISTS: Final = {
    ("hooks",): "hooks",
    ("linux", "namespaces"): "namespaces",
    ("linux", "capabilities"): "capabilities",
    ("linux", "seccomp", "actions"): "actions",
    ("linux", "seccomp", "archs"): "architectures",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """`version` is the newest ociVersion the runtime knows, empty where it does not say; `seccomp` whether it can."""

    version: str = ""
    seccomp: bool | None = None
    hooks: Names = None
    namespaces: Names = None
    capabilities: Names = None
    actions: Names = None
    architectures: Names = None

    def described(self) -> dict[str, Json]:
        """In the form of features.md, without what was not read: a commit or a build date decides nothing."""
        found: dict[str, Json] = {"ociVersionMax": self.version} if self.version else {}
        for place, field in _LISTS.items():
            listed = getattr(self, field)
            if listed is not None:
                _put(found, place, list(listed))
        if self.seccomp is not None:
            _put(found, ("linux", "seccomp", "enabled"), self.seccomp)
        return found


def parse(document: Mapping[str, Json]) -> Features:
    """The features of a document that the schema of the overrides key `target` has checked."""
    lists = {field: _at(document, place) for place, field in _LISTS.items()}
    return Features(
        version=document.get("ociVersionMax") or "",
        seccomp=_at(document, ("linux", "seccomp", "enabled")),
        **{field: None if listed is None else tuple(listed) for field, listed in lists.items()},
    )


def _at(document: Json, place: tuple[str, ...]) -> Json:
    for step in place:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document


def _put(document: dict[str, Json], place: tuple[str, ...], value: Json) -> None:
    for step in place[:-1]:
        document = document.setdefault(step, {})
    document[place[-1]] = value
