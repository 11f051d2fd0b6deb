"""How much an image may ask for: what is checked while it is read, so that a bomb ends early and says why.

The defaults lie far above any honest image (an ML image has some 100 GiB and a million files) and below what hurts a
machine for long. `--limit NAME=VALUE` changes one of them.
"""

import re
from dataclasses import field, fields, replace
from typing import Any, Final

from bundler.light_dataclasses import dataclass

_NUMBER: Final = re.compile(r"(?P<digits>[0-9]{1,15})(?P<unit>[kmgt]?)", re.IGNORECASE)
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
# A zstd or xz layer of nothing but zeros is a thousand times its size too, and is honest while it is small.
RATIO_COUNTS_FROM: Final = 1 << 30
# The kernel's own (path_resolution(7)): of the 4096 bytes of PATH_MAX the last one is the NUL. What is longer could be
# made, and used by nothing.
MOST_LINKS: Final = 40
LONGEST_PATH: Final = 4095


def _limit(default: int, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that an image may have. Sizes are bytes; the names, with dashes, are those of the option."""

    unpacked_size: int = _limit(256 << 30, "bytes of all layers together, or of an archive, once decompressed")
    entries: int = _limit(10_000_000, "entries of all layers together")
    path_length: int = _limit(LONGEST_PATH, "bytes of the path of an entry")
    # As in Go's archive/tar, whose limit everything that Docker, containerd and umoci unpack has passed.
    pax_size: int = _limit(1 << 20, "bytes of one PAX extended header, or of one long name of GNU's")
    # What registries accept (distribution-spec: "4 megabytes").
    document_size: int = _limit(4 << 20, "bytes of one manifest, index or image config")
    compression_ratio: int = _limit(1000, "how many bytes may come out of one compressed byte, beyond the first GiB")

    def changed(self, settings: tuple[str, ...]) -> "Limits":
        """These limits with `NAME=VALUE` settings applied, the last one of a name. Raises ValueError."""
        return replace(self, **dict(_parse(setting) for setting in settings))


DEFAULTS: Final = Limits()
# For what this machine has made itself.
NONE: Final = Limits(**{each.name: 1 << 62 for each in fields(Limits)})
NAMES: Final = {each.name.replace("_", "-"): each.name for each in fields(Limits)}


def meanings() -> list[tuple[str, int, str]]:
    """Every limit as people meet it: its name, its default, what it counts."""
    return [(name, getattr(DEFAULTS, key), _MEANINGS[key]) for name, key in NAMES.items()]


def raise_hint(name: str) -> str:
    """What to do about an image that is honest and over the limit of that field."""
    return f"if the image is to be trusted, allow more with --limit {name.replace('_', '-')}=N"


_MEANINGS: Final = {each.name: str(each.metadata["meaning"]) for each in fields(Limits)}


def _parse(setting: str) -> tuple[str, int]:
    name, _, value = setting.partition("=")
    if name not in NAMES:
        raise ValueError(f"there is no limit {name[:40]!r} (there are: {', '.join(NAMES)})")
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise ValueError(f"{name}: {value[:40]!r} is not a whole number, nor one such as 64k or 20g")
    return NAMES[name], int(match["digits"]) << _UNITS[match["unit"].lower()]
