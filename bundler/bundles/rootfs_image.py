"""rootfs.erofs: the root filesystem as one file beside an empty rootfs/, onto which it is mounted to be run."""

import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bundler.archives.filesystems.verity import HashTree, append_hash_tree, fsverity_digest, kernel_digest, windows
from bundler.bundles.bundle import Bundle
from bundler.bundles.write import make_folder
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.rootfs.directories import explain
from bundler.rootfs.image_tree import ImageTree

IMAGE: Final = "rootfs.erofs"
"""Its name in the bundle."""
UPPER: Final = "upper"
"""The folder of the bundle where what is written over the image is kept."""
WRITTEN: Final = f"{UPPER}/rootfs"
"""The part of it that is the upper folder of the overlay."""
EROFS: Final = "erofs"


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


def check_directory(bundle: Bundle, what: str) -> None:
    """Raise RequestError where the rootfs is an image; `what` says what cannot be done with one."""
    if _has_one(bundle):
        hint = "bundler build --rootfs dir makes a directory of it"
        raise RequestError(f"{bundle.label}: its root filesystem is an image, and {what}", hint=hint)


def _has_one(bundle: Bundle) -> bool:
    record = bundle.any_record
    return record is not None and has_image(record.document)


def finish_image(tree: ImageTree, bundle: Path, manifest: str, *, verity: bool) -> RootfsImage:
    """Complete the bundle's image and measure it. `manifest` is the sha256 of rootfs.mtree, which says all of it but
    where it lies: so that of the UUID. Raises BundlerError.
    """
    uuid = bytes.fromhex(manifest)[:16]
    tree.finish(uuid)
    file = bundle / IMAGE
    try:
        make_folder(bundle / "rootfs")
        os.utime(bundle / "rootfs", (0, 0))
        with file.open("r+b") as stream:
            os.fchmod(stream.fileno(), 0o444)  # other bundles may share it
            hash_tree = append_hash_tree(stream.fileno(), file.stat().st_size, uuid) if verity else None
            return _measure(stream.fileno(), file.stat().st_size, hash_tree)
    except OSError as error:
        raise explain(error, printable(str(file))) from error


def _measure(descriptor: int, size: int, verity: HashTree | None) -> RootfsImage:
    """Both digests of the file, side by side: hashlib lets go of the interpreter's lock."""
    whole = hashlib.sha256()
    thread = threading.Thread(target=_hash, args=(descriptor, size, whole))
    thread.start()
    try:
        fsverity = fsverity_digest(descriptor, size)
    finally:
        thread.join()
    return RootfsImage(size, whole.hexdigest(), fsverity, verity)


def _hash(descriptor: int, size: int, digest: "hashlib._Hash") -> None:
    for window in windows(descriptor, size):
        digest.update(window)
