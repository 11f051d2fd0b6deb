"""A real registry on 127.0.0.1, for as long as a context lasts, optionally with a password and TLS."""

import json
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import awaited

USER, PASSWORD = "user", "secret"
# What `htpasswd -nbB user secret` printed once.
HTPASSWD = "user:$2y$05$2bg6AGWEjW/C097cCyyp6OE/2gY7eT6b/RcRU/5K5zjCoEgcM0R72\n"


@dataclass(frozen=True)
class Registry:
    """`certificate` is the one to trust; None for plain HTTP."""

    host: str
    certificate: Path | None

    def push(self, source: str | Path, name: str, *options: str) -> str:
        """Copy an image there with skopeo (`source` with its transport); gives the name to fetch it by."""
        login = ["--dest-creds", f"{USER}:{PASSWORD}"]
        target = f"docker://{self.host}/{name}"
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *login, *options, str(source), target]
        subprocess.run(command, check=True, timeout=120)
        return target

    def authfile(self, path: Path) -> Path:
        """Write what `skopeo login` would."""
        token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        path.write_text(json.dumps({"auths": {self.host: {"auth": token}}}))
        return path


@contextmanager
def registry(directory: Path, *, password: bool = False, tls: bool = False) -> Iterator[Registry]:
    """Serve from `directory`, which must not exist, on a port of its own."""
    directory.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = Registry(f"127.0.0.1:{port}", make_certificate(directory) if tls else None)
    (directory / "htpasswd").write_text(HTPASSWD)
    settings = ["version: 0.1", "log: {level: error}"]
    settings += [f"storage: {{filesystem: {{rootdirectory: {directory}/storage}}, delete: {{enabled: true}}}}"]
    settings += [f"http: {{addr: '{served.host}'{tls_setting(directory) if tls else ''}}}"]
    settings += [f"auth: {{htpasswd: {{realm: test, path: {directory}/htpasswd}}}}"] if password else []
    (directory / "registry.yml").write_text("\n".join(settings) + "\n")
    command = ["docker-registry", "serve", str(directory / "registry.yml")]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            wait_until_it_listens(server, port, directory / "log")
            yield served
        finally:
            server.terminate()


def tls_setting(directory: Path) -> str:
    return f", tls: {{certificate: {directory}/certificate.pem, key: {directory}/key.pem}}"


def make_certificate(directory: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(directory / "key.pem")]
    subprocess.run([*command, "-out", str(directory / "certificate.pem")], check=True, capture_output=True)
    return directory / "certificate.pem"


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    if not awaited(lambda: server.poll() is not None or listens()) or server.poll() is not None:
        raise RuntimeError(f"docker-registry did not start: {log.read_text()}")
