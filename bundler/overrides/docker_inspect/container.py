"""One inspected container, and the overrides file that grows from it."""

from dataclasses import dataclass, field
from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.imports import ImageSettings

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
