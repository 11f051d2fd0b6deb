"""Six services as people run them under Docker and move to a machine without it, and questions from the network."""

import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.in_network import in_network

ANSWER_SECONDS = 20


@dataclass(frozen=True)
class Service:
    """`flags` and `command` are words of a `docker run` line around the image; {folder} holds the FILES.

    `question` is what is sent to learn the service's word, and `order` what is sent to give it another one, if it
    keeps any. `answer` is what of an answer is the same each time: the service is there when an answer has it.
    """

    flags: str
    question: bytes
    answer: str
    port: int
    published: int
    command: str = ""
    order: Callable[[str], bytes] | None = None
    volume: str | None = None
    protocol: Literal["tcp", "udp"] = "tcp"
    restarts: bool = True

    @property
    def words(self) -> str:
        """All flags."""
        return f"-p {self.published}:{self.port}/{self.protocol} {self.flags}"

    def learned(self, reply: bytes) -> str | None:
        match = re.search(self.answer, reply.decode("latin-1"), re.DOTALL)
        return None if match is None else match[0]


def postgres(sql: str) -> bytes:
    """The bytes of a whole conversation with PostgreSQL, where it trusts everybody: start, ask, end."""
    start = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
    query = sql.encode() + b"\0"
    messages = ((b"", start), (b"Q", query), (b"X", b""))
    return b"".join(kind + struct.pack("!I", len(content) + 4) + content for kind, content in messages)


GET = b"GET / HTTP/1.0\r\n\r\n"
PAGE = r"(?<=\r\n\r\n).+"

SERVICES: Mapping[str, Service] = {
    "nginx": Service(
        "-v {folder}/html:/var/www/html:ro --memory 256m --restart unless-stopped",
        GET,
        PAGE,
        port=80,
        published=8080,
    ),
    "redis": Service(
        "-v redis-moved:/data --sysctl net.core.somaxconn=1024 --restart always",
        b"AUTH s3cret\r\nGET word\r\nQUIT\r\n",
        r"\$.*\+OK",
        port=6379,
        published=16379,
        command="--appendonly yes --requirepass s3cret --bind 0.0.0.0",
        order=lambda word: f"AUTH s3cret\r\nSET word {word}\r\nQUIT\r\n".encode(),
        volume="redis-moved:/data",
    ),
    "postgres": Service(
        "--init -e POSTGRES_PASSWORD=s3cret -v postgres-moved:/var/lib/postgresql/data --shm-size 128m"
        " -v {folder}/pg_hba.conf:/etc/pg_hba.conf:ro --stop-timeout 30 --restart on-failure",
        postgres("create table if not exists words (word text); select word from words"),
        r"(D\0\0\0.*)?SELECT \d",
        port=5432,
        published=15432,
        command="postgres -c unix_socket_directories=/tmp -c listen_addresses=* -c hba_file=/etc/pg_hba.conf",
        order=lambda word: postgres("delete from words; insert into words values ('WORD')".replace("WORD", word)),
        volume="postgres-moved:/var/lib/postgresql/data",
    ),
    "memcached": Service(
        "--ulimit nofile=2048 --restart on-failure:9",
        b"get word\r\nquit\r\n",
        "(VALUE.*)?END",
        port=11211,
        published=21211,
        order=lambda word: f"set word 0 0 {len(word)}\r\n{word}\r\nquit\r\n".encode(),
    ),
    # As the first process, python ignores SIGTERM: Docker has to kill it.
    "python": Service(
        "-v python-moved:/data -v {folder}/server.py:/srv/server.py:ro --no-healthcheck"
        " --stop-timeout 2 --restart always",
        b"?",
        r".+",
        port=5300,
        published=15300,
        command="python3 /srv/server.py",
        order=lambda word: word.encode(),
        volume="python-moved:/data",
        protocol="udp",
    ),
    "haproxy": Service(
        "-v {folder}/haproxy.cfg:/etc/haproxy/haproxy.cfg:ro --cap-drop ALL --read-only"
        " --sysctl net.ipv4.ip_unprivileged_port_start=0",
        GET,
        PAGE,
        port=80,
        published=8081,
        restarts=False,
    ),
}

FILES = {
    "html/index.html": "<p>a page of the machine</p>\n",
    "pg_hba.conf": "host all all all trust\n",
    "haproxy.cfg": """\
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    bind :80
    http-request return status 200 content-type text/plain string "served by haproxy\\n"
""",
    "server.py": """\
import pathlib, socket
kept = pathlib.Path("/data/word")
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 5300))
while True:
    word, sender = server.recvfrom(512)
    if word != b"?":
        kept.write_bytes(word)
    server.sendto(kept.read_bytes() if kept.exists() else b"none", sender)
""",
}


def write_files(folder: Path) -> None:
    """The machine's files that containers mount."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def ask(network: Path, service: Service, host: str, port: int, question: bytes | None = None) -> bytes:
    """The reply to a client that is in `network`, a namespace of any machine's; empty without one."""

    def asked() -> bytes:
        kind = socket.SOCK_STREAM if service.protocol == "tcp" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.settimeout(ANSWER_SECONDS)
            client.connect((host, port))
            client.sendall(question or service.question)
            return b"".join(iter(lambda: client.recv(4096), b"")) if service.protocol == "tcp" else client.recv(512)

    try:
        return in_network(network, asked)
    except OSError:
        return b""
