"""What the target's runtime understands: fields it would pass over in silence, and fields it would refuse.

Only where the target names its runtime's version, or has its features (runtime-spec features.md): what is not known is
taken to be new enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bundler.conversion.target import Target
from bundler.errors import RequestError, printable
from bundler.origins import Json, Origin
from bundler.runtime_spec.features import Features
from bundler.runtime_spec.oci_version import BASE, requirements, values_at

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


# Versions of the runtime-spec that a runtime refuses: older ones than the first of these runtimes, from the second on.
_REFUSED_VERSIONS: Final = {"crun": ((1, 9), (1, 2, 0))}
# Names that a runtime says it knows (features.md), where they stand, and whether it refuses any other.
_NAMED: Final[tuple[tuple[tuple[str, ...], str, bool], ...]] = (
    (("linux", "namespaces", "*", "type"), "namespaces", True),
    (("linux", "seccomp", "architectures", "*"), "architectures", True),
    (("linux", "seccomp", "defaultAction"), "actions", True),
    (("linux", "seccomp", "syscalls", "*", "action"), "actions", True),
    (("process", "capabilities", "*", "*"), "capabilities", False),
)


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """What of a document the runtime does not understand, in a sentence; one that it `refuses` it does not start."""

    what: str
    refuses: bool = False
    hint: str | None = None


def unsupported(document: Json, target: Target) -> tuple[str, ...]:
    """Sentences about fields that the target's runtime passes over. Raises RequestError for one that it refuses."""
    found = tuple(shortcomings(document, target))
    for shortcoming in found:
        if shortcoming.refuses:
            raise RequestError(shortcoming.what, hint=shortcoming.hint)
    return tuple(shortcoming.what for shortcoming in found)


def shortcomings(document: Json, target: Target) -> Iterator[Shortcoming]:
    """Everything of `document` that the target's runtime refuses or passes over, by its version and its features."""
    yield from _by_version(document, target)
    if target.features is not None:
        yield from _by_features(document, target, target.features)


def _by_version(document: Json, target: Target) -> Iterator[Shortcoming]:
    runtime = f"{target.runtime} {_text(target.runtime_version)}"
    for field in _FIELDS:
        since = field.since.get(target.runtime)
        if not since or not target.runtime_version or target.runtime_version >= since:
            continue
        if not any(field.value in (None, value) for value in values_at(document, field.path)):
            continue
        place = "/" + "/".join(field.path) + (f" ({field.value})" if field.value else "")
        first = f"the first that has it is {target.runtime} {_text(since)}"
        if target.runtime in field.refuses:
            yield Shortcoming(f"{runtime} refuses {place}", refuses=True, hint=first)
        else:
            yield Shortcoming(f"{runtime} ignores {place}; {first}")
    newer, refused = _REFUSED_VERSIONS.get(target.runtime, ((), ()))
    version = _numbers(str(document.get("ociVersion") or BASE))
    if () < target.runtime_version < newer and version >= refused:
        yield Shortcoming(
            f"{runtime} refuses ociVersion {_text(version)}",
            refuses=True,
            hint=f"without fields that came with it the version is lower; {target.runtime} {_text(newer)} takes it",
        )


def _by_features(document: Json, target: Target, features: Features) -> Iterator[Shortcoming]:
    """Each name once, however often it stands in the document."""
    runtime, said = target.runtime, set()
    for path, field, refuses in _NAMED:
        known = getattr(features, field)
        if field in ("architectures", "actions") and features.seccomp is False:
            continue  # then the lists are of no use
        for name in values_at(document, path):
            if known is not None and name not in known and (path, name) not in said:
                said.add((path, name))
                place = "/" + "/".join(path[:-1] if path[-1] == "*" else path)
                yield Shortcoming(
                    f"{runtime} {'refuses' if refuses else 'ignores'} {printable(str(name))} in {place}, which it does "
                    "not know",
                    refuses,
                    "a newer runtime, or one built with it, knows more",
                )
    if features.seccomp is False and any(True for _ in values_at(document, ("linux", "seccomp"))):
        yield Shortcoming(f"{runtime} is built without seccomp and refuses /linux/seccomp", refuses=True)
    for kind in document.get("hooks") or ():
        if features.hooks is not None and kind not in features.hooks:
            yield Shortcoming(f"{runtime} ignores /hooks/{printable(kind)}, which it does not know")


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
    """The numbers of `1.0.2-dev`; none for what has no such form."""
    match = re.match(r"\d{1,4}(?:\.\d{1,4})*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def _text(version: Version) -> str:
    return ".".join(map(str, version))
