"""`/process/env` and `/hostname`, which Docker derives from each other."""

import re
from typing import Final

from bundler.conversion.namespaces import mode
from bundler.conversion.resources import cdi
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array, whole
from bundler.errors import printable
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.node import Node

_IMAGE_VALUE: Final = re.compile(r"\$(?P<escaped>\$\{image:)|\$\{image:(?P<name>[^}]*)\}")


def host_name(inputs: Inputs) -> Sourced[str]:
    """The name the container knows itself by.

    Docker takes twelve digits of a random container id. A bundle has to be the same each time, so its digits are those
    of the image id.
    """
    digest = inputs.image_config.digest
    name = Sourced(digest.short, Origin("image", str(digest)))
    for key in ("name", "hostname"):
        node = inputs.overrides.get(key)
        if node is not UNSET:
            name = Sourced(node.text(), beating(node.origin, name.origin))
    return name


def hostname(inputs: Inputs) -> RuleResult:
    """`/hostname` (runtime-spec config.md, hostname): set in a uts namespace of the container's own.

    One that is shared keeps the name it has; dockerd refuses to be told another.
    """
    name, uts = host_name(inputs), mode(inputs, "uts")
    if uts.value == "private":
        return whole(name.value, name.origin)
    if "hostname" in inputs.overrides.entries:
        raise inputs.overrides.entries["hostname"].error(f"hostname: conflicts with uts: {printable(uts.value)}")
    return ABSENT


def env(inputs: Inputs) -> RuleResult:
    """Docker's order: PATH, HOSTNAME, TERM with a terminal, then the user's variables, then the image's.

    A variable that is already there is replaced where it stands. An entry without `=` removes the variable. HOME is
    left to the runtime, which reads it from the rootfs. The user's variables are those of `env_file`, duplicates
    included, as docker leaves them, then those of `environment`. CDI devices have the last word.
    """
    variables: list[Sourced[str]] = [
        Sourced(str(item.value), item.origin) for item in inputs.profile.items("/process/env")
    ]
    name = host_name(inputs)
    variables.append(Sourced(f"HOSTNAME={name.value}", name.origin))
    terminal = inputs.overrides.get("tty")
    if terminal is not UNSET and terminal.value is True:
        variables.append(Sourced("TERM=xterm", terminal.origin))
    laid = _laid_over(variables, [*_from_user(inputs), *_from_image(inputs)])
    return array(_laid_over(laid, cdi.variables(inputs)))


def _from_user(inputs: Inputs) -> list[Sourced[str]]:
    node = inputs.overrides.get("environment")
    named = {} if node is UNSET else node.entries()
    removed = {name for name, value in named.items() if value.value is None}
    variables = [variable for variable in _from_files(inputs) if variable.value.partition("=")[0] not in removed]
    for name, value in named.items():
        entry = name if value.value is None else f"{name}={_expanded(inputs, value)}"
        variables.append(Sourced(entry, value.origin))
    image = {entry.partition("=")[0]: index for index, entry in enumerate(inputs.image_config.env)}
    return [_over_image(inputs, variable, image) for variable in variables]


def _over_image(inputs: Inputs, variable: Sourced[str], image: dict[str, int]) -> Sourced[str]:
    """`variable` and what it beats of the image's variables, of which `image` says where they stand."""
    name = variable.value.partition("=")[0]
    below = inputs.image_origin(f"Env/{image[name]}") if name in image else None
    return Sourced(variable.value, beating(variable.origin, below))


def _from_files(inputs: Inputs) -> list[Sourced[str]]:
    return [
        Sourced(variable.text(), variable.origin)
        for file in inputs.overrides.items("env_file")
        for variable in _variables(file)
    ]


def _variables(file: Node) -> tuple[Node, ...]:
    """What was read from an env file; one that is not required may be missing."""
    variables = file.entries().get("variables")
    return () if variables is None else variables.items()


def _expanded(inputs: Inputs, node: Node) -> str:
    """A value with each `${image:NAME}` replaced by what the image, or else the profile, sets NAME to; `$${image:` is
    `${image:`.
    """
    profile = (str(item.value) for item in inputs.profile.items("/process/env"))
    below = dict(entry.split("=", 1) for entry in (*profile, *inputs.image_config.env) if "=" in entry)

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match["escaped"]
        if name not in below:
            raise node.error(f"environment: the image does not set {printable(name)!r}")
        return below[name]

    return _IMAGE_VALUE.sub(value_of, node.text())


def _from_image(inputs: Inputs) -> list[Sourced[str]]:
    """The image's variables, less those that the user set.

    Of one that the image has twice, dockerd keeps both, unless there are variables of the user's to lay them below:
    then the first counts.
    """
    node = inputs.overrides.get("environment")
    taken = set() if node is UNSET else set(node.entries())
    taken |= {variable.value.partition("=")[0] for variable in _from_files(inputs)}
    each_once, variables = bool(taken), []
    for index, entry in enumerate(inputs.image_config.env):
        name = entry.partition("=")[0]
        if name in taken:
            continue
        variables.append(Sourced(entry, inputs.image_origin(f"Env/{index}")))
        if each_once:
            taken.add(name)
    return variables


def _laid_over(defaults: list[Sourced[str]], variables: list[Sourced[str]]) -> list[Sourced[Json]]:
    """`variables` over `defaults`: in place for a default's name, else at the end, where duplicates are kept."""
    places = {default.value.partition("=")[0]: index for index, default in enumerate(defaults)}
    laid: list[Sourced[str] | None] = list(defaults)
    for variable in variables:
        name, separator, _ = variable.value.partition("=")
        if name in places:
            origin = beating(variable.origin, defaults[places[name]].origin)
            laid[places[name]] = Sourced(variable.value, origin) if separator else None
        elif separator:
            laid.append(variable)
    return [Sourced(variable.value, variable.origin) for variable in laid if variable is not None]
