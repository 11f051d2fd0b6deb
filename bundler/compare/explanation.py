"""Where each value of a config.json comes from, and what it took the place of."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bundler.bundles.bundle import Bundle, read_config_file
from bundler.compare.defaults import like
from bundler.conversion.convert import ConvertedConfig
from bundler.errors import RequestError, closest, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.runtime_spec.list_identity import leaves

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Explained:
    """A leaf: who set it (`overrides web.yaml:3:1`), and whom that beat, the last one beaten first."""

    pointer: str
    value: Json
    origin: str
    beat: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The leaves of a config.json, in its order; `stale` if it was changed since bundler.json was written."""

    leaves: tuple[Explained, ...]
    stale: bool


def explain(bundle: str | Path | Bundle, pointer: str = "", *, profile: str | None = None) -> Explanation:
    """Every value of a config.json (runtime-spec config.md) at `pointer` (RFC 6901) and below, with its origin.

    `bundle` is a bundle or its directory, a config.json, or `-` for one on standard input. Origins are those of the
    bundle's bundler.json. Without one that is about this config.json, or with a `profile`, values are the profile's
    where they say the same as the profile, else of unknown origin. Raises RequestError for what is no runtime config,
    and for a pointer at which there is nothing.
    """
    written = read_config_file(bundle)
    if written.recorded is not None and profile is None:
        explained = explain_recorded(written.config.document, written.recorded)
    else:
        explained = explain_by_defaults(written.config.document, like(written, profile))
    return Explanation(tuple(below(explained, pointer)), written.stale)


def explain_recorded(document: Json, recorded: Mapping[str, Json]) -> list[Explained]:
    """Every leaf of `document` as the bundler.json beside it explains it."""
    origins, beaten = _texts(recorded, "origins"), recorded.get("beaten")
    beaten = beaten if isinstance(beaten, dict) else {}
    explained = []
    for pointer, _, value in leaves(document):
        setter = next((above for above in _upward(pointer) if above in origins), None)
        beat = beaten.get(setter) if setter is not None else None
        chain = tuple(map(str, beat)) if isinstance(beat, list) else ()
        explained.append(Explained(pointer, value, UNKNOWN if setter is None else origins[setter], chain))
    return explained


def explain_by_defaults(document: Json, defaults: ConvertedConfig) -> list[Explained]:
    """Every leaf of a `document` without a record: the profile's where it says the same, else unknown."""
    known = {}
    for pointer, place, value in leaves(defaults.document):
        origin = next((defaults.origins[above] for above in _upward(pointer) if above in defaults.origins), None)
        if origin is not None and origin.source == "profile":
            known[place] = (value, str(origin))
    explained = []
    for pointer, place, value in leaves(document):
        default, origin_text = known.get(place, (None, UNKNOWN))
        explained.append(Explained(pointer, value, origin_text if _same(default, value) else UNKNOWN))
    return explained


def _same(default: Json, value: Json) -> bool:
    return type(default) is type(value) and default == value


def _texts(recorded: Mapping[str, Json], key: str) -> dict[str, str]:
    """A map of texts, whatever stands there instead."""
    given = recorded.get(key)
    return {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}


def _upward(pointer: str) -> Iterator[str]:
    yield pointer
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def below(explained: list[Explained], pointer: str) -> list[Explained]:
    """The leaves at `pointer` and below it; all for the empty one. Raises RequestError where there is nothing."""
    wanted = pointer.rstrip("/")
    if wanted and not wanted.startswith("/"):
        wanted = f"/{wanted}"
    leaves_below = [leaf for leaf in explained if leaf.pointer == wanted or leaf.pointer.startswith(f"{wanted}/")]
    if leaves_below:
        return leaves_below
    places = dict.fromkeys(above for leaf in explained for above in _upward(leaf.pointer) if above)
    near = closest(wanted, places, similarity=0)
    hint = f"did you mean {printable(near)}?" if near else "config.json is empty"
    raise RequestError(f"config.json has nothing at {printable(pointer)}", hint=hint)
