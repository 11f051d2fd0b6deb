"""Images of ten services: one layer of Debian packages that they share, and what each says of itself."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from bundler.images.platform import Platform
from tests.support.command import bundler
from tests.support.debian import add_packages, run
from tests.support.made_once import made_once

# nginx and redis are in the image `debian` already. A name with a version in it would be of one release alone.
PACKAGES = (
    *("postgresql", "python3-minimal", "libpython3-stdlib", "memcached", "mosquitto", "mosquitto-clients"),
    *("openssh-server", "dnsmasq-base", "rsync", "haproxy"),
)
BEFORE = r"""
    mkdir -p etc/postgresql-common
    echo 'create_main_cluster = false' >etc/postgresql-common/createcluster.conf
"""
# Every container is a copy where dockerd has no overlay2: what no service needs, such as a compiler, is not in it.
AFTER = r"""
    chroot . useradd --create-home --shell /bin/sh --password '*' app
    chroot . ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/key
    chroot . install -d -o redis -g redis -m 0750 /data
    chroot . install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
    echo 'kept in the image' >data/note
    cd usr/lib/*-linux-gnu
    rm -rf perl perl-base gconv libLLVM* libz3* libperl* libapt*
    rm -rf ../apt ../postgresql/*/lib/bitcode ../postgresql/*/lib/llvmjit*
    ln -s "$(ls ../postgresql)" ../postgresql/current
    cd ../..
    rm -rf share/doc share/man share/locale share/i18n share/perl share/perl5 bin/perl*
    cd ..
    rm -rf var/cache/apt var/lib/apt var/lib/dpkg
"""
POSTGRES_ENTRY = """\
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username=postgres --pwfile=/tmp/password --auth-host=scram-sha-256 --no-sync >/dev/null
fi
exec "$@"
"""
POSTGRES_PATH = "PATH=/usr/lib/postgresql/current/bin:/usr/bin:/bin"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
S = 10**9

# The execution part of each image config; `command` and the like of a container are laid over it.
IMAGES: Mapping[str, Mapping[str, Any]] = {
    "nginx": {
        "Env": [PATH, "NGINX_VERSION=debian"],
        "Entrypoint": ["nginx"],
        "Cmd": ["-g", "daemon off;"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
        "Labels": {"maintainer": "Web <web@example.org>"},
    },
    "redis": {
        "User": "redis",
        "Env": [PATH],
        "Entrypoint": ["redis-server"],
        "Cmd": ["--port", "6379"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/data",
    },
    "postgres": {
        "User": "postgres",
        "Env": [POSTGRES_PATH, "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8"],
        "Entrypoint": ["/usr/local/bin/postgres-entry"],
        "Cmd": ["postgres", "-c", "unix_socket_directories=/tmp"],
        "Volumes": {"/var/lib/postgresql/data": {}},
        "StopSignal": "SIGINT",
    },
    "python": {
        "Env": [PATH, "PYTHONUNBUFFERED=1", "MODE=production"],
        "Cmd": ["python3", "-m", "http.server", "8000"],
        "Healthcheck": {"Test": ["CMD", "python3", "-c", "pass"], "Interval": 3600 * S, "Retries": 3},
    },
    "memcached": {"User": "memcache", "Env": [PATH], "Entrypoint": ["memcached"], "Cmd": ["-m", "64"]},
    "mosquitto": {
        "Env": [PATH],
        "Entrypoint": ["mosquitto"],
        "Cmd": ["-c", "/etc/mosquitto/mosquitto.conf"],
        "Volumes": {"/var/lib/mosquitto": {}, "/var/log/mosquitto": {}},
    },
    "sshd": {"Env": [PATH], "Cmd": ["/usr/sbin/sshd", "-D", "-e"], "ExposedPorts": {"22/tcp": {}}},
    "dnsmasq": {"Env": [PATH], "Entrypoint": ["dnsmasq", "--keep-in-foreground", "--log-facility=-"]},
    "rsync": {"Env": [PATH], "Cmd": ["rsync", "--daemon", "--no-detach", "--config", "/etc/rsyncd.conf"]},
    "haproxy": {
        "User": "haproxy",
        "Env": [PATH],
        "Entrypoint": ["haproxy"],
        "Cmd": ["-db", "-f", "/etc/haproxy/haproxy.cfg"],
        "WorkingDir": "/var/lib/haproxy",
        "StopSignal": "SIGUSR1",
    },
}


def install(tree: Path) -> None:
    """Add the packages to a Debian that has nginx and redis, and take away what no service needs."""
    run("sh", "-euc", BEFORE, cwd=tree)
    add_packages(tree, *PACKAGES)
    run("sh", "-euc", AFTER, cwd=tree)
    entry = tree / "usr/local/bin/postgres-entry"
    entry.write_text(POSTGRES_ENTRY)
    entry.chmod(0o755)


def make_archive(debian: Path, archive: Path, scratch: Path) -> None:
    """Write the images `services/NAME:1` into one archive."""
    bundler("build", f"oci:{debian}:debian", "--output", scratch / "base")
    tree, layer = scratch / "base/rootfs", scratch / "layer.tar"
    install(tree)
    run("tar", "--create", "--numeric-owner", "--sort=name", "--file", layer, "--directory", tree, ".")
    write_images(archive, layer, {f"services/{name}:1": execution for name, execution in IMAGES.items()})
    shutil.rmtree(scratch / "base")
    layer.unlink()


def write_images(archive: Path, layer: Path, images: Mapping[str, Mapping[str, Any]]) -> None:
    """Write images of one layer, by their names the execution part of each, as `docker save` did before Docker 25."""
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    architecture = Platform.of("linux", os.uname().machine).architecture
    entries = []
    with tarfile.open(archive, "w") as tar:
        tar.add(layer, f"{digest}/layer.tar")
        for name, execution in images.items():
            rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
            described = {"architecture": architecture, "os": "linux", "config": execution, "rootfs": rootfs}
            config = json.dumps(described).encode()
            path = f"{hashlib.sha256(config).hexdigest()}.json"
            add(tar, path, config)
            entries.append({"Config": path, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]})
        add(tar, "manifest.json", json.dumps(entries).encode())


def add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, BytesIO(content))


def service_archive(debian: Path, cache: Path) -> Path:
    """The archive of all images; made once per cache."""
    return made_once(cache / "services.tar", partial(make_archive, debian))
