"""What is said about a container's life outside of config.json, and kept for whoever runs the bundle."""

from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_inspect.coercions import seconds
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value

_DEFAULT_LOGS: Final = ("", "json-file", "k8s-file", "journald")
_PODMANS_GRACE: Final = 10  # seconds
_HEALTH_TIMES: Final = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}
_PODMANS: Final = (
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
            check[key] = seconds(value.get(field).number())
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
    """Whoever had one written allows it, also one that a runtime acts on. Podman's own are about podman."""
    said: dict[str, Json] = {}
    for value in (container.host("Annotations"), container.config("Annotations")):
        for name, each in value.members():
            if not (container.is_podmans and name.startswith(_PODMANS)):
                said[name] = {"value": each.text(), "allow_unsafe": True}
                draft.say("annotations", said, value)
