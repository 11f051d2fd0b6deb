"""Docker's defaults, the seccomp profile, JSON Schemas, scripts that bundles carry: read when they are needed."""

import json
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # completion reads a file of data and nothing else, between two keys that are pressed
    from bundler.origins import Json


def read(name: str) -> bytes:
    """The file `name`, which is part of the package. importlib.resources would take longer to load than any of them."""
    content = pkgutil.get_data(__name__, name)
    if content is None:
        raise FileNotFoundError(name)
    return content


def load(name: str) -> "Json":
    """The JSON document `name`, which is part of the package."""
    return json.loads(read(name))
