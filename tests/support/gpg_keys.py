"""Keys of GPG, each in a home of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GpgKey:
    """A key that signs as `name`, and that knows no other time than `time` if there is one."""

    name: str
    home: Path
    time: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"GNUPGHOME": str(self.home)}

    def run(self, *words: str | Path) -> bytes:
        time = () if self.time is None else ("--faked-system-time", self.time)
        command = ["gpg", "--batch", "--quiet", "--yes", *time, *words]
        return subprocess.run(command, check=True, env=self.environment, capture_output=True, timeout=60).stdout

    def exported(self, *words: str) -> bytes:
        """The public key; with `--armor`, as text."""
        return self.run(*words, "--export", self.name)


@contextmanager
def gpg_key(
    home: Path, name: str, kind: str = "ed25519", lasting: str = "0", time: str | None = None
) -> Iterator[GpgKey]:
    home.mkdir(mode=0o700)
    key = GpgKey(name, home, time)
    try:
        key.run("--passphrase", "", "--quick-generate-key", name, kind, "sign", lasting)
        yield key
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env=key.environment)
