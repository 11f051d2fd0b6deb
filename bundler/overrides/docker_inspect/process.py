"""What runs, as far as it differs from the image's own, and what else there is to a container's life.

The former are words, variables, user and directory. For the latter config.json has no place: bundler.json keeps it.
"""

import re
import signal
from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.imports import literal
from bundler.overrides.keys.scalars import write_duration

# What podman gives to every container.
_PODMANS: Final = ("container=podman", "TERM=xterm")
_SECRET: Final = re.compile(
    r"passw|passphrase|secret|token|credential|api_?key|(^|[_.-])(pass|pwd|key|auth|dsn|private)([_.-]|$)",
    re.IGNORECASE,
)
_WITH_PASSWORD: Final = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
_SECRET_WORD: Final = re.compile(r"--?([a-z0-9-]*(passw|secret|token|key)[a-z0-9-]*)=.", re.IGNORECASE)
_DEFAULT_UMASK: Final = 0o022


def words(container: Container, draft: Draft) -> None:
    """`entrypoint` and `command`. An entrypoint that is said drops the image's command, as in Docker."""
    entrypoint, command = _entrypoint(container), container.config("Cmd").texts()
    image = container.image
    keeps_entrypoint = image is not None and entrypoint == list(image.entrypoint)
    if image is not None and keeps_entrypoint and (command or not image.cmd):
        if command != list(image.cmd):
            draft.say("command", command, container.config("Cmd"))
    else:
        draft.say("entrypoint", entrypoint, container.config("Entrypoint"))
        if command:
            draft.say("command", command, container.config("Cmd"))
    for word, value in zip(command, container.config("Cmd").items(), strict=True):
        if "command" in draft.keys and _SECRET_WORD.match(word):
            draft.secrets.append(value.where.partition("#")[2])


def _entrypoint(container: Container) -> list[str]:
    """Podman before 5 joins the words with blanks; what it really runs is Path and Args."""
    value = container.config("Entrypoint")
    if isinstance(value.content, str):
        argv = [container.entry.get("Path").text(), *container.entry.get("Args").texts()]
        entrypoint = argv[: max(len(argv) - len(container.config("Cmd").texts()), 0)]
        if entrypoint[1:2] == ["--"] and " ".join(entrypoint) != value.text():
            entrypoint = entrypoint[2:]  # podman's init, and the -- that ends its own options
        return entrypoint if value.text() else []
    words = value.texts()
    return [] if words == [""] else words  # Docker's --entrypoint ""


def environment(container: Container, draft: Draft) -> None:
    """The variables that the image has not, in their order, and the bare names of those that were taken away: Docker
    keeps such a name, of podman's container it only shows that the image has the variable.
    """
    entries = container.config("Env").items()
    listed = [item for item in entries if "=" in item.text()]
    if container.is_podmans:
        own = (*_PODMANS, f"HOSTNAME={container.config('Hostname').text()}")
        listed = [item for item in listed if item.text() not in own]
    image = () if container.image is None else container.image.env
    for item in listed[: _first_of_image(listed, image, ordered=not container.is_podmans)]:
        _add_variable(draft, item, image if container.is_podmans else ())
    for item in entries:
        if item.text() and "=" not in item.text() and item.text() not in image:
            draft.add("environment", literal(item.text()), item)
    names = {item.text().partition("=")[0] for item in entries}
    for name in dict.fromkeys(entry.partition("=")[0] for entry in image if "=" in entry):
        if name and name not in names and not container.is_of_another_image:
            draft.add("environment", name, container.config("Env"))


def _add_variable(draft: Draft, item: Value, known: tuple[str, ...]) -> None:
    variable = item.text()
    if variable in known:
        return
    draft.add("environment", literal(variable), item)
    name, _, value = variable.partition("=")
    if value and ((_SECRET.search(name) and not name.upper().endswith("_FILE")) or _WITH_PASSWORD.search(value)):
        draft.secrets.append(name)


def _first_of_image(listed: list[Value], image: tuple[str, ...], *, ordered: bool) -> int:
    """Where the image's own variables begin: dockerd writes them behind the user's, in the image's order.

    A variable of the user's that the image has as well stands in front, and has to be said: its place is part of
    config.json.
    """
    if not ordered:
        return len(listed)  # podman writes them in any order
    first, left = len(listed), list(image)
    while first and left:
        if left.pop() == listed[first - 1].text():
            first -= 1
    return first


