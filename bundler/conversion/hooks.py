"""`/hooks` (runtime-spec config.md, POSIX-platform hooks)."""

from typing import Final

from bundler.conversion import cdi
from bundler.conversion.carried import ENVIRONMENT, FOLDER, CarriedFile, start
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
    for kind, name in _KINDS.items():
        listed = entries[kind].items() if kind in entries else ()
        sourced = [*(Sourced(_hook(hook), hook.origin) for hook in listed), *injected.get(name, ())]
        if sourced:
            value[name] = [hook.value for hook in sourced]
            origins |= {f"/{name}/{index}": hook.origin for index, hook in enumerate(sourced)}
    return Part(value, origins) if value else ABSENT


def carried_files(givens: Givens) -> dict[str, CarriedFile]:
    """What the bundle holds below `hooks/`, by path. Raises RequestError for two different files of one name."""
    found: dict[str, CarriedFile] = {}
    for hook in _embedded(givens):
        path, file = _carried_path(hook), CarriedFile(hook.entries()["content"].text().encode("latin-1"))
        if found.setdefault(path, file) != file:
            raise hook.error(f"hooks: a different file is {path} of the bundle already", hint="give one another name")
    return found


def _embedded(givens: Givens) -> list[Node]:
    node = givens.overrides.get("hooks")
    kinds = () if node is UNSET else node.entries().values()
    return [hook for listed in kinds for hook in listed.items() if is_embedded(hook)]


def is_embedded(hook: Node) -> bool:
    """Whether the hook's file was copied from the build machine."""
    return "content" in hook.entries()


def _carried_path(hook: Node) -> str:
    return f"{FOLDER}/{hook.entries()['path'].text().rpartition('/')[2]}"


def _hook(node: Node) -> dict[str, Json]:
    entries = node.entries()
    given: dict[str, Json] = {
        name: entries[name].plain() for name in _MEMBERS if name in entries and entries[name].plain() != []
    }
    if not is_embedded(node):
        return given
    # What a program is called cannot be chosen by a shell: its name is its path.
    return given | start(_carried_path(node), given["args"][1:], given.get("env", ENVIRONMENT))
