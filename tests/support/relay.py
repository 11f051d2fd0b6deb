"""A way to a registry that ends early."""

import socket
import threading
from contextlib import suppress


class Relay:
    """A way to a registry that ends after so many bytes, `cuts` times."""

    def __init__(self, host: str, most: int, cuts: int) -> None:
        self._there, self._most, self.cuts = host.rsplit(":", 1), most, cuts
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._relay, args=(self._listening.accept()[0],), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._there[0], int(self._there[1]))) as server:
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            passed = 0
            with suppress(OSError):
                while part := client.recv(1 << 16):
                    passed += len(part)
                    if passed > self._most and self.cuts:
                        self.cuts -= 1
                        return
                    server.sendall(part)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while part := server.recv(1 << 16):
                client.sendall(part)

    def close(self) -> None:
        self._listening.close()
