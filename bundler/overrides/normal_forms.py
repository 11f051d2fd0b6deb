"""The one form of every key: what compose lets people write in several ways becomes one, so that files can be merged.

NORMAL_FORMS has a row for each key with more than one spelling. The schema has been checked before.
"""

import shlex
from collections.abc import Callable, Mapping
from typing import Final

from bundler.errors import printable
from bundler.overrides.mount_options import expand_tmpfs, expand_volume, size_of
from bundler.overrides.node import Node
from bundler.overrides.quantities import parse_cpus

UNLIMITED: Final = (1 << 64) - 1


def normalise(entries: Mapping[str, Node]) -> dict[str, Node]:
    """Every key in its normal form; `security_opt` is replaced by the keys it stands for.

    A null stays a null (the merge gives it its meaning), with or without a tag.
    """
    keys = {**_security_keys(entries), **entries}
    keys.pop("security_opt", None)
    return {
        key: node if node.value is None or key not in NORMAL_FORMS else NORMAL_FORMS[key](node)
        for key, node in keys.items()
        if not key.startswith("x-")
    }


def _words(node: Node) -> Node:
    if not isinstance(node.value, str):
        return _texts(node)
    try:
        words = shlex.split(node.value)
    except ValueError as error:
        raise node.error(f"cannot be split into words: {str(error).lower()}") from None
    return _texts(node.with_value(tuple(node.with_value(word) for word in words)))


def _texts(node: Node) -> Node:
    """A list of texts; what is a number is taken as it is written."""
    return node.with_value(tuple(_text(item) for item in node.items()))


def _text(node: Node) -> Node:
    return node if isinstance(node.value, str) else node.with_value(node.written)


def _ids(node: Node) -> Node:
    return node.with_value(tuple(_id(item) for item in node.items()))


def _id(node: Node) -> Node:
    """A name, or a number in decimal digits: `0o17` is the id 15, not a user who is called that."""
    return node if isinstance(node.value, str) else node.with_value(str(node.value))


def _assignments(node: Node) -> Node:
    """NAME=VALUE lines as a map of names to text, or to null where there is no value."""
    if isinstance(node.value, dict):
        return node.with_value({name: _assigned(value) for name, value in node.value.items()})
    assigned: dict[str, Node] = {}
    for item in node.items():
        name, separator, value = item.text().partition("=")
        # A name that stands twice keeps its first place and gets the last value, as on docker's command line.
        assigned[name] = item.with_value(value if separator else None)
    return node.with_value(assigned)


def _parameters(node: Node) -> Node:
    """NAME=VALUE lines, each with a value: without one there is nothing to set."""
    for item in node.value if isinstance(node.value, tuple) else ():
        if "=" not in item.text():
            raise item.error(f"sysctls: {printable(item.text())!r} is not NAME=VALUE")
    return _assignments(node)


def _assigned(node: Node) -> Node:
    return node if node.value is None else _text(node)


def _several(expand: Callable[[Node], Node]) -> Callable[[Node], Node]:
    """One entry or a list of entries as a list of `expand`ed ones; a mount point stands in a list only once."""

    def expand_all(node: Node) -> Node:
        given = node.items() if isinstance(node.value, tuple) else (node,)
        expanded = tuple(expand(item) for item in given)
        targets: set[str] = set()
        for entry in expanded:
            target = entry.entries()["target"].text()
            if target in targets:
                raise entry.error(f"the mount point {printable(target)} stands twice in one list")
            targets.add(target)
        return node.with_value(expanded)

    return expand_all


def _ulimits(node: Node) -> Node:
    return node.with_value({name: _ulimit(name, limit) for name, limit in node.entries().items()})


def _ulimit(name: str, node: Node) -> Node:
    if node.value is None:
        return node
    given = node.value if isinstance(node.value, dict) else {"soft": node, "hard": node}
    limits = {key: UNLIMITED if limit.value in ("unlimited", -1) else limit.value for key, limit in given.items()}
    soft, hard = limits["soft"], limits["hard"]
    if isinstance(soft, int) and isinstance(hard, int) and soft > hard:
        raise node.error(f"ulimits.{name}: the soft limit {soft} is above the hard limit {hard}")
    return node.with_value({"soft": node.with_value(soft), "hard": node.with_value(hard)})


def _size(node: Node) -> Node:
    return node.with_value(size_of(node))


def _cpus(node: Node) -> Node:
    try:
        return node.with_value(parse_cpus(node.written))
    except ValueError as error:
        raise node.error(f"cpus: {error}") from None


def _capabilities(node: Node) -> Node:
    """Capability names in capitals with CAP_ in front; `ALL` stays a word of its own."""
    return node.with_value(tuple(item.with_value(_capability(item.text())) for item in node.items()))


def _capability(name: str) -> str:
    upper = name.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


NORMAL_FORMS: Final[dict[str, Callable[[Node], Node]]] = {
    "entrypoint": _words,
    "command": _words,
    "environment": _assignments,
    "user": _id,
    "group_add": _ids,
    "sysctls": _parameters,
    "cap_add": _capabilities,
    "cap_drop": _capabilities,
    "volumes": _several(expand_volume),
    "tmpfs": _several(expand_tmpfs),
    "ulimits": _ulimits,
    "mem_limit": _size,
    "cpus": _cpus,
}


def _security_keys(entries: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that the options of `security_opt` stand for; a later option wins, as on docker's command line."""
    node = entries.get("security_opt")
    if node is None:
        return {}
    if node.value is None:
        raise node.error("security_opt: only the keys it stands for can be unset", hint="for example seccomp: null")
    keys: dict[str, Node] = {}
    for option in node.items():
        key, value = _security_key(option)
        if key:
            keys[key] = value
    return keys


def _security_key(node: Node) -> tuple[str, Node]:
    text = node.text()
    # dockerd splits at the first `=` if there is one, else at the first `:` (the spelling of before 1.11).
    name, separator, value = text.partition("=" if "=" in text else ":")
    match name:
        case "no-new-privileges":
            return "no_new_privileges", node.with_value(_switch(node, separator, value))
        case "writable-cgroups":
            return "writable_cgroups", node.with_value(_switch(node, separator, value))
        case "seccomp" if value:
            return "seccomp", node.with_value("docker" if value == "builtin" else value)
        case "apparmor" if value:
            return "apparmor", node.with_value(value)
        case "systempaths" if value == "unconfined":
            return "system_paths", node.with_value(value)
        case "label" if value:
            # SELinux labels leave no trace in config.json unless the daemon runs on an SELinux host.
            return "", node
        case _:
            known = "no-new-privileges, seccomp=, apparmor=, systempaths=unconfined, writable-cgroups, label="
            raise node.error(f"security_opt: {printable(text)!r} is not an option of Docker's ({known})")


def _switch(node: Node, separator: str, value: str) -> bool:
    if not separator:
        return True
    if value.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise node.error(f"security_opt: {printable(node.text())!r} takes true or false")
    return value.lower() in ("true", "1", "t")
