"""The images that scripts/bench measures with, made once of Debian packages and kept."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.debian import Mirror, forget_downloads, run

PROJECT = Path(__file__).resolve().parents[2]
HELLO = PROJECT / "testdata/hello-amd64.tar"
# Images by name: the Debian packages in them, on top of the smallest Debian there is; or how else to make their files.
PACKAGES = {
    "base": "",
    "files": "python3,perl,git,libboost1.74-dev,linux-headers-amd64,python3-django,nodejs",
    "toolchain": "build-essential,clang,gfortran,golang-go,libboost1.74-dev,python3-dev,llvm-14-dev,cmake,git,perl-doc",
}


class Image(NamedTuple):
    """One image in the forms that the contenders read; the archive `flat` is its only layer."""

    name: str
    folder: Path

    @property
    def flat(self) -> Path:
        return self.folder / "flat.tar"

    @property
    def archive(self) -> Path:
        return self.folder / "docker.tar"

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def packed(self) -> Path:
        """A bundle whose root filesystem is an image, in one file."""
        return self.folder / "packed.tar"

    @property
    def packed_directory(self) -> Path:
        """The same with a directory."""
        return self.folder / "packed-directory.tar"

    def layout(self, compression: str) -> Path:
        return self.folder / compression


def bootstrap(tree: Path, packages: str) -> None:
    mirror = Mirror.of_this_machine()
    include = [f"--include={packages}"] if packages else []
    command = ["debootstrap", "--variant=minbase", *include, mirror.codename, str(tree), mirror.url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    forget_downloads(tree)


def make_tiny(tree: Path, cache: Path) -> None:
    """Some 2 MB: a shell and what it is used with."""
    for name in ("bash", "sed", "grep", "tar"):
        (tree / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(prepare("base", cache).folder / "tree/bin" / name, tree / "bin" / name)


def make_many(tree: Path, _cache: Path) -> None:
    """100,000 files of 100 bytes to 4 kB, and a program that says hello."""
    make_files(tree, 100_000, 4000)
    with tarfile.open(HELLO) as archive, tempfile.TemporaryDirectory() as scratch:
        layer = next(member for member in archive.getmembers() if member.name.endswith("layer.tar"))
        archive.extract(layer, scratch, filter="data")
        run("tar", "--extract", "--file", Path(scratch) / layer.name, "--directory", tree)


def make_million(tree: Path, _cache: Path) -> None:
    """A million files of 100 to 200 bytes."""
    make_files(tree, 1_000_000, 100)


def make_files(tree: Path, count: int, most: int) -> None:
    text = (PROJECT / "LICENSE").read_bytes()
    for number in range(count):
        path = tree / f"{number // 1000:03d}" / f"{number % 1000:03d}.txt"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        start = number * 37 % (len(text) - most - 100)
        path.write_bytes(text[start : start + 100 + number * 97 % most])


def make_large(tree: Path, cache: Path) -> None:
    """One file of 3 GB."""
    tree.mkdir()
    flat = prepare("files", cache).flat
    with (tree / "large").open("wb") as file:
        while (missing := 3_000_000_000 - file.tell()) > 0:
            with flat.open("rb") as source:
                file.write(source.read(missing))


def make_huge(tree: Path, cache: Path) -> None:
    """Three large files."""
    tree.mkdir()
    for name in ("base", "files", "toolchain"):
        shutil.copy(prepare(name, cache).flat, tree / name)


GENERATED: dict[str, Callable[[Path, Path], None]] = {
    "tiny": make_tiny,
    "many": make_many,
    "million": make_million,
    "large": make_large,
    "huge": make_huge,
}


def prepare(name: str, cache: Path) -> Image:
    """The image of that name, made unless the cache has it."""
    image = Image(name, cache / name)
    if image.folder.exists():
        return image
    sys.stderr.write(f"making the image {name}\n")
    unfinished = Image(name, cache / f"unfinished-{name}")
    shutil.rmtree(unfinished.folder, ignore_errors=True)
    unfinished.folder.mkdir(parents=True)
    tree = unfinished.folder / "tree"
    if name in PACKAGES:
        bootstrap(tree, PACKAGES[name])
    else:
        GENERATED[name](tree, cache)
    run("tar", "--create", "--numeric-owner", "--sort=name", "--file", unfinished.flat, "--directory", tree, ".")
    if name != "base":
        shutil.rmtree(tree)
    write_archive(unfinished)
    for compression in ("gzip", "zstd"):
        to = f"oci:{unfinished.layout(compression)}:latest"
        run("skopeo", "copy", "--dest-compress-format", compression, f"docker-archive:{unfinished.archive}", to)
    unfinished.folder.rename(image.folder)
    return image


def write_archive(image: Image) -> None:
    """What `docker save` writes: a manifest, an image config, and the layer as it is."""
    with image.flat.open("rb") as layer:
        diff_id = hashlib.file_digest(layer, "sha256").hexdigest()
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}
    command = ["/hello"] if image.name == "many" else ["/bin/bash"]
    document = {"architecture": "amd64", "os": "linux", "config": {"Cmd": command}, "rootfs": rootfs}
    image_config = json.dumps(document).encode()
    name = hashlib.sha256(image_config).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [f"bench/{image.name}:latest"], "Layers": [f"{diff_id}/layer.tar"]}]
    with tarfile.open(image.archive, "w") as archive, tempfile.TemporaryDirectory() as scratch:
        for member, content in ((name, image_config), ("manifest.json", json.dumps(manifest).encode())):
            (Path(scratch) / member).write_bytes(content)
            archive.add(Path(scratch) / member, member)
        archive.add(image.flat, f"{diff_id}/layer.tar")
