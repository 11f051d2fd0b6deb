"""A shop of three services, a database with a health check, an application that needs it, and a proxy."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.command import bundler

# It cannot start without its database, as many an application: each visit is a row, and the answer is their number.
APPLICATION = r"""
import http.server, subprocess

def ask(sql):
    words = ["/usr/lib/postgresql/current/bin/psql", "-h", "db", "-U", "postgres", "-qAt", "-c", sql]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, env={"PGCONNECT_TIMEOUT": "60"}).stdout

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        count = ask("insert into visits values (1); select count(*) from visits")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(count)

ask("set client_min_messages = error; create table if not exists visits (n int)")
print("open", flush=True)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
PROXY = """\
defaults
    mode http
    timeout client 5m
    timeout connect 5s
    timeout server 5m
frontend web
    bind :8080
    default_backend app
backend app
    retries 0
    server app app:8000
"""
CONFIGS = {"app.py": APPLICATION, "haproxy.cfg": PROXY, "pg_hba.conf": "local all all trust\nhost all all all trust\n"}
# What takes long to come up is what others have to wait for.
SETTINGS = "-c unix_socket_directories=/tmp -c listen_addresses=* -c hba_file=/hba"
SLOW = f"trap 'exit 1' TERM; sleep {{}} & wait $$!; exec /usr/local/bin/postgres-entry postgres {SETTINGS}"
HEALTHY = {"db": {"condition": "service_healthy"}}
PORT = 8080


def compose(images: Path, name: str, seconds: int, app: Mapping[str, Any]) -> dict[str, Any]:
    """A compose file; `seconds` pass before the database comes up, `app` is what is said of the application besides."""
    db: dict[str, Any] = {
        "image": "postgres",
        "entrypoint": ["/bin/sh", "-c", SLOW.format(seconds)],
        "environment": {"POSTGRES_PASSWORD": "s3cret"},
        "volumes": ["rows:/var/lib/postgresql/data"],
        "configs": [{"source": "pg_hba.conf", "target": "/hba"}],
        "healthcheck": {"test": ["CMD", "pg_isready", "-h", "127.0.0.1"], "interval": "300ms", "retries": 200},
        "restart": "always",
        "networks": ["back"],
    }
    application = {
        "image": "postgres",  # which has psql, and Python
        "entrypoint": ["python3", "/srv/app.py"],
        "configs": [{"source": "app.py", "target": "/srv/app.py"}],
        "stop_signal": "SIGKILL",
        "healthcheck": {"disable": True},
        "networks": ["back", "front"],
        **app,
    }
    proxy = {
        "image": "haproxy",
        "configs": [{"source": "haproxy.cfg", "target": "/etc/haproxy/haproxy.cfg"}],
        "read_only": True,
        "cap_drop": ["ALL"],
        "ports": [f"{PORT}:8080"],
        "depends_on": ["app"],
        "restart": "always",
        "networks": ["front"],
    }
    services = {"proxy": proxy, "app": application, "db": db}
    for service in services.values():
        service["image"] = f"docker-archive:{images}:services/{service['image']}:1"
    return {
        "name": name,
        "services": services,
        "volumes": {"rows": None},
        "networks": {"front": None, "back": {"internal": True}},
        "configs": {name: {"content": content} for name, content in CONFIGS.items()},
    }


def make(folder: Path, images: Path, name: str, *options: str, seconds: int, **app: Any) -> None:
    """The project in `folder`, which is on a machine that boots."""
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(compose(images, name, seconds, app)))
    bundler("project", file, "-q", "--output", folder / name, *options)
