"""Namespaces of a container that others can join: hooks keep them at a path which is known when both are built."""

from collections.abc import Collection
from typing import Final

from bundler.conversion.bundled_hooks import FOLDER, CarriedFile, start
from bundler.conversion.hook_scripts import hook_script
from bundler.conversion.namespaces import KEYS, is_own
from bundler.conversion.networking.connection import Connection
from bundler.conversion.rule import Inputs
from bundler.origins import UNSET, Sourced

PLACES: Final = "/run/bundler/namespaces"
MEMORY: Final = "shm"  # what lies at /dev/shm, which comes with a namespace for IPC
_SCRIPT: Final = f"{FOLDER}/namespaces"


def place(container: str, kind: str) -> str:
    """Where the namespace `kind` of the container of that name is while it runs, or its shared memory."""
    return f"{PLACES}/{container}/{kind}"


def comes_with(path: str, containers: Collection[str]) -> bool:
    """Whether what lies at the path is there from when one of the containers, which are given by name, has started."""
    return path.startswith(tuple(f"{PLACES}/{name}/" for name in containers))


def shared_namespaces(inputs: Inputs) -> Connection | None:
    """The hooks for `shared_namespaces`; None without it. Raises RequestError for one that is not the container's."""
    node = inputs.overrides.get("shared_namespaces")
    if node is UNSET or not node.value:
        return None
    name = inputs.overrides.get("container_name")
    if name is UNSET:
        raise node.error("shared_namespaces: others find them by container_name, which is missing")
    for item in node.items():
        if not is_own(inputs, item.text()):
            hint = f"{KEYS[item.text()]}: private makes it so"
            raise item.error(f"shared_namespaces: {item.text()}: it is not the container's own", hint=hint)
    kinds = list(dict.fromkeys(item.text() for item in node.items()))
    ipc = inputs.overrides.get("ipc")
    if "ipc" in kinds and ipc is not UNSET and ipc.value == "shareable":
        kinds.append(MEMORY)
    return Connection(
        Sourced(start(_SCRIPT, ["up", name.text(), *kinds]), node.origin),
        Sourced(start(_SCRIPT, ["down", name.text()]), node.origin),
        {_SCRIPT: CarriedFile(hook_script("namespaces"))},
    )
