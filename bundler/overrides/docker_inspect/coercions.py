"""What a field's value is in the words of an overrides file; None where it says what dockerd says by itself."""

from bundler.origins import Json
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.keys.scalars import UNSIGNED, write_size


def texts(value: Value) -> Json:
    return list(dict.fromkeys(value.texts())) or None


def text(value: Value) -> Json:
    return value.text() or None


def flag(value: Value) -> Json:
    return value.flag() or None


def number(value: Value) -> Json:
    return value.number() or None


def positive(value: Value) -> Json:
    """A number of which Docker takes 0, and what is below, for nothing said."""
    return value.number() if value.number() > 0 else None


def size(value: Value) -> Json:
    """Bytes, in the largest unit that holds them whole."""
    return write_size(value.number()) if value.number() > 0 else None


def assignments(value: Value) -> Json:
    return {name: each.text() for name, each in value.members()} or None


def ulimits(value: Value) -> Json:
    """[{Name, Soft, Hard}] by name; podman writes RLIMIT_NOFILE for what Docker calls nofile."""
    limits = {}
    for item in value.items():
        name = item.get("Name").text().lower().removeprefix("rlimit_")
        limits[name] = {"soft": _limit(item.get("Soft")), "hard": _limit(item.get("Hard"))}
    return limits or None


def _limit(value: Value) -> int:
    """Below -1 dockerd reinterprets the bits; the largest number is what it writes for -1."""
    number = value.number()
    if number == UNSIGNED - 1:
        return -1
    return number if number >= -1 else number + UNSIGNED
