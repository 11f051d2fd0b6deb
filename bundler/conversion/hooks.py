"""`/hooks` (runtime-spec config.md, POSIX-platform hooks)."""

import re
from typing import Final

from bundler.conversion.bundled_hooks import ENVIRONMENT, FOLDER, CarriedFile, start
from bundler.conversion.networking.connection import Connection, connection
from bundler.conversion.resources import cdi
from bundler.conversion.rule import ABSENT, Inputs, RuleResult
from bundler.conversion.shared_namespaces import shared_namespaces
from bundler.conversion.target import Target
from bundler.errors import printable
from bundler.origins import UNSET, Json, Origin, Sourced
from bundler.overrides.node import Node
from bundler.runtime_spec.parts import HOOK_KINDS

# By the overrides' words (`create_runtime`), in the order that a runtime runs them.
KINDS: Final = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", kind): kind for kind in HOOK_KINDS}
_CREATE_RUNTIME: Final = (1, 0, 2)  # the runtime-spec that brought createRuntime
_MEMBERS: Final = ("path", "args", "env", "timeout")


def hooks(inputs: Inputs) -> RuleResult:
    """Every hook with the members that are given, in the order of the files, then those of CDI devices.

    A network is connected before all others, and taken away after them; namespaces are kept when it is there. Docker
    writes none.
    """
    node = inputs.overrides.get("hooks")
    entries = {} if node is UNSET else node.entries()
    injected, carried = cdi.hooks(inputs), _carried(inputs)
    first = {_created(inputs.target): [each.up for each in carried]}
    last = {"poststop": [each.down for each in reversed(carried)]}
    value: dict[str, Json] = {}
    origins: dict[str, Origin] = {}
    for kind, name in KINDS.items():
        listed = entries[kind].items() if kind in entries else ()
        sourced = [Sourced(_hook(hook), hook.origin) for hook in listed]
        sourced += injected.get(name, ())
        sourced = [*first.get(name, ()), *sourced, *last.get(name, ())]
        if sourced:
            value[name] = [hook.value for hook in sourced]
            origins |= {f"/{name}/{index}": hook.origin for index, hook in enumerate(sourced)}
    return RuleResult(value, origins, _warnings(inputs, value, origins)) if value else ABSENT


def _warnings(inputs: Inputs, value: dict[str, Json], origins: dict[str, Origin]) -> tuple[str, ...]:
    """Hooks that an image could make load its own code on the machine (CVE-2025-23266)."""
    chosen = sorted({name for name in (entry.partition("=")[0] for entry in inputs.image_config.env) if _loads(name)})
    return tuple(
        f"{origins[f'/createContainer/{index}'].where}: hooks: runc starts createContainer hooks with the container's"
        f" environment, where the image sets {', '.join(map(printable, chosen))}; give the hook an env of its own"
        for index, hook in enumerate(value.get("createContainer", ()) if chosen else ())
        if "env" not in hook
    )


def _loads(name: str) -> bool:
    """Whether a variable makes programs load what it names (ld.so(8), and shells)."""
    return name.startswith("LD_") or name in ("BASH_ENV", "ENV", "GCONV_PATH")


def carried_files(inputs: Inputs) -> dict[str, CarriedFile]:
    """What the bundle holds below `hooks/`, by path. Raises RequestError for two different files of one name."""
    found = {path: file for each in _carried(inputs) for path, file in each.files.items()}
    for hook in _embedded(inputs):
        path, file = _carried_path(hook), CarriedFile(hook.entries()["content"].text().encode("latin-1"))
        if found.setdefault(path, file) != file:
            raise hook.error(f"hooks: a different file is {path} of the bundle already", hint="give one another name")
    return found


def _carried(inputs: Inputs) -> list[Connection]:
    """What the bundle brings itself, in the order that it begins."""
    return [each for each in (_connection(inputs), shared_namespaces(inputs)) if each is not None]


def _connection(inputs: Inputs) -> Connection | None:
    """What connects the network. Raises RequestError where `network_mode` names a hook that there is not."""
    mode = inputs.overrides.get("network_mode")
    if mode is not UNSET and mode.text().startswith("hook:"):
        names = [hook.entries()["name"].text() for hook in _listed(inputs) if "name" in hook.entries()]
        if mode.text().removeprefix("hook:") not in names:
            hint = f"hooks has {', '.join(map(printable, names))}" if names else "give a hook of hooks a name"
            raise mode.error(f"network_mode: {printable(mode.text())}: no hook has this name", hint=hint)
    return connection(inputs)


def _created(target: Target) -> str:
    """The hook between the making of the namespaces and the process; prestart for who does not know the other yet."""
    pinned = target.oci_version != "auto" and tuple(map(int, target.oci_version.split("."))) < _CREATE_RUNTIME
    old = target.runtime == "runc" and target.runtime_version and target.runtime_version < (1, 0)
    return "prestart" if pinned or old else "createRuntime"


def _listed(inputs: Inputs) -> list[Node]:
    node = inputs.overrides.get("hooks")
    kinds = () if node is UNSET else node.entries().values()
    return [hook for listed in kinds if listed.value is not None for hook in listed.items()]


def _embedded(inputs: Inputs) -> list[Node]:
    return [hook for hook in _listed(inputs) if is_embedded(hook)]


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