def user(container: Container, draft: Draft) -> None:
    value = container.config("User")
    if value.text() and (container.image is None or value.text() != container.image.user):
        draft.say("user", value.text(), value)


def working_directory(container: Container, draft: Draft) -> None:
    value = container.config("WorkingDir")
    if value.text() and (container.image is None or value.text() != (container.image.working_dir or "/")):
        draft.say("working_dir", value.text(), value)


def terminal(container: Container, draft: Draft) -> None:
    """Its size only matters where there is one."""
    tty, size = container.config("Tty"), container.host("ConsoleSize")
    if not tty.flag():
        return
    draft.say("tty", value=True, where=tty)
    numbers = [item.number() for item in size.items()]
    if any(numbers):
        draft.say("console_size", numbers, size)


def umask(container: Container, draft: Draft) -> None:
    """Podman's; what it sets by itself is what every process starts with."""
    value = container.config("Umask")
    if value.text() and (not re.fullmatch("[0-7]{1,4}", value.text()) or int(value.text(), 8) != _DEFAULT_UMASK):
        draft.say("umask", value.text(), value)


def stop_signal(container: Container, draft: Draft) -> None:
    """By name; podman before 5 writes its number."""
    value = container.config("StopSignal")
    named = value.text() if isinstance(value.content, str | None) else _signal_name(value)
    default = "SIGTERM" if container.image is None else container.image.stop_signal or "SIGTERM"
    if named and named != default:
        draft.say("stop_signal", named, value)


def _signal_name(value: Value) -> str:
    number = value.number()
    names = {each.value: each.name for each in signal.Signals}
    return names.get(number, str(number) if number else "")


_UNITS: Final = ("s", "ms", "us", "ns")  # of times in the file
_DEFAULT_LOGS: Final = ("", "json-file", "k8s-file", "journald")
_PODMANS_GRACE: Final = 10  # seconds
_HEALTH_TIMES: Final = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}
_PODMANS_OWN: Final = (
    "io.podman.",
    "io.kubernetes.cri-o.",
    "io.container.manager",
    "org.opencontainers.image.",
)


def restart(container: Container, draft: Draft) -> None:
    policy = container.host("RestartPolicy")
    name, count = policy.get("Name").text(), policy.get("MaximumRetryCount").number()
    if name not in ("", "no"):
        draft.say("restart", f"{name}:{count}" if name == "on-failure" and count else name, policy)


def grace(container: Container, draft: Draft) -> None:
    value = container.config("StopTimeout")
    if value.content is not None and not (container.is_podmans and value.number() == _PODMANS_GRACE):
        draft.say("stop_grace_period", f"{value.number()}s", value)


def health(container: Container, draft: Draft) -> None:
    value = container.config("Healthcheck")
    test = value.get("Test").texts()
    if not test or _is_images(container, value):
        return
    check: dict[str, Json] = {"test": test}
    for field, key in _HEALTH_TIMES.items():
        if value.get(field).number():
            check[key] = write_duration(value.get(field).number(), _UNITS)
    if value.get("Retries").number():
        check["retries"] = value.get("Retries").number()
    draft.say("healthcheck", check, value)


def _is_images(container: Container, value: Value) -> bool:
    image = None if container.image is None else container.image.healthcheck
    if image is None:
        return False
    times = [value.get(field).number() == getattr(image, key) for field, key in _HEALTH_TIMES.items()]
    return all(times) and value.get("Test").texts() == [*image.test] and value.get("Retries").number() == image.retries


def logs(container: Container, draft: Draft) -> None:
    value = container.host("LogConfig")
    options = {name: each.text() for name, each in value.get("Config").members()}
    if value.get("Type").text() in _DEFAULT_LOGS and not options:
        return
    draft.say("logging", {"driver": value.get("Type").text()} | ({"options": options} if options else {}), value)


def annotations(container: Container, draft: Draft) -> None:
    """What the container has is allowed, also an annotation that a runtime acts on. Podman's own are left out."""
    allowed: dict[str, Json] = {}
    for value in (container.host("Annotations"), container.config("Annotations")):
        for name, each in value.members():
            if not (container.is_podmans and name.startswith(_PODMANS_OWN)):
                allowed[name] = {"value": each.text(), "allow_unsafe": True}
                draft.say("annotations", allowed, value)
