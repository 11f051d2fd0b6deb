"""A registry in the place of Docker's, on a machine of the tests: what `nginx:1.27` names there comes from it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.support.registry import registry
from tests.support.runtime import Ended
from tests.support.small_services import NAMES
from tests.support.waiting import wait_until

PORT = 5000
MIRROR = f"""\
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:{PORT}"
insecure = true
"""
SERVE = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {storage}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Inside(Protocol):
    """A machine of the tests: it runs a command, and `pid` is a process that has its network."""

    @property
    def pid(self) -> int: ...

    def __call__(self, *command: str | Path) -> Ended: ...


def storage_of(images: Path, directory: Path) -> Path:
    """What a registry with the images of an archive keeps on disk."""
    with registry(directory) as served:
        for name in NAMES:
            served.push(f"docker-archive:{images}:{name}", f"library/{name}")
    return directory / "storage"


@contextmanager
def serving(storage: Path, inside: Inside, directory: Path) -> Iterator[None]:
    """A registry on the machine."""
    settings = directory / "registry.yml"
    settings.write_text(SERVE.format(storage=storage, port=PORT))
    command: list[str | Path] = ["nsenter", "--target", str(inside.pid), "--net", "docker-registry", "serve", settings]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            connect = ("bash", "-c", f"</dev/tcp/127.0.0.1/{PORT}")
            wait_until(lambda: inside(*connect).exit_code == 0, "docker-registry does not start", pause=0.1)
            yield
        finally:
            server.terminate()
