"""What the target's runtime understands: fields it would pass over in silence, and fields it would refuse.

Only where the target names its runtime's version: a version that is not known is taken to be new enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bundler.conversion.oci_version import requirements, values_at
from bundler.conversion.target import Target
from bundler.errors import RequestError
from bundler.origins import Json, Origin

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field (`*` is any key or index), or one value of it, and the first version of each runtime that has it.

    A runtime that `refuses` does not start at all; others start without the field.
    """

    path: tuple[str, ...]
    since: dict[str, Version]
    value: str | None = None
    refuses: tuple[str, ...] = ()


# From the changelogs of runc and crun.
_FIELDS: Final = (
    _Field(("linux", "namespaces", "*", "type"), {"runc": (1, 2), "crun": (1, 8, 4)}, "time", ("runc",)),
    _Field(("linux", "timeOffsets"), {"runc": (1, 2), "crun": (1, 8, 4)}),
    _Field(("linux", "personality"), {"runc": (1, 2), "crun": (0, 11)}),
    _Field(("linux", "memoryPolicy"), {"runc": (1, 4), "crun": (1, 25)}),
    _Field(("linux", "netDevices"), {"runc": (1, 4), "crun": (1, 22)}),
    _Field(("linux", "intelRdt", "schemata"), {"runc": (1, 4)}),
    _Field(("linux", "intelRdt", "enableMonitoring"), {"runc": (1, 4)}),
    _Field(("linux", "resources", "cpu", "burst"), {"runc": (1, 2), "crun": (1, 11)}),
    _Field(("linux", "resources", "cpu", "idle"), {"runc": (1, 2), "crun": (1, 5)}),
    _Field(("linux", "resources", "unified"), {"crun": (0, 15)}),
    _Field(("linux", "seccomp", "listenerPath"), {"runc": (1, 1), "crun": (0, 19)}),
    _Field(("mounts", "*", "uidMappings"), {"runc": (1, 2), "crun": (1, 8, 1)}),
    _Field(("mounts", "*", "options", "*"), {"runc": (1, 1), "crun": (1, 4)}, "rro"),
    _Field(("process", "scheduler"), {"runc": (1, 2), "crun": (1, 8, 5)}),
    _Field(("process", "ioPriority"), {"runc": (1, 2), "crun": (1, 8, 6)}),
    _Field(("process", "execCPUAffinity"), {"runc": (1, 3), "crun": (1, 19)}),
    _Field(("domainname",), {"runc": (1, 2), "crun": (1, 7)}),
)


def unsupported(document: Json, target: Target) -> tuple[str, ...]:
    """Sentences about fields that the target's runtime passes over. Raises RequestError for one that it refuses."""
    sentences = []
    for field in _FIELDS:
        since = field.since.get(target.runtime)
        if not since or not target.runtime_version or target.runtime_version >= since:
            continue
        if not any(field.value in (None, value) for value in values_at(document, field.path)):
            continue
        place = "/" + "/".join(field.path) + (f" ({field.value})" if field.value else "")
        runtime = f"{target.runtime} {_text(target.runtime_version)}"
        first = f"{target.runtime} {_text(since)}"
        if target.runtime in field.refuses:
            raise RequestError(f"{runtime} refuses {place}", hint=f"the first that has it is {first}")
        sentences.append(f"{runtime} ignores {place}; the first that has it is {first}")
    return tuple(sentences)


def pinned_version(document: Json, pinned: str, origin: Origin) -> str:
    """`pinned`, the ociVersion that was asked for. Raises RequestError where a field of `document` came later."""
    later = next(_later(document, pinned), None)
    if later is not None:
        place, version = later
        raise RequestError(
            f"{origin.where}: oci_version {pinned} does not have {place}, which came with {version}",
            hint="oci_version: auto is the lowest version that has every field",
        )
    return pinned


def _later(document: Json, pinned: str) -> Iterator[tuple[str, str]]:
    for place, version in requirements(document):
        if _numbers(version) > _numbers(pinned):
            yield place, version


def _numbers(text: str) -> Version:
    return tuple(map(int, text.split(".")))


def _text(version: Version) -> str:
    return ".".join(map(str, version))
