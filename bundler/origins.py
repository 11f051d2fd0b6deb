"""Where a value comes from: carried along with every value, so that `bundler explain` never has to guess."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from bundler.light_dataclasses import dataclass

Json: TypeAlias = Any  # a JSON value: None, bool, int, float, str, list[Json] or dict[str, Json]
T = TypeVar("T")

Source: TypeAlias = Literal["profile", "image", "overrides", "target", "bundler"]


class Unset(Enum):
    """Absent, which is not the same as empty. Test it with `is UNSET`."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a value: the kind of source, the place in it, and the origin of the value it took the place of."""

    source: Source
    where: str
    beat: "Origin | None" = None

    def __str__(self) -> str:
        return f"{self.source} {self.where}"


def beating(origin: Origin, beaten: Origin | None) -> Origin:
    """`origin`, with `beaten` at the end of what it took the place of."""
    if beaten is None:
        return origin
    return Origin(origin.source, origin.where, beaten if origin.beat is None else beating(origin.beat, beaten))


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value and who set it."""

    value: T
    origin: Origin


def setter(origins: Mapping[str, T], pointer: str) -> T | None:
    """Who set what is at a JSON Pointer: the entry of `origins` for it, or for the nearest place above."""
    while pointer and pointer not in origins:
        pointer = pointer.rpartition("/")[0]
    return origins.get(pointer)


def pointer_token(key: str) -> str:
    """`key` as one step of a JSON Pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def pointer_tokens(pointer: str) -> list[str]:
    """The keys that a JSON Pointer steps through; `pointer` is empty or starts with a slash."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
