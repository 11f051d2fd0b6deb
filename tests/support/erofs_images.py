"""Images that erofs_writer.py has written: made of layers, mounted, read, checked by erofs-utils."""

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bundler.archives.entry import FILE_TYPES, HARD_LINK, REGULAR, SYMLINK
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.file_system import FileSystemReader
from bundler.archives.filesystems.squashfs import Squashfs
from bundler.images.layer import LocalLayer
from bundler.rootfs.sparse_files import placed
from bundler.rootfs.unpacking.unpack_into_image import unpack_into_image
from tests.support.tree import TYPES, Node, tree


def image_of(file: Path, layers: Sequence[LocalLayer], **settings: Any) -> Path:
    """The new `file`; `settings` are those of unpack_into_image."""
    with unpack_into_image(layers, file, **settings) as image:
        image.finish()
    return file


@contextmanager
def mounted(file: Path) -> Iterator[Path]:
    """Where the kernel shows the image."""
    where = file.with_name(f"{file.name}-mounted")
    where.mkdir()
    subprocess.run(["mount", "-t", "erofs", "-o", "loop,ro", file, where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)
        where.rmdir()


def seen_by_the_kernel(file: Path) -> dict[str, Node]:
    with mounted(file) as where:
        return tree(where)


def seen_by_bundler(file: Path, format_: type[Erofs | Squashfs] = Erofs) -> dict[str, Node]:
    """What `tree` says of a directory."""
    nodes: dict[str, Node] = {}
    with file.open("rb") as stream:
        reader = FileSystemReader(format_(stream.fileno(), lambda _count: None))
        for entry in reader:
            name = os.fsdecode(entry.name)
            if entry.kind == HARD_LINK:
                nodes[name] = nodes[os.fsdecode(entry.link_name)]
                continue
            content = ""
            if entry.kind == REGULAR:
                digest = hashlib.sha256()
                stored = ((0, entry.size),) if entry.sparse is None else entry.sparse
                for _ in placed(reader.content(), stored if entry.size else (), entry.size, digest):
                    pass
                content = digest.hexdigest()
            elif entry.kind == SYMLINK:
                content = os.fsdecode(entry.link_name)
            elif FILE_TYPES[entry.kind] in (stat.S_IFCHR, stat.S_IFBLK):
                content = "{}:{}".format(*entry.device)
            nodes[name] = Node(
                type=TYPES[FILE_TYPES[entry.kind]],
                mode=f"{entry.mode:04o}",
                owner=(entry.uid, entry.gid),
                size=len(entry.link_name) if entry.kind == SYMLINK else entry.size,
                mtime_ns=entry.mtime,
                content=content,
                xattrs={os.fsdecode(key): value for key, value in entry.xattrs.items()},
                same_as=name,
            )
    return nodes


def complaints(file: Path) -> str:
    """What fsck.erofs says that is not in order."""
    program = shutil.which("fsck.erofs")
    assert program
    ended = subprocess.run([program, file], capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr if ended.returncode else ""
