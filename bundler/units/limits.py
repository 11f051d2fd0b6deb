"""The limits (setrlimit(2)) that a service hands on to its container: those of Docker's own service."""

from typing import Final

from bundler.origins import Json
from bundler.units.text import Rows

# What docker.service says, and so what its containers inherit; systemd's own defaults are lower.
_DOCKER: Final = (
    ("LimitNOFILE", "RLIMIT_NOFILE", "1048576"),
    ("LimitNPROC", "RLIMIT_NPROC", "infinity"),
    ("LimitCORE", "RLIMIT_CORE", "infinity"),
)


def limit_rows(document: dict[str, Json]) -> Rows:
    """Rows of [Service] for what config.json leaves open (`ulimits`): the rest is for the runtime to set.

    The manager of an ordinary user takes the most that it may give where that is less.
    """
    stated = {limit["type"] for limit in document.get("process", {}).get("rlimits") or []}
    return [(key, value) for key, name, value in _DOCKER if name not in stated]
