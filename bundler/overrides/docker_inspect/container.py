"""One inspected container, what its fields say in the words of an overrides file, and the file that grows from it."""

from dataclasses import field
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.imports import ImageSettings
from bundler.overrides.keys.scalars import UNSIGNED, write_size

# Where API 1.17, and older, has what is in HostConfig since.
_ONCE_IN_CONFIG: Final = ("Memory", "MemorySwap", "SecurityOpt", "Ulimits")


@dataclass(frozen=True, slots=True)
class Container:
    """What inspect says; `image` is what the image says by itself, None where that is not known.

    `all_of_file` are the containers of one file, this one among them.
    """

    entry: Value
    image: ImageSettings | None = None
    all_of_file: tuple[Value, ...] = ()

    def host(self, name: str) -> Value:
        value = self.entry.get("HostConfig", name)
        return self.config(name) if value.content is None and name in _ONCE_IN_CONFIG else value

    def config(self, name: str) -> Value:
        return self.entry.get("Config", name)

    @property
    def is_of_another_image(self) -> bool:
        """Whether it was made from another image than the one that was looked at: an older one, say.

        Docker's containerd store has no image ids, and describes a manifest instead.
        """
        own = self.entry.get("Image").text().removeprefix("sha256:")
        if self.image is None or not own or self.entry.get("ImageManifestDescriptor").content is not None:
            return False
        return str(self.image.digest) != f"sha256:{own}"

    @property
    def is_podmans(self) -> bool:
        return "OCIRuntime" in self.entry.content or "BoundingCaps" in self.entry.content


@dataclass(slots=True)
class Draft:
    """The keys so far, where each was said (by JSON Pointer), and what to remark.

    `traceless` has, by reason, the fields that leave no trace in config.json; `secrets` are names of what looks secret.
    """

    keys: dict[str, Json] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    traceless: dict[str, list[str]] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def say(self, key: str, value: Json, where: Value) -> None:
        self.keys[key] = value
        self.places[f"/{key}"] = where.where

    def add(self, key: str, value: Json, where: Value) -> None:
        """One more entry of a list."""
        listed = self.keys.setdefault(key, [])
        self.places[f"/{key}/{len(listed)}"] = where.where
        listed.append(value)

    def leave_out(self, field_: str, reason: str) -> None:
        self.traceless.setdefault(reason, []).append(field_)


# What a field says in the words of an overrides file; None where it says what dockerd does by itself.


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
