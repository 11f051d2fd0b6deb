"""A registry of a few images in memory that counts what it is asked for, keeps what it is sent, and fails as told."""

import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.image_files import Sample, index_of, manifest_of, sha256

CHUNK = b"%x\r\n%b\r\n" % (1 << 20, bytes(1 << 20))
OCTETS = "application/octet-stream"
# What a fault makes of an answer: given the content, it writes whatever it wants.
Fault = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class FaultyRegistry:
    """`documents` are manifests by tag and digest; `blobs` and `faults` go by digest, "token" is the token service, ""
    the first question of all, and "POST" an upload.

    `asked` has the digest of each blob that was asked for, `paths` whatever was, below /v2/. With `wants_token`, what
    is there is told only to who comes with a token.
    """

    host: str = ""
    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    wants_token: bool = False

    def add(self, name: str, *images: Sample, docker: bool = False) -> list[str]:
        """Serve one image, or several as an index, under `name` (repository:tag); the digests of all layers."""
        entries, layers = [], []
        for image in images:
            manifest, stored = manifest_of(image, docker=docker)
            self._document(name, manifest)
            stated = json.loads(image.config)
            entries.append(
                {
                    "mediaType": json.loads(manifest)["mediaType"],
                    "digest": sha256(manifest),
                    "size": len(manifest),
                    "platform": {"os": stated["os"], "architecture": stated["architecture"]},
                }
            )
            for content in (image.config, *stored):
                self.blobs[sha256(content)] = content
            layers += [sha256(content) for content in stored]
        if len(images) > 1:
            self._document(name, index_of(*entries, docker=docker))
        return layers

    def _document(self, name: str, content: bytes) -> None:
        repository, _, tag = name.partition(":")
        for reference in (tag, sha256(content)):
            self.documents[f"{repository}/manifests/{reference}"] = (json.loads(content)["mediaType"], content)

    def name(self, name: str) -> str:
        return f"{self.host}/{name}"


class _Receiving(BaseHTTPRequestHandler):
    """Takes blobs, each in one piece, and manifests."""

    protocol_version = "HTTP/1.1"
    documents: dict[str, tuple[str, bytes]]
    blobs: dict[str, bytes]

    def do_POST(self) -> None:
        self._read()
        answer(self, 202, OCTETS, b"", Location=f"{self.path}1", Range="0-0")

    def do_PATCH(self) -> None:
        content = self._read()
        self.blobs[sha256(content)] = content
        answer(self, 202, OCTETS, b"", Location=self.path, Range="0-0")

    def do_PUT(self) -> None:
        content, path = self._read(), self.path.removeprefix("/v2/")
        if "/manifests/" in path:
            for reference in (path.rpartition("/")[2], sha256(content)):
                self.documents[f"{path.rpartition('/')[0]}/{reference}"] = (self.headers["Content-Type"], content)
        answer(self, 201, OCTETS, b"")

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content


@contextmanager
def faulty_registry() -> Iterator[FaultyRegistry]:
    served = FaultyRegistry()

    class Handler(_Receiving):
        documents, blobs = served.documents, served.blobs
        media_type = OCTETS

        def log_message(self, *_arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            fault = served.faults.get("POST")
            if fault is None:
                super().do_POST()
            else:
                fault(self, b"")

        def do_GET(self) -> None:
            path = self.path.removeprefix("/v2/").partition("?")[0].removeprefix("/")
            served.paths.append(path)
            digest = path.rpartition("/")[2]
            self.media_type, content = served.documents.get(path, (OCTETS, served.blobs.get(digest)))
            if path in ("", "token"):
                self.media_type, content = "application/json", b'{"token": "t"}'
            if served.wants_token and path != "token" and "Authorization" not in self.headers:
                realm = f'Bearer realm="http://{served.host}/token",service="s"'
                return answer(self, 401, "application/json", b"{}", WWW_Authenticate=realm)
            if content is None:
                return answer(self, 404, "application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
            if "/blobs/" in path:
                served.asked.append(digest)
            return served.faults.get(digest, serve)(self, content)

    with Server(("127.0.0.1", 0), Handler) as server:
        served.host = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _client_address: object) -> None:
        """A client that was killed is what some tests are about."""


def answer(handler: BaseHTTPRequestHandler, status: int, media_type: str, content: bytes, **headers: str) -> None:
    handler.send_response(status)
    sent = {"Content-Type": media_type, "Content-Length": str(len(content))} | headers
    for name, value in sent.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


def serve(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """No fault."""
    answer(handler, 200, getattr(handler, "media_type", OCTETS), content)


def times(count: int, fault: Fault) -> Fault:
    """`fault`, so often, and then what is right."""
    left = [fault] * count

    def fail(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        (left.pop() if left else serve)(handler, content)

    return fail


def refuse(status: int) -> Fault:
    """Answer with an error."""
    return lambda handler, _content: answer(handler, status, "text/plain", b"no", Retry_After="0")


def swap(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Other bytes of the same size."""
    answer(handler, 200, "application/octet-stream", bytes(byte ^ 1 for byte in content))


def cut(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Half of what was announced, then the connection ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def hold_back(released: threading.Event) -> Fault:
    """Half of the content now, and the rest when `released` is set."""

    def hold(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        released.wait(60)
        handler.wfile.write(content[len(content) // 2 :])

    return hold


def reset(handler: BaseHTTPRequestHandler, _content: bytes) -> None:
    """The connection is reset, and nothing is said."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def never(released: threading.Event) -> Fault:
    """Not a word, until `released` is set or the client has gone."""

    def wait(handler: BaseHTTPRequestHandler, _content: bytes) -> None:
        while not released.wait(0.05) and not select.select([handler.connection], [], [], 0)[0]:
            pass
        handler.close_connection = True

    return wait


@dataclass
class Endless:
    """A body in chunks, for as long as somebody reads it; `sent` is how many bytes that were."""

    sent: int = 0

    def __call__(self, handler: BaseHTTPRequestHandler, _content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", getattr(handler, "media_type", OCTETS))
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with suppress(OSError):
            while True:
                handler.wfile.write(CHUNK)
                self.sent += len(CHUNK)
        handler.close_connection = True
