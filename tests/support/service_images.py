"""Images of ten services: their layers of Debian packages, and how each is run."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from bundler.images.platform import Platform
from tests.support.command import bundler
from tests.support.debian import add_packages, run
from tests.support.made_once import made_once
from tests.support.service_layers import layers_of, split
from tests.support.tarballs import file, tarball

# nginx and redis are in the image `debian` already. A name with a version in it would be of one release alone.
PACKAGES = (
    *("postgresql", "python3-minimal", "libpython3-stdlib", "memcached", "mosquitto", "mosquitto-clients"),
    *("openssh-server", "dnsmasq-base", "rsync", "haproxy"),
)
BEFORE = r"""
    mkdir -p etc/postgresql-common
    echo 'create_main_cluster = false' >etc/postgresql-common/createcluster.conf
"""
# Every container is a copy where dockerd has no overlay2, and so is every bundle: what no service needs, such as a
# compiler or the clocks of all the world, is not in it.
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
    rm -rf share/bash-completion share/lintian share/postgresql-common share/info include bin/apt* bin/redis-benchmark
    rm -f bin/openssl bin/gpgv bin/dpkg* bin/localedef bin/ssh-add bin/ssh-agent bin/ssh-keyscan
    rm -f sbin/tc sbin/e2* sbin/mke2fs sbin/ldconfig lib/openssh/ssh-[ks]*[nr] ../etc/ssh/moduli
    find share/zoneinfo ! -type d ! -path '*/zoneinfo/UTC' ! -path '*/zoneinfo/Europe/Berlin' -delete
    cd ..
    rm -rf var/cache/apt var/cache/debconf var/lib/apt var/lib/dpkg
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

# Those whose containers keep something; of these there is a newer image, `services/NAME:2`, with another RELEASE.
WITH_DATA = ("redis", "postgres", "python")
RELEASE = "etc/release-of-the-image"

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


def install(tree: Path, cache: Path) -> None:
    """Add the packages to a Debian that has nginx and redis, and take away what no service needs."""
    run("sh", "-euc", BEFORE, cwd=tree)
    add_packages(tree, cache, *PACKAGES)
    run("sh", "-euc", AFTER, cwd=tree)
    (tree / RELEASE).write_text("1")
    entry = tree / "usr/local/bin/postgres-entry"
    entry.write_text(POSTGRES_ENTRY)
    entry.chmod(0o755)


def make_archive(debian: Path, cache: Path, archive: Path, scratch: Path) -> None:
    """Write the images `services/NAME:1`, and newer ones of those WITH_DATA, into one archive."""
    bundler("build", f"oci:{debian}:debian", "--output", scratch / "base")
    tree = scratch / "base/rootfs"
    install(tree, cache)
    (scratch / "parts").mkdir()
    layers = {}
    for name, folder in split(tree, scratch / "parts").items():
        layers[name] = scratch / f"{name}.tar"
        words = ("--numeric-owner", "--sort=name", "--file", layers[name], "--directory", folder, ".")
        run("tar", "--create", *words)
        shutil.rmtree(folder)
    layers["newer"] = scratch / "newer.tar"
    layers["newer"].write_bytes(tarball(file(RELEASE, "2")))
    write_images(archive, all_images(layers))
    for layer in layers.values():
        layer.unlink()


def all_images(layers: Mapping[str, Path]) -> dict[str, tuple[Mapping[str, Any], list[Path]]]:
    """By the names of the images, what `write_images` takes."""
    own = {name: [layers[layer] for layer in layers_of(name)] for name in IMAGES}
    first = {f"services/{name}:1": (IMAGES[name], own[name]) for name in IMAGES}
    return first | {f"services/{name}:2": (IMAGES[name], [*own[name], layers["newer"]]) for name in WITH_DATA}


def write_images(archive: Path, images: Mapping[str, tuple[Mapping[str, Any], Sequence[Path]]]) -> None:
    """Write images, by their names the execution part and the layers of each, as `docker save` did before Docker 25."""
    architecture = Platform.of("linux", os.uname().machine).architecture
    used = sorted({layer for _, layers in images.values() for layer in layers})
    digests = {layer: digest_of(layer) for layer in used}
    entries = []
    with tarfile.open(archive, "w") as tar:
        for layer, digest in digests.items():
            tar.add(layer, f"{digest}/layer.tar")
        for name, (execution, layers) in images.items():
            rootfs = {"type": "layers", "diff_ids": [f"sha256:{digests[layer]}" for layer in layers]}
            described = {"architecture": architecture, "os": "linux", "config": execution, "rootfs": rootfs}
            config = json.dumps(described).encode()
            path = f"{hashlib.sha256(config).hexdigest()}.json"
            add(tar, path, config)
            saved = [f"{digests[layer]}/layer.tar" for layer in layers]
            entries.append({"Config": path, "RepoTags": [name], "Layers": saved})
        add(tar, "manifest.json", json.dumps(entries).encode())


def digest_of(layer: Path) -> str:
    with layer.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, BytesIO(content))


def service_archive(debian: Path, cache: Path) -> Path:
    """The archive of all images; made once per cache."""
    return made_once(cache / "services.tar", partial(make_archive, debian, cache))
