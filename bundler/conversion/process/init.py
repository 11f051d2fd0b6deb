"""`init`: a first process that reaps others and forwards signals, as docker's --init puts in front of the command."""

from typing import Final

from bundler.conversion.namespaces import is_own
from bundler.conversion.rule import Inputs
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, Sourced
from bundler.overrides.keys.process import DOCKERS_INIT

_PLACE: Final = "/sbin/docker-init"
EMBEDDED: Final = "etc/docker-init"  # where the bundle keeps one that is copied into it


@dataclass(frozen=True, slots=True)
class Init:
    """Where the init comes from: `source` is a path on the target, or below the bundle when it is `embedded`.

    `embedded` is the file of the build machine to copy there, and `architecture` the processor that it is for.
    """

    source: str
    origin: Origin
    embedded: str | None = None
    architecture: str | None = None


def chosen_init(inputs: Inputs) -> Init | None:
    """The init to use. Without a PID namespace of its own a container has none: dockerd drops it silently."""
    node = inputs.overrides.get("init")
    if node is UNSET or not isinstance(node.value, dict) or not is_own(inputs, "pid"):
        return None
    path = node.entries()["path"].text()
    if node.entries()["embed"].value is True:
        return Init(EMBEDDED, node.origin, path, node.entries()["architecture"].text())
    return Init(path, node.origin)


def init_words(inputs: Inputs) -> list[Sourced[Json]]:
    """What stands in front of the command."""
    init = chosen_init(inputs)
    return [] if init is None else [Sourced(word, init.origin) for word in (_PLACE, "--")]


def init_warnings(inputs: Inputs) -> tuple[str, ...]:
    """That the init comes with Docker, which not every machine has, or that it is for another processor."""
    init = chosen_init(inputs)
    if init is None:
        return ()
    if init.source == DOCKERS_INIT:
        needs = f"the machine that runs the bundle needs {DOCKERS_INIT}, which comes with Docker"
        remedy = "init: {path: /usr/bin/tini-static, embed: true}"
        return (f"init: {needs}; {remedy} in an overrides file copies that of Debian's package tini into the bundle",)
    if init.architecture not in {None, inputs.architecture}:
        shown = printable(init.embedded or "")
        return (f"init: {shown} is for {init.architecture}, the image for {inputs.architecture}",)
    return ()


def init_mounts(inputs: Inputs) -> list[Sourced[Json]]:
    """The mount of the init, which Docker puts between the default mounts and the user's."""
    init = chosen_init(inputs)
    if init is None:
        return []
    mount = {"destination": _PLACE, "type": "bind", "source": init.source, "options": ["bind", "ro"]}
    return [Sourced(mount, init.origin)]
