"""What is said about a container's life outside of config.json: bundler.json keeps it for whoever runs the bundle."""

from typing import Final

from bundler.conversion.givens import Givens
from bundler.origins import UNSET, Json

_KEYS: Final = ("container_name", "stdin_open", "stop_grace_period", "restart", "healthcheck", "logging")


def lifecycle(givens: Givens) -> dict[str, Json]:
    """The lifecycle keys that are set, in compose's words; the image's stop signal unless another was given.

    dockerd writes none of these to config.json either.
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
    return found
