"""Who is measured by scripts/bench: a table of names and commands, bundler's own and those of others."""

import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.bench_images import HELLO, Image
from tests.support.debian import run

Command = list[str | Path]


class Contender(NamedTuple):
    """`command` is what unpacks an image into a folder, which is made anew each time; `daemon` says that it only asks
    a daemon to.
    """

    name: str
    command: Callable[[Image, Path], Command]
    peer: str = ""
    daemon: bool = False


def bundler(*arguments: str) -> Command:
    return [sys.executable, "-m", "bundler", *arguments]


def shell(commands: list[Command]) -> Command:
    """One command of several, each after the one before it."""
    return ["sh", "-c", " && ".join(shlex.join(map(str, command)) for command in commands)]


def podman_load(image: Image, to: Path) -> Command:
    return ["podman", "--root", to / "root", "--runroot", to / "run", "load", "--quiet", "--input", image.archive]


CONTENDERS = [
    Contender("bundler, gzip", lambda image, to: bundler("build", f"oci:{image.layout('gzip')}", "-o", f"{to}/b")),
    Contender("bundler, zstd", lambda image, to: bundler("build", f"oci:{image.layout('zstd')}", "-o", f"{to}/b")),
    Contender("bundler, docker-archive", lambda image, to: bundler("build", str(image.archive), "-o", f"{to}/b")),
    Contender(
        "bundler, gzip, rootfs.erofs",
        lambda image, to: bundler("build", f"oci:{image.layout('gzip')}", "--rootfs", "erofs", "-o", f"{to}/b"),
    ),
    Contender(
        "bundler, docker-archive, rootfs.erofs",
        lambda image, to: bundler("build", str(image.archive), "--rootfs", "erofs", "-o", f"{to}/b"),
    ),
    Contender("tar -x", lambda image, to: ["tar", "-x", "--numeric-owner", "-f", image.flat, "-C", to], "tar"),
    Contender("podman load, docker-archive", podman_load, "podman"),
]
# What is done to a bundle that was built once. The level is zstd's own usual one, and bundler's.
BUNDLED = [
    Contender("pack, zstd", lambda image, to: bundler("pack", str(image.bundle), "-o", f"{to}/packed.tar.zst")),
    Contender(
        "tar, zstd -T0",
        lambda image, to: ["sh", "-c", f"tar -c -C '{image.bundle}' . | zstd -q -T0 -3 -o '{to}/packed.tar.zst'"],
        "tar",
    ),
    Contender("verify", lambda image, _to: bundler("verify", str(image.bundle))),
    Contender(
        "mtree, one core",
        lambda image, _to: [
            *("taskset", "--cpu-list", "0"),
            *("mtree", "-f", image.bundle / "rootfs.mtree", "-p", image.bundle / "rootfs"),
        ],
        "tar",
    ),
]
# What starts a container, until it has written its line and ended.
RUNNING = [
    Contender("runc run, a directory", lambda image, _to: ["runc", "run", "--bundle", image.bundle, "bench"]),
    Contender(
        "bundler unpack and run, rootfs.erofs",
        lambda image, to: shell([bundler("unpack", str(image.packed), "-o", f"{to}/b"), bundler("run", f"{to}/b")]),
    ),
    Contender(
        "bundler unpack, runc run, a directory",
        lambda image, to: shell(
            [
                bundler("unpack", str(image.packed_directory), "-o", f"{to}/b"),
                ["runc", "run", "--bundle", f"{to}/b", "bench"],
            ]
        ),
    ),
]
RUN = "many"  # the image that has something to run
# Which of bundler's a contender is compared with: the first whose word is in its name.
COMPARED = {
    "zstd -T0": "pack, zstd",
    "mtree": "verify",
    "gzip": "bundler, gzip",
    "--version": "bundler --version",
    " run, ": "runc run, a directory",
}
IMAGE_OF = {"gzip": "bundler, gzip, rootfs.erofs", "": "bundler, docker-archive, rootfs.erofs"}
STARTING = [
    Contender("bundler --version", lambda _image, _to: bundler("--version")),
    Contender("bundler --help", lambda _image, _to: bundler("--help")),
    Contender("bundler config", lambda _image, _to: bundler("config", str(HELLO))),
    Contender("skopeo --version", lambda _image, _to: ["skopeo", "--version"]),
]


def name_of(umoci: str) -> str:
    """There may be several of them: the version tells which."""
    return "umoci " + re.split(r"\s|\+", run(umoci, "--version"))[2]


def unpacking(umoci: str) -> list[Contender]:
    def unpack(*words: str) -> Callable[[Image, Path], Command]:
        return lambda image, to: [umoci, *words, "--image", f"{image.layout('gzip')}:latest", to / "b"]

    return [
        Contender(f"{name_of(umoci)} unpack, gzip", unpack("unpack")),
        Contender(f"{name_of(umoci)} raw unpack, gzip", unpack("raw", "unpack")),
    ]


def making_erofs(system: Path) -> Contender:
    """By the program of another Debian, with its libraries."""
    libraries = ":".join(str(system / folder) for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))
    loaded: Command = [system / "lib64/ld-linux-x86-64.so.2", "--library-path", libraries]
    program: Command = [*loaded, system / "usr/bin/mkfs.erofs"]
    version = run(*map(str, program), "--version").splitlines()[0].split()[-1]
    return Contender(
        f"mkfs.erofs {version} --tar=f", lambda image, to: [*program, "--quiet", "--tar=f", to / "i.erofs", image.flat]
    )


def starting(umoci: str) -> Contender:
    return Contender(f"{name_of(umoci)} --version", lambda _image, _to: [umoci, "--version"])


def pack_images(image: Image) -> None:
    """The bundle as a file, and the same with a root filesystem that is an image."""
    if not image.packed_directory.exists():
        run(*bundler("pack", str(image.bundle), "-q", "-o", str(image.packed_directory)))
    if not image.packed.exists():
        with tempfile.TemporaryDirectory(dir=image.folder) as scratch:
            run(*bundler("build", str(image.archive), "-q", "--rootfs", "erofs", "-o", f"{scratch}/b"))
            run(*bundler("pack", f"{scratch}/b", "-q", "-o", str(image.packed)))
