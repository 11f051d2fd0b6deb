"""Docker's defaults, the seccomp profile and the overrides schema: data, read when it is needed."""

import json
from importlib import resources

from bundler.origins import Json


def read(name: str) -> bytes:
    """The file `name`, which is part of the package."""
    return resources.files(__name__).joinpath(name).read_bytes()


def load(name: str) -> Json:
    """The JSON document `name`, which is part of the package."""
    return json.loads(read(name))
