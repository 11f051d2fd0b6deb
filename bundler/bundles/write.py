"""Files of a bundle, written so that neither umask nor locale shows in them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from bundler.origins import Json
from bundler.overrides.bundle_paths import CONTENTS


def encode(document: Json) -> bytes:
    """A JSON document as bundler writes it: indented for people, in the order it was made, ASCII, a final newline."""
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode("ascii")


def write_file(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write a new file, mode 0644 or 0755, and its missing folders, mode 0755."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        os.fchmod(descriptor, 0o755 if executable else 0o644)


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder, and its missing parents with 0755, whatever the umask; one that is there stays as it is."""
    if not path.exists():
        make_folder(path.parent)
        path.mkdir()
        path.chmod(mode)


def set_epoch_times(bundle: Path) -> None:
    """Give what bundler itself wrote the same time in every build: the epoch. The image's files have their own.

    `rootfs` and the folders of `volumes` and `images` were dated by their layers.
    """
    documents = sorted(path for path in bundle.iterdir() if path.is_file())
    folders = [bundle / name for name in ("etc", "hooks", "volumes", "images", "shm")]
    for path in (*documents, *_files(bundle / "etc"), *_files(bundle / "hooks"), *folders, bundle):
        if path.exists():
            os.utime(path, (0, 0))


def _files(folder: Path) -> list[Path]:
    """The files of a folder. Not by glob, which takes a folder that it may not read for an empty one."""
    return sorted(folder.iterdir()) if folder.exists() else []


def chown_to_container_root(bundle: Path, folders: Iterable[str], uid: int, gid: int) -> None:
    """Give what bundler wrote to the root of a container in a user namespace, by its ids on the machine.

    A runtime sets the container up as this user, who has to get to the rootfs and may not write into the bundle, as
    with dockerd's own directories. `folders` are paths of empty folders that are mounted; what the image's layers
    brought has its owners already, and so have files that overrides say the content of. What is in hooks/ runs on the
    machine, and stays out of the container's hands.
    """
    os.chown(bundle, -1, gid)
    bundle.chmod(0o710)
    mounted = [bundle / folder for folder in folders if not folder.startswith("rootfs/")]  # that is the image's ground
    generated = [path for path in _files(bundle / "etc") if not f"etc/{path.name}".startswith(CONTENTS)]
    for path in (*generated, *mounted):
        os.chown(path, uid, gid, follow_symlinks=False)
