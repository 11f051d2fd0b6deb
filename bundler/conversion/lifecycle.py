"""What is said about a container's life outside of config.json: bundler.json keeps it for whoever runs the bundle."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.images.healthcheck import Healthcheck
from bundler.origins import UNSET, Json
from bundler.overrides.keys.quantities import write_duration

_KEYS: Final = ("container_name", "stdin_open", "stop_grace_period", "restart", "logging")
_TIMES: Final = ("interval", "timeout", "start_period", "start_interval")


def lifecycle(givens: Givens) -> dict[str, Json]:
    """The lifecycle keys that are set, in compose's words; the image's stop signal unless another was given.

    A health check is the image's with what the overrides say laid over it, as Docker does; `shell` is what runs its
    CMD-SHELL where the image says which. dockerd writes none of these to config.json either.
    """
    found: dict[str, Json] = {}
    signal = givens.overrides.get("stop_signal")
    if signal is not UNSET:
        found["stop_signal"] = str(signal.value)
    elif givens.image_config.stop_signal:
        found["stop_signal"] = givens.image_config.stop_signal
    for key in _KEYS:
        node = givens.overrides.get(key)
        if node is not UNSET:
            found[key] = node.plain()
    return found | _healthcheck(givens)


def _healthcheck(givens: Givens) -> dict[str, Json]:
    image, node = givens.image_config.healthcheck, givens.overrides.get("healthcheck")
    if image is None and node is UNSET:
        return {}
    merged = {} if image is None else _in_compose_words(image)
    if node is not UNSET:
        merged |= {key: value for key, value in node.plain().items() if value is not None}
    return {"healthcheck": merged | ({"shell": list(image.shell)} if image is not None and image.shell else {})}


def _in_compose_words(image: Healthcheck) -> dict[str, Json]:
    times = {key: write_duration(getattr(image, key)) for key in _TIMES if getattr(image, key)}
    test = {"test": list(image.test)} if image.test else {}
    return test | times | ({"retries": image.retries} if image.retries else {})
