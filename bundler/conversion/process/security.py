"""What the process may do: capabilities, Docker's way from defaults, cap_add and cap_drop; and SELinux labels."""

from typing import Final

from bundler.conversion.rule import ABSENT, Inputs, RuleResult, whole
from bundler.origins import UNSET, Origin, beating
from bundler.overrides.keys.process import ALL, NAMES
from bundler.overrides.node import Node

KINDS: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")
_DOCKERS: Final = ("bounding", "effective", "permitted")


def bounding(inputs: Inputs) -> dict[str, Origin]:
    """The capabilities a container may ever hold, each with who granted it."""
    return _set(inputs, "bounding")


def _set(inputs: Inputs, kind: str) -> dict[str, Origin]:
    """One set: as `capabilities` gives it, else Docker's three alike or empty; `ambient_caps` are in each."""
    given = inputs.overrides.get("capabilities")
    below = _by_docker(inputs) if kind in _DOCKERS else {}
    if given is not UNSET and kind in given.entries():
        chosen = {name: node.origin for node in given.entries()[kind].items() for name in _named(node)}
        below = {name: beating(origin, below.get(name)) for name, origin in chosen.items()}
    ambient = {name: node.origin for node in inputs.overrides.items("ambient_caps") for name in _named(node)}
    return below | {name: origin for name, origin in ambient.items() if name not in below}


def _named(node: Node) -> tuple[str, ...]:
    return NAMES if node.text() == ALL else (node.text(),)


def _by_docker(inputs: Inputs) -> dict[str, Origin]:
    """The fourteen of the profile after `privileged`, `cap_add` and `cap_drop`.

    Docker's precedence: privileged, then `ALL` added (less what is dropped by name), then `ALL` dropped (leaving
    exactly what is added), then defaults less drops plus adds. One that is both added and dropped is added.
    """
    overrides = inputs.overrides
    defaults = {str(item.value): item.origin for item in inputs.profile.items("/process/capabilities")}
    added = {node.text(): node.origin for node in overrides.items("cap_add")}
    dropped = {node.text() for node in overrides.items("cap_drop")}
    if overrides.is_true("privileged"):
        privileged = overrides.entries["privileged"]
        return {name: beating(privileged.origin, defaults.get(name)) for name in NAMES}
    if ALL in added:
        return {name: beating(added[ALL], defaults.get(name)) for name in NAMES if name not in dropped}
    kept = {name: origin for name, origin in defaults.items() if not dropped & {name, ALL}}
    return kept | {name: added[name] for name in sorted(added, key=NAMES.index) if name not in kept}


def capabilities(inputs: Inputs) -> RuleResult:
    """`/process/capabilities` (runtime-spec config.md, linux-process).

    Docker fills bounding, effective and permitted alike, whatever the user is, and leaves inheritable and ambient out.
    Dropping everything gives an empty object: an absent one would leave the runtime's own capabilities.
    """
    sets = {kind: _set(inputs, kind) for kind in KINDS}
    _check_subsets(inputs, sets)
    default, given = inputs.profile.get("/process/capabilities"), inputs.overrides.get("capabilities")
    if default is UNSET and given is UNSET and not any(sets.values()):
        return ABSENT
    deciders = (node.origin for node in inputs.overrides.items("cap_drop"))
    fallback = default.origin if default is not UNSET else given.origin if given is not UNSET else None
    origins = {f"/{kind}/{index}": by for kind, held in sets.items() for index, by in enumerate(held.values())}
    if not origins:
        decider = next(deciders, None)
        fallback = fallback if decider is None else beating(decider, fallback)
    value = {kind: list(held) for kind, held in sets.items() if held}
    whole_origin = fallback or next(iter(origins.values()))
    return RuleResult(value, {"": whole_origin} | origins)


def _check_subsets(inputs: Inputs, sets: dict[str, dict[str, Origin]]) -> None:
    """What capset(2) and prctl(2) refuse, so that no container starts with it: effective beyond permitted, ambient
    beyond permitted or inheritable. Only sets that overrides give can be wrong.
    """
    given = inputs.overrides.get("capabilities")
    for kind, within in (("effective", "permitted"), ("ambient", "permitted"), ("ambient", "inheritable")):
        beyond = [name for name in sets[kind] if name not in sets[within]]
        if beyond and given is not UNSET:
            raise given.error(f"capabilities: {beyond[0]} is in {kind}, but not in {within}")


_CATEGORIES: Final = 1024  # of multi-category security, c0 to c1023


def selinux_label(inputs: Inputs) -> RuleResult:
    """`/process/selinuxLabel` (config.md, Linux process): only when asked for; without SELinux a runtime refuses it."""
    return _label(inputs, "process_label", ("system_u", "system_r", "container_t"), "type")


def mount_label(inputs: Inputs) -> RuleResult:
    """`/linux/mountLabel` (config-linux.md, mount label): what the process may use has the level of the process."""
    return _label(inputs, "mount_label", ("system_u", "object_r", "container_file_t"), "filetype")


def _label(inputs: Inputs, whole_key: str, defaults: tuple[str, str, str], type_key: str) -> RuleResult:
    node = inputs.overrides.get("selinux")
    entries = {} if node is UNSET else node.entries()
    if node is UNSET or not entries or ("disable" in entries and entries["disable"].value is True):
        return ABSENT
    if whole_key in entries:
        return whole(entries[whole_key].text(), entries[whole_key].origin)
    user, role, kind = defaults
    user = _text(entries, "user", user)
    if type_key == "type":
        role = _text(entries, "role", role)
    level = _text(entries, "level", _own_level(inputs.image_config.digest.encoded))
    return whole(f"{user}:{role}:{_text(entries, type_key, kind)}:{level}", node.origin)


def _text(entries: dict[str, Node], key: str, default: str) -> str:
    return entries[key].text() if key in entries else default


def _own_level(digest: str) -> str:
    """Two categories from the image id: Docker draws them at random, and a bundle has to be the same each time."""
    first, second = int(digest[:8], 16) % _CATEGORIES, int(digest[8:16], 16) % (_CATEGORIES - 1)
    second += second >= first
    return f"s0:c{min(first, second)},c{max(first, second)}"
