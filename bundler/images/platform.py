"""Platforms: the operating system and processor an image is for (image-spec image-index.md)."""

import re
from typing import Final, Self

from bundler.light_dataclasses import dataclass

# Names that people and `uname -m` use, as Go's GOARCH plus the variant that image-spec's table gives them.
_ARCHITECTURES: Final[dict[str, tuple[str, str | None]]] = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "i386": ("386", None),
    "i686": ("386", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
}
_WORD: Final = re.compile(r"[A-Za-z0-9._-]+")
# A variant that every machine of its architecture has: naming it or not is the same.
_IMPLIED_VARIANTS: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


@dataclass(frozen=True, slots=True)
class Platform:
    """`os/architecture[/variant]`, in Go's names (`linux/arm64`), with aliases resolved."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `linux/arm/v7` or `arm64`. Raises ValueError for anything else."""
        parts = text.split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        if len(parts) not in (2, 3) or not all(_WORD.fullmatch(part) for part in parts):
            raise ValueError(f"{text!r} is not a platform such as linux/amd64 or linux/arm/v7")
        return cls.of(*parts)

    @classmethod
    def of(cls, os: str, architecture: str, variant: str | None = None) -> Self:
        """The platform of these names, of which aliases (`x86_64`, `aarch64`) become Go's."""
        name, implied = _ARCHITECTURES.get(architecture.lower(), (architecture.lower(), None))
        return cls(os.lower(), name, (variant or implied or "").lower() or None)

    def accepts(self, other: "Platform") -> bool:
        """Whether an image for `other` is what was asked for: a variant that was not asked for does not matter."""
        if (self.os, self.architecture) != (other.os, other.architecture):
            return False
        implied = _IMPLIED_VARIANTS.get(self.architecture)
        return self.variant is None or self.variant == (other.variant or implied)

    def equals(self, other: "Platform") -> bool:
        """Whether both are the same platform, where a variant that is implied and one that is stated are one."""
        implied = _IMPLIED_VARIANTS.get(self.architecture)
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and (self.variant or implied) == (other.variant or implied)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


# What a reader that does not look at the platform takes for one that an image config does not state.
UNSTATED: Final = Platform("linux", "unknown")
