"""rootfs.erofs: the root filesystem as one file beside an empty rootfs/, onto which it is mounted to be run."""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bundler.archives.filesystems.verity import HashTree, append_hash_tree, fsverity_digest, kernel_digest, windows
from bundler.bundles.write import make_folder
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.rootfs.directories import explain
from bundler.rootfs.memory.image_tree import ImageTree

IMAGE: Final = "rootfs.erofs"
"""Its name in the bundle."""
UPPER: Final = "upper"
"""The folder of the bundle where what is written over the image is kept."""
WRITTEN: Final = f"{UPPER}/rootfs"
"""The part of it that is the upper folder of the overlay."""
EROFS: Final = "erofs"
_SHA256: Final = re.compile("sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class RootfsImage:
    """What bundler.json says of an image: digests are sha256 in hexadecimal, `verity` is its tree of dm-verity."""

    size: int
    sha256: str
    fsverity: str
    verity: HashTree | None

    @property
    def described(self) -> dict[str, Json]:
        """As bundler.json has it."""
        described: dict[str, Json] = {
            "format": EROFS,
            "size": self.size,
            "sha256": f"sha256:{self.sha256}",
            "fsverity": f"sha256:{self.fsverity}",
        }
        if self.verity is not None:
            described["verity"] = {"root_hash": self.verity.root, "hash_offset": self.verity.offset}
        return described


def has_image(recorded: Mapping[str, Json]) -> bool:
    """Whether the root filesystem of the bundle with this bundler.json is an image."""
    return isinstance(recorded.get("rootfs"), dict)


def is_written_over(bundle: Path) -> bool:
    """Whether the bundle's `upper/` has something, which the container sees in the place of what is in the image."""
    try:
        with os.scandir(bundle / WRITTEN) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def image_size(recorded: Mapping[str, Json]) -> int | None:
    """How large the image is to be, which is all of it that has to be read; None where there is none."""
    image = recorded.get("rootfs")
    size = image.get("size") if isinstance(image, dict) else None
    return size if isinstance(size, int) else None


def is_sealed(recorded: Mapping[str, Json], descriptor: int) -> bool:
    """Whether the kernel itself lets no byte of the open image be read that is not what was built (fs-verity)."""
    image = recorded.get("rootfs")
    digest = kernel_digest(descriptor)
    return digest is not None and isinstance(image, dict) and image.get("fsverity") == f"sha256:{digest}"


def image_digest(recorded: Mapping[str, Json]) -> str | None:
    """The sha256 of the image in hexadecimal; None where there is none. Raises RequestError for what is no digest."""
    image = recorded.get("rootfs")
    if not isinstance(image, dict):
        return None
    match = _SHA256.fullmatch(str(image.get("sha256")))
    if match is None:
        raise RequestError("bundler.json: rootfs: not an image with a sha256", hint="build the bundle again")
    return match[1]


@contextmanager
def finish_image(tree: ImageTree, bundle: Path, *, verity: bool) -> Iterator[Callable[[], RootfsImage]]:
    """Complete the bundle's image; in the context, the sha256 of the file is taken beside what else there is to do.

    What it gives waits for that, and says what bundler.json does of the image. Raises BundlerError, and so does that.
    """
    uuid = tree.finish()
    file = bundle / IMAGE
    with ExitStack() as held:
        with _explained(file):
            make_folder(bundle / "rootfs")
            os.utime(bundle / "rootfs", (0, 0))
            descriptor = held.enter_context(file.open("r+b")).fileno()
            os.fchmod(descriptor, 0o444)  # other bundles may share it
            hash_tree = append_hash_tree(descriptor, file.stat().st_size, uuid) if verity else None
            size = file.stat().st_size
        sha256 = held.enter_context(_hashed(descriptor, size))

        def measured() -> RootfsImage:
            with _explained(file):
                fsverity = fsverity_digest(tree.hashes, descriptor, size)
                return RootfsImage(size, sha256(), fsverity, hash_tree)

        yield measured


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain(error, printable(str(file))) from error


@contextmanager
def _hashed(descriptor: int, size: int) -> Iterator[Callable[[], str]]:
    """Waits for the sha256 of the file, which a thread takes: hashlib lets go of the interpreter's lock."""
    digest = hashlib.sha256()
    failures: list[OSError] = []

    def hash_all() -> None:
        try:
            for window in windows(descriptor, size):
                digest.update(window)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=hash_all)
    thread.start()

    def hexdigest() -> str:
        thread.join()
        for failure in failures:
            raise failure
        return digest.hexdigest()

    try:
        yield hexdigest
    finally:
        thread.join()
