"""Compose projects as people have them, by docker-compose itself (`config` prints what it understood) and by bundler.

What docker-compose 1.29 prints of a service is an overrides file too; in normal form the two have to be the same.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bundler.overrides.imports import emit
from bundler.overrides.load import load_one
from bundler.overrides.yaml_document import parse
from tests.support.command import bundler

pytestmark = pytest.mark.tool("docker-compose")

SHOP = {
    "compose.yaml": """
x-service: &service
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: 10m}}
x-env: &env
  TZ: Europe/Berlin
  LOG_LEVEL: "${LOG_LEVEL:-info}"
services:
  web:
    <<: *service
    extends: {file: common/base.yaml, service: hardened}
    image: "shop/web:${TAG}"
    command: ["serve", "--price", "$$5", "--on", "0.0.0.0:${PORT-80}"]
    environment:
      <<: *env
      WORKERS: 4
      RATIO: '1.50'
      NUMBER: 2.50
      DATABASE_URL: postgres://shop:${PASSWORD:?the database has one}@db:5432/shop
      FROM_OUTSIDE:
    env_file: [web.env, ./more.env]
    volumes: ["./site:/srv/site:ro", "cache:/var/cache", {type: tmpfs, target: /scratch, tmpfs: {size: 1048576}}]
    healthcheck: {test: [CMD, wget, -q, "http://localhost/"], interval: 30s, retries: 3}
    mem_limit: ${MEMORY:-256m}
  worker:
    <<: *service
    extends: web
    command: work
    environment: {WORKERS: "8", QUEUES: "${QUEUES-a,b}"}
    volumes: ["./in:/var/in"]
  db:
    <<: *service
    image: postgres:15
    user: "999:999"
    shm_size: 256m
    environment: [POSTGRES_PASSWORD=$PASSWORD, "PGOPTIONS=-c a=$${b}"]
    volumes: ["data:/var/lib/postgresql/data"]
    ulimits: {nofile: {soft: 1024, hard: 4096}, nproc: 64}
    stop_grace_period: 1m30s
volumes: {cache: , data: }
""",
    "common/base.yaml": """
services:
  hardened:
    extends: least
    read_only: true
    tmpfs: /run
    security_opt: ["no-new-privileges:true"]
    environment: [LOG_LEVEL=debug, BASE=1]
  least:
    cap_drop: [ALL]
    init: true
    env_file: base.env
    volumes: ["./shared:/shared", "./old:/srv/site"]
    sysctls: {net.core.somaxconn: 1024}
    dns: 9.9.9.9
    extra_hosts: ["gateway:10.0.0.1"]
""",
    "over.yaml": """
services:
  web:
    image: "shop/web:${TAG}-prod"
    command: ["serve"]
    environment: {WORKERS: 16, TZ: UTC}
    volumes: ["/srv/site:/srv/site:ro"]
    cap_add: [NET_BIND_SERVICE]
    dns: [1.1.1.1]
    ulimits: {core: 0}
""",
    "web.env": 'A=1\nB="quoted text" # why\nTZ=UTC\n',
    "more.env": "# comment\nA=2\nC='$not'\n",
    "common/base.env": "A=0\nZ=base\n",
}
BLOG = {
    "compose.yaml": """
services:
  wordpress:
    image: wordpress
    restart: always
    ports: ["8080:80"]
    environment:
      WORDPRESS_DB_HOST: db
      WORDPRESS_DB_USER: "${DB_USER:-wp}"
      WORDPRESS_DB_PASSWORD: "${DB_PASSWORD-secret}"
      WORDPRESS_CONFIG_EXTRA: |
        define('WP_HOME', 'https://$$host');
        define('DEBUG', ${DEBUG:-false});
    volumes: ["wordpress:/var/www/html"]
    depends_on: [db]
  db:
    image: mariadb:10.6
    command: '--default-authentication-plugin=mysql_native_password --init-connect="SET NAMES utf8"'
    environment: {MYSQL_DATABASE: wp, MYSQL_USER: "${DB_USER:-wp}", MYSQL_RANDOM_ROOT_PASSWORD: '1'}
    volumes: ["db:/var/lib/mysql", ./init.sql:/docker-entrypoint-initdb.d/init.sql:ro]
    cap_add: [SYS_NICE]
    stop_signal: SIGQUIT
volumes: {wordpress: {}, db: {}}
""",
}
GIVEN = {"TAG": "1.2", "PASSWORD": "s3cret", "FROM_OUTSIDE": "here", "PORT": "", "DB_USER": ""}
# Compose's own business, and what it prints in another form.
APART = ("depends_on", "ports", "networks")


def understood_by_compose(folder: Path, files: list[str], service: str) -> dict[str, Any]:
    words = ["docker-compose", "--project-name", "p", *(word for name in files for word in ("-f", name)), "config"]
    environment = {"PATH": os.environ["PATH"]} | GIVEN
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=True, timeout=60)
    # Printed for docker-compose to read again, with each dollar sign doubled.
    printed = parse(done.stdout.replace(b"$$", b"$"), "config").plain()["services"][service]
    return normal(emit({key: value for key, value in printed.items() if key not in APART}))


def normal(text: str) -> dict[str, Any]:
    """What an overrides file says, however it is written: one environment, and nothing that says no more than nothing.

    docker-compose 2 writes out that a folder of the machine may be made, and details that are empty.
    """
    entries = {key: node.plain() for key, node in load_one(text.encode(), "text").items() if key not in APART}
    lines = [line for file in entries.pop("env_file", []) for line in file["variables"]]
    entries["environment"] = dict(line.split("=", 1) for line in lines) | entries.get("environment", {})
    for volume in entries.get("volumes", []):
        if volume.get("read_only") is False:
            del volume["read_only"]
        for kind in ("bind", "volume", "tmpfs"):
            volume.get(kind, {}).pop("create_host_path", None)
            if volume.get(kind) == {}:
                del volume[kind]
    return entries | {"volumes": sorted(entries.get("volumes", []), key=lambda volume: str(volume["target"]))}


@pytest.mark.parametrize(
    ("project", "files", "service"),
    [
        (SHOP, ["compose.yaml"], "web"),
        (SHOP, ["compose.yaml"], "worker"),
        (SHOP, ["compose.yaml"], "db"),
        (SHOP, ["compose.yaml", "over.yaml"], "web"),
        (BLOG, ["compose.yaml"], "wordpress"),
        (BLOG, ["compose.yaml"], "db"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
def test_a_service_is_understood_as_docker_compose_understands_it(
    project: dict[str, str], files: list[str], service: str, tmp_path: Path
) -> None:
    for name, text in project.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    first, *others = files
    given = [f"--env={name}={value}" for name, value in GIVEN.items()]
    over = [f"--file={name}" for name in others]
    ours = bundler("overrides", "from-compose", first, service, *over, *given, cwd=tmp_path)
    assert normal(ours) == understood_by_compose(tmp_path, files, service)
