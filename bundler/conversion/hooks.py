"""`/hooks` (runtime-spec config.md, POSIX-platform hooks)."""

from typing import Final

from bundler.conversion import cdi
from bundler.conversion.givens import Givens
from bundler.conversion.part import ABSENT, Part
from bundler.origins import UNSET, Json, Origin, Sourced
from bundler.overrides.node import Node

# The overrides' words, in the order that the runtime-spec runs them.
_KINDS: Final = {
    "prestart": "prestart",
    "create_runtime": "createRuntime",
    "create_container": "createContainer",
    "start_container": "startContainer",
    "poststart": "poststart",
    "poststop": "poststop",
}
_MEMBERS: Final = ("path", "args", "env", "timeout")


def hooks(givens: Givens) -> Part:
    """Every hook with the members that are given, in the order of the files, then those of CDI devices.

    Docker writes none.
    """
    node = givens.overrides.get("hooks")
    entries = {} if node is UNSET else node.entries()
    injected = cdi.hooks(givens)
    value: dict[str, Json] = {}
    origins: dict[str, Origin] = {}
    warnings: list[str] = []
    for kind, name in _KINDS.items():
        listed = entries[kind].items() if kind in entries else ()
        sourced = [*(Sourced(_hook(hook), hook.origin) for hook in listed), *injected.get(name, ())]
        if sourced:
            value[name] = [hook.value for hook in sourced]
            origins |= {f"/{name}/{index}": hook.origin for index, hook in enumerate(sourced)}
        warnings += [_not_there(hook, kind) for hook in listed if "embed" in hook.entries() and _embeds(hook)]
    return Part(value, origins, tuple(warnings)) if value else ABSENT


def _hook(node: Node) -> dict[str, Json]:
    entries = node.entries()
    return {name: entries[name].plain() for name in _MEMBERS if name in entries and entries[name].plain() != []}


def _embeds(node: Node) -> bool:
    return node.entries()["embed"].value is True


def _not_there(node: Node, kind: str) -> str:
    path = node.entries()["path"].text()
    return f"{node.origin.where}: hooks.{kind}: {path} is not copied: a hook's path is one of the target"
