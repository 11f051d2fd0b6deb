"""Packed bundles that can be mounted: squashfs and erofs.

Their programs make an image of a directory, so the bundle's files are restored beside it first, with the owners and
times that an archive of them has. mksquashfs can also read an archive, but gives the bundle's own directory the time of
the clock then (4.5.1).
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.archives.entry import StoredEntry
from bundler.archives.filesystems.erofs_format import TIME_OFFSET, encode_time
from bundler.bundles.files import bundle_owners
from bundler.errors import printable
from bundler.packing.file_entries import metered
from bundler.packing.restoring import Restored
from bundler.packing.squashfs_gaps import holds
from bundler.progress import Meter
from bundler.rootfs.tree import Tree

_NO_UUID: Final = "00000000-0000-0000-0000-000000000000"
_MEMORY: Final = "512M"  # for mksquashfs, whose own idea is a quarter of the machine


def write_squashfs(entries: Iterable[StoredEntry], file: Path, level: int, made_at: int, meter: Meter) -> str | None:
    """Make the new `file`; a remark about what squashfs could not hold. Raises BundlerError, ToolError, OSError."""
    tools.require(tools.MKSQUASHFS)
    watched = _Watched(metered(entries, meter))
    tree = _restore(watched, file)
    options = ["-comp", "zstd", "-Xcompression-level", str(level), "-b", "131072", "-mkfs-time", str(made_at)]
    quiet = ["-noappend", "-no-recovery", "-no-progress", "-quiet", "-no-exports", "-mem", _MEMORY]
    tools.run(tools.MKSQUASHFS, tree, file, *options, *quiet, *_as_root("-all-root"))
    if not watched.lossy:
        return None
    return (
        f"squashfs has neither parts of a second nor ACLs: a mount lacks some of {watched.lossy} files, "
        "unpack restores those of rootfs/"
    )


def write_erofs(entries: Iterable[StoredEntry], file: Path, _level: int, made_at: int, meter: Meter) -> None:
    """Make the new `file`, which is not compressed. Raises BundlerError, ToolError, OSError."""
    tools.require(tools.MKFS_EROFS)
    tree = _restore(metered(entries, meter), file)
    # mkfs.erofs dates its image by the clock, or lets no file be younger than the image: so the time comes after it,
    # and there is no checksum over it.
    options = ["--quiet", "--preserve-mtime", f"-U{_NO_UUID}", "-Eforce-inode-extended,nosbcrc"]
    tools.run(tools.MKFS_EROFS, *options, *_as_root("--all-root"), file, tree)
    with file.open("r+b") as image:
        image.seek(TIME_OFFSET)
        image.write(encode_time(made_at))


class _Watched:
    """Entries as they come; `lossy` counts those that squashfs cannot hold all of."""

    def __init__(self, entries: Iterable[StoredEntry]) -> None:
        self._entries = entries
        self.lossy = 0

    def __iter__(self) -> Iterator[StoredEntry]:
        for entry, content in self._entries:
            self.lossy += not holds(entry)
            yield entry, content


def _restore(entries: Iterable[StoredEntry], file: Path) -> Path:
    """The files of `entries`, in a new folder beside `file`, which goes with the stage."""
    folder = file.parent / "tree"
    folder.mkdir(mode=0o700)
    with Tree(folder, bundle_owners()) as tree:
        restored = Restored(tree, printable(file.name))
        for entry, content in entries:
            restored.apply(entry, content)
    return folder


def _as_root(option: str) -> tuple[str, ...]:
    """An ordinary user's files stand for those of root, the only ones that he can pack."""
    return () if os.geteuid() == 0 else (option,)
