"""What a runtime that an ordinary user starts cannot do, taken out of what the rules made.

runc says no to some of these and the kernel to the others (runc's libcontainer/configs/validate/rootless.go,
user_namespaces(7), proc_pid_oom_score_adj(5)). The mappings themselves are those of the rules for `uid_map`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bundler.conversion.namespaces import is_own
from bundler.conversion.rule import Inputs
from bundler.origins import Json, Origin
from bundler.runtime_spec.parts import IdMapping, machine_ids
from bundler.runtime_spec.runtime_config import RuntimeConfig

_ORIGIN: Final = Origin("bundler", "--rootless")

Document = dict[str, Json]
Origins = dict[str, Origin]


def adapt(inputs: Inputs, document: Document, origins: Origins) -> list[str]:
    """Change `document` and `origins` in place; warnings about what overrides ask for and the bundle does not get."""
    return [warning for change in CHANGES for warning in change(inputs, document, origins)]


def _limits(_inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """No control group belongs to an ordinary user unless root gives him one: runtimes refuse limits then."""
    linux = document.get("linux", {})
    for key in ("resources", "cgroupsPath", "intelRdt"):
        if key in linux:
            del linux[key]
            yield from _forget(origins, f"/linux/{key}", "needs a control group")


def _groups(_inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """setgroups(2) is denied where a user maps his own group; runc refuses every list, also one of that group alone."""
    user = document.get("process", {}).get("user", {})
    if "additionalGids" in user:
        del user["additionalGids"]
        yield from _forget(origins, "/process/user/additionalGids", "setgroups is denied")


def _oom_score(_inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """A score can be raised only, and what it is where the runtime starts is not known here."""
    process = document.get("process", {})
    if process.get("oomScoreAdj", 1) <= 0:
        del process["oomScoreAdj"]
        yield from _forget(origins, "/process/oomScoreAdj", "an ordinary user cannot lower it")


def _devices(_inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """mknod(2) is denied; the runtime's own devices (null, zero ...) are mounted from the machine."""
    linux = document.get("linux", {})
    if "devices" in linux:
        del linux["devices"]
        yield from _forget(origins, "/linux/devices", "no device can be made; mount it with volumes")


def _system_files(inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """A sysfs shows a network, so only the owner of that network may mount it: elsewhere the machine's is bound."""
    if is_own(inputs, "network"):
        return
    for index, mount in enumerate(RuntimeConfig(document).mounts):
        if mount.type == "sysfs":
            options = [option for option in mount.options if option not in ("bind", "rbind")]
            bound = {"type": "none", "source": "/sys", "options": ["rbind", *options]}
            document["mounts"][index] = document["mounts"][index] | bound
            origins[mount.pointer] = _ORIGIN
    yield from ()


def _owners_of_mounts(_inputs: Inputs, document: Document, origins: Origins) -> Iterator[str]:
    """An option that names an id which the container has not got is refused; without it, its root owns the mount."""
    config = RuntimeConfig(document)
    maps = {"uid": config.uid_mappings, "gid": config.gid_mappings}
    for index, mount in enumerate(config.mounts):
        kept = [option for option in mount.options if not _is_unmapped(option, maps)]
        if len(kept) < len(mount.options):
            document["mounts"][index]["options"] = kept
            setter = origins.get(mount.pointer)
            if setter is not None and setter.source == "overrides":
                yield _left_out(setter.where, f"{mount.pointer}/options", "an id in them is not mapped")


def _is_unmapped(option: str, maps: Mapping[str, Sequence[IdMapping]]) -> bool:
    name, _, number = option.partition("=")
    if name not in maps or not (number.isascii() and number.isdigit()):
        return False
    return machine_ids(maps[name], [int(number)]) == [None]


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
