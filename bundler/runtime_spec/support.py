"""What a runtime understands: fields it would pass over in silence, and fields it would refuse.

Only where its version is known, or its features (runtime-spec features.md): what is not known is taken to be new
enough.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.runtime_spec.features import Features
from bundler.runtime_spec.oci_version import BASE, numbers_of
from bundler.runtime_spec.runtime_config import RuntimeConfig

Version = tuple[int, ...]


class Runtime(NamedTuple):
    """A runtime by its name, with its version (empty) and its features (None) where they are not known."""

    name: str
    version: Version = ()
    features: Features | None = None


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
    """What of a config the runtime does not understand, in a sentence; one that it `refuses` it does not start."""

    what: str
    refuses: bool = False
    hint: str | None = None


def unsupported(config: RuntimeConfig, runtime: Runtime) -> tuple[str, ...]:
    """Sentences about fields that the runtime passes over. Raises RequestError for one that it refuses."""
    every = tuple(shortcomings(config, runtime))
    for shortcoming in every:
        if shortcoming.refuses:
            raise RequestError(shortcoming.what, hint=shortcoming.hint)
    return tuple(shortcoming.what for shortcoming in every)


def shortcomings(config: RuntimeConfig, runtime: Runtime) -> Iterator[Shortcoming]:
    """Everything of `config` that the runtime refuses or passes over, by its version and its features."""
    if runtime.version:
        yield from _by_version(config, runtime)
    if runtime.features is not None:
        yield from _by_features(config, runtime.name, runtime.features)


def _by_version(config: RuntimeConfig, runtime: Runtime) -> Iterator[Shortcoming]:
    name, version = runtime.name, f"{runtime.name} {_text(runtime.version)}"
    for field in _FIELDS:
        since = field.since.get(name)
        if not since or runtime.version >= since:
            continue
        if not any(field.value in (None, value) for value in config.values(*field.path)):
            continue
        place = "/" + "/".join(field.path) + (f" ({field.value})" if field.value else "")
        first = f"the first that has it is {name} {_text(since)}"
        if name in field.refuses:
            yield Shortcoming(f"{version} refuses {place}", refuses=True, hint=first)
        else:
            yield Shortcoming(f"{version} ignores {place}; {first}")
    newer, refused = _REFUSED_VERSIONS.get(name, ((), ()))
    oci_version = numbers_of(config.oci_version or BASE)
    if runtime.version < newer and oci_version >= refused:
        yield Shortcoming(
            f"{version} refuses ociVersion {_text(oci_version)}",
            refuses=True,
            hint=f"without fields that came with it the version is lower; {name} {_text(newer)} takes it",
        )


def _by_features(config: RuntimeConfig, runtime: str, features: Features) -> Iterator[Shortcoming]:
    """Each name once, however often it stands in the document."""
    for path, field, refuses in _NAMED:
        known = getattr(features, field)
        if known is None or (field in ("architectures", "actions") and features.seccomp is False):
            continue  # without seccomp the lists are of no use
        place = "/" + "/".join(path[:-1] if path[-1] == "*" else path)
        for name in dict.fromkeys(map(str, config.values(*path))):
            if name not in known:
                yield Shortcoming(
                    f"{runtime} {'refuses' if refuses else 'ignores'} {printable(name)} in {place}, which it does "
                    "not know",
                    refuses,
                    "a newer runtime, or one built with it, knows more",
                )
    if features.seccomp is False and config.has_seccomp:
        yield Shortcoming(f"{runtime} is built without seccomp and refuses /linux/seccomp", refuses=True)
    for kind in config.hook_kinds:
        if features.hooks is not None and kind not in features.hooks:
            yield Shortcoming(f"{runtime} ignores /hooks/{printable(kind)}, which it does not know")


def _text(version: Version) -> str:
    return ".".join(map(str, version))
