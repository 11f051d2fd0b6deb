"""What a rule returns: a part of the runtime config, and where each piece of it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bundler.origins import UNSET, Json, Origin, Sourced, Unset, pointer_token


@dataclass(frozen=True, slots=True)
class Part:
    """A value, or UNSET for a part that is not written.

    `origins` maps JSON Pointers relative to the part to who set what is there; a leaf's origin is the one of its
    nearest ancestor in the map. `warnings` are sentences about what the target will not do as asked.
    """

    value: Json | Unset
    origins: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


ABSENT = Part(UNSET)


def whole(value: Json, origin: Origin) -> Part:
    """A part that one source set."""
    return Part(value, {"": origin})


def array(items: Iterable[Sourced[Json]]) -> Part:
    """A list whose elements come from different places; UNSET when there are none."""
    listed = list(items)
    if not listed:
        return ABSENT
    return Part([item.value for item in listed], {f"/{index}": item.origin for index, item in enumerate(listed)})


def table(entries: Mapping[str, Sourced[Json]]) -> Part:
    """An object whose members come from different places; UNSET when there are none."""
    if not entries:
        return ABSENT
    origins = {f"/{pointer_token(key)}": entry.origin for key, entry in entries.items()}
    return Part({key: entry.value for key, entry in entries.items()}, origins)
