"""`/process/env` and `/hostname`, which Docker derives from each other."""

from bundler.conversion.givens import Givens
from bundler.conversion.namespaces import mode
from bundler.conversion.part import ABSENT, Part, array, whole
from bundler.errors import printable
from bundler.origins import UNSET, Json, Origin, Sourced, beating


def host_name(givens: Givens) -> Sourced[str]:
    """The name the container knows itself by.

    Docker takes twelve digits of a random container id. A bundle has to be the same each time, so its digits are those
    of the image id.
    """
    for key in ("hostname", "name"):
        node = givens.overrides.get(key)
        if node is not UNSET:
            return Sourced(node.text(), node.origin)
    digest = givens.image_config.digest
    return Sourced(digest.short, Origin("image", str(digest)))


def hostname(givens: Givens) -> Part:
    """`/hostname` (runtime-spec config.md, hostname): set in a uts namespace of the container's own.

    One that is shared keeps the name it has; dockerd refuses to be told another.
    """
    name, uts = host_name(givens), mode(givens, "uts")
    if uts.value == "private":
        return whole(name.value, name.origin)
    if "hostname" in givens.overrides.entries:
        raise givens.overrides.entries["hostname"].error(f"hostname: conflicts with uts: {printable(uts.value)}")
    return ABSENT


def env(givens: Givens) -> Part:
    """Docker's order: PATH, HOSTNAME, TERM with a terminal, then the user's variables, then the image's.

    A variable that is already there is replaced where it stands. An entry without `=` removes the variable. HOME is
    left to the runtime, which reads it from the rootfs.
    """
    variables: list[Sourced[str]] = [
        Sourced(str(item.value), item.origin) for item in givens.profile.items("/process/env")
    ]
    name = host_name(givens)
    variables.append(Sourced(f"HOSTNAME={name.value}", name.origin))
    terminal = givens.overrides.get("tty")
    if terminal is not UNSET and terminal.value is True:
        variables.append(Sourced("TERM=xterm", terminal.origin))
    return array(_laid_over(variables, [*_from_user(givens), *_from_image(givens)]))


def _from_user(givens: Givens) -> list[Sourced[str]]:
    node = givens.overrides.get("environment")
    if node is UNSET:
        return []
    return [
        Sourced(name if value.value is None else f"{name}={value.text()}", value.origin)
        for name, value in node.entries().items()
    ]


def _from_image(givens: Givens) -> list[Sourced[str]]:
    node = givens.overrides.get("environment")
    overridden = {} if node is UNSET else node.entries()
    return [
        Sourced(entry, givens.image_origin(f"Env/{index}"))
        for index, entry in enumerate(givens.image_config.env)
        if entry.partition("=")[0] not in overridden
    ]


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
