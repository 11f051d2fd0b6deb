"""nginx and Redis as images of a few megabytes: what they are made of, out of the image `debian`, and a shell."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.support.command import bundler
from tests.support.debian import run
from tests.support.made_once import made_once
from tests.support.service_images import IMAGES, write_images

NAMES: Mapping[str, str] = {"nginx:1.27": "nginx", "nginx:1.28": "nginx", "redis:7": "redis", "postgres:16": "redis"}
PROGRAMS = [
    *("usr/sbin/nginx", "usr/bin/redis-server", "usr/bin/redis-cli"),
    *(
        f"usr/bin/{name}"
        for name in ("dash", "sh", "cat", "ls", "id", "stat", "chown", "sleep", "touch", "true", "mkdir")
    ),
]
WHOLE = ["etc/nginx", "etc/redis", "usr/share/nginx", "usr/lib/nginx", "var/lib/nginx", "var/log/nginx", "var/www"]
ALONE = [
    *("bin", "lib", "lib64", "sbin", "var/run", "etc/passwd", "etc/group", "etc/shadow"),
    *("dev", "etc", "home", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var", "var/lib", "var/log"),
]


def small_archive(debian: Path, cache: Path) -> Path:
    """What `docker save` writes of the images NAMES; made once per cache."""
    return made_once(cache / "small-services.tar", partial(_make, debian))


def one_image(images: Path, name: str, archive: Path) -> Path:
    """What `docker save` writes of one of them alone."""
    run("skopeo", "copy", "--quiet", f"docker-archive:{images}:{name}", f"docker-archive:{archive}:{name}")
    return archive


def _make(debian: Path, archive: Path, scratch: Path) -> None:
    tree, layer = scratch / "base/rootfs", scratch / "layer.tar"
    bundler("build", f"oci:{debian}:debian", "--output", scratch / "base")
    run("tar", "--create", "--numeric-owner", "--no-recursion", "--file", layer, "--directory", tree, *chosen(tree))
    images = {name: ({**IMAGES[of], "Labels": {"image": name}}, [layer]) for name, of in NAMES.items()}
    write_images(archive, images)


def chosen(tree: Path) -> list[str]:
    """The programs, what they are linked to, and the folders of the services; each symlink with what it leads to."""
    modules = [name_in(tree, path) for path in tree.glob("usr/lib/nginx/**/*.so")]
    linked = run("chroot", tree, "ldd", *PROGRAMS, *modules)
    libraries = re.findall(r"(?<=\s)/(\S+)(?= \()", linked)
    inside = [name_in(tree, path) for folder in WHOLE for path in [tree / folder, *(tree / folder).rglob("*")]]
    names = {
        *ALONE,
        *PROGRAMS,
        *inside,
        *(name_in(tree, (tree / name).parent.resolve() / Path(name).name) for name in libraries),
    }
    return sorted(names | {target for name in names if (target := led_to(tree, name))})


def led_to(tree: Path, name: str) -> str:
    """What a symlink in the tree leads to; empty if there is none."""
    if not (tree / name).is_symlink():
        return ""
    target = (tree / name).readlink()
    path = tree / str(target).lstrip("/") if target.is_absolute() else (tree / name).parent / target
    return name_in(tree, path.parent.resolve() / path.name)


def name_in(tree: Path, path: Path) -> str:
    return str(path.relative_to(tree))
