"""What a runtime that an ordinary user starts cannot do, taken out of what the rules made.

runc says no to some of these and the kernel to the others (runc's libcontainer/configs/validate/rootless.go,
user_namespaces(7), proc_pid_oom_score_adj(5)). The mappings themselves are those of the rules for `uid_map`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bundler.conversion.namespaces import is_own
from bundler.conversion.rule import Inputs
from bundler.origins import Json, Origin

_ORIGIN: Final = Origin("bundler", "--rootless")

Document = dict[str, Json]
Origins = dict[str, Origin]


def adapt(inputs: Inputs, document: Document, origins: Origins) -> list[str]:
    """Change `document` and `origins` in place; warnings about what somebody asked for and does not get."""
    return [warning for change in CHANGES for warning in change(inputs, document, origins)]


def _limits(_givens: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """No control group belongs to an ordinary user unless somebody gives him one: runtimes refuse limits then."""
    linux = document.get("linux", {})
    for key in ("resources", "cgroupsPath", "intelRdt"):
        if key in linux:
            del linux[key]
            yield from _forget(origins, f"/linux/{key}", "needs a control group")


def _groups(_givens: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """setgroups(2) is denied to who maps his own group; runc refuses every list, also one of the primary group."""
    user = document.get("process", {}).get("user", {})
    if "additionalGids" in user:
        del user["additionalGids"]
        yield from _forget(origins, "/process/user/additionalGids", "setgroups is denied")


def _oom_score(_givens: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """A score can be raised only, and what it is where the runtime starts is not known here."""
    process = document.get("process", {})
    if process.get("oomScoreAdj", 1) <= 0:
        del process["oomScoreAdj"]
        yield from _forget(origins, "/process/oomScoreAdj", "an ordinary user cannot lower it")


def _devices(_givens: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """mknod(2) is denied; the runtime's own devices (null, zero ...) are mounted from the machine."""
    linux = document.get("linux", {})
    if "devices" in linux:
        del linux["devices"]
        yield from _forget(origins, "/linux/devices", "no device can be made; mount it with volumes")


def _system_files(inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """A sysfs shows a network, so only who owns that network may mount it: elsewhere the machine's is bound."""
    if is_own(inputs, "network"):
        return
    for index, mount in enumerate(document.get("mounts", [])):
        if mount.get("type") == "sysfs":
            options = [option for option in mount.get("options", []) if option not in ("bind", "rbind")]
            kept = {key: value for key, value in mount.items() if key not in ("type", "source", "options")}
            document["mounts"][index] = kept | {"type": "none", "source": "/sys", "options": ["rbind", *options]}
            origins[f"/mounts/{index}"] = _ORIGIN
    yield from ()


def _owners_of_mounts(_givens: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """An option that names an id which the container has not got is refused; without it, its root owns the mount."""
    linux = document.get("linux", {})
    maps = {"uid": linux.get("uidMappings", []), "gid": linux.get("gidMappings", [])}
    for index, mount in enumerate(document.get("mounts", [])):
        options = mount.get("options", [])
        kept = [option for option in options if not _is_unmapped(option, maps)]
        if len(kept) < len(options):
            mount["options"] = kept
            setter = origins.get(f"/mounts/{index}")
            if setter is not None and setter.source == "overrides":
                yield _left_out(setter.where, f"/mounts/{index}/options", "an id in them is not mapped")


def _is_unmapped(option: str, maps: Mapping[str, list[Json]]) -> bool:
    name, _, number = option.partition("=")
    if name not in maps or not (number.isascii() and number.isdigit()):
        return False
    return not any(0 <= int(number) - entry["containerID"] < entry["size"] for entry in maps[name])


def _forget(origins: Origins, pointer: str, why: str) -> Iterator[str]:
    """The origins at and below `pointer`; a warning for each of the overrides' keys among them."""
    below = [place for place in origins if place == pointer or place.startswith(f"{pointer}/")]
    setters = {origin.where: None for place in below if (origin := origins.pop(place)).source == "overrides"}
    return (_left_out(where, pointer, why) for where in setters)


def _left_out(where: str, pointer: str, why: str) -> str:
    return f"{where}: left out of config.json{pointer}, as the bundle is rootless: {why}"


CHANGES: Final[tuple[Callable[[Inputs, Document, Origins], Iterator[str]], ...]] = (
    _limits,
    _groups,
    _oom_score,
    _devices,
    _system_files,
    _owners_of_mounts,
)
