"""What processes see from inside their containers: a program, since a thread cannot enter another's mounts.

It reads `{CONTAINER: {"pid": N, "names": [...], "places": ["ADDRESS/PORT", ...]}}` from standard input, forks into the
namespaces of each, all at once, and writes what they see: the addresses of names, and the places that answer.
"""

import ctypes
import json
import os
import selectors
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ENTERED = ("net", "uts", "mnt")
SECONDS = 5  # after which a packet was dropped; the first is sent again after one
ANSWER_SECONDS = 120  # who has taken a call may be busy


def main() -> None:
    os.environ["RESOLV_MULTI"] = "on"  # as images of Debian have it in /etc/host.conf: all addresses of /etc/hosts
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    asked = json.load(sys.stdin)
    pipes = {name: start(**each) for name, each in asked.items()}
    answers = {}
    for name, pipe in pipes.items():
        with os.fdopen(pipe) as stream:
            answers[name] = json.load(stream)
    json.dump(answers, sys.stdout)


def start(pid: int, names: list[str], places: list[str]) -> int:
    """Look from inside the container of `pid`, in a process of its own that writes into the pipe which is returned."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writing, "w") as stream:
            json.dump(look(pid, names, places), stream)
        os._exit(0)
    os.close(writing)
    return reading


def look(pid: int, names: list[str], places: list[str]) -> dict[str, Any]:
    libc = ctypes.CDLL(None, use_errno=True)
    "".encode("idna")  # what getaddrinfo needs of Python is not in the container
    namespaces = {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ENTERED}
    seen: dict[str, Any] = {}
    for kind, descriptor in namespaces.items():
        if libc.setns(descriptor, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {kind}")
        if kind == "net":
            seen = {"interfaces": ip("address"), "routes": ip("route"), "routes6": ip("-6", "route")}
    return {
        **seen,
        "hostname": socket.gethostname(),
        "domainname": Path("/proc/sys/kernel/domainname").read_text().strip(),
        "resolver": Path("/etc/resolv.conf").read_text(),
        "names": {name: addresses(name) for name in names},
        "answers": answering(places),
    }


def ip(*words: str) -> Any:
    return json.loads(subprocess.run(["ip", "-json", *words], stdout=subprocess.PIPE, check=True).stdout or "[]")


def addresses(name: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def answering(places: list[str]) -> dict[str, str]:
    """What web servers say at the places where a connection comes about."""
    selector = selectors.DefaultSelector()
    for place in places:
        address, _, port = place.rpartition("/")
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        connection.setblocking(False)
        if connection.connect_ex((address, int(port))) in (0, 115):  # EINPROGRESS
            selector.register(connection, selectors.EVENT_WRITE, place)
    said = {}
    while selector.get_map() and (ready := selector.select(SECONDS)):
        for key, _ in ready:
            selector.unregister(key.fileobj)
            connection = key.fileobj  # type: ignore[assignment]
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                said[key.data] = page(connection)
            connection.close()
    return said


def page(connection: socket.socket) -> str:
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return ""
    return answer.partition(b"\r\n\r\n")[2].decode().strip()


if __name__ == "__main__":
    main()
