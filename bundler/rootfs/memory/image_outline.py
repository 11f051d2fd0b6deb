"""The files of an image of a file system, looked into without mounting it: an outline of its names, where content is
read from the image when it is asked for.
"""

import stat
from collections.abc import Iterator

from bundler.archives.entry import FILE_TYPES, HARD_LINK, Entry
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.file_system import FileSystem, FileSystemReader, Inode
from bundler.archives.stream import Content
from bundler.light_dataclasses import dataclass
from bundler.rootfs.attributes import implied
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.paths import clean


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds, each time it is iterated over."""

    image: FileSystem
    inode: Inode

    def __iter__(self) -> Iterator[Content]:
        return self.image.content(self.inode)


def outline_of_image(descriptor: int) -> Outline:
    """What the image in the open file holds, to be asked for as long as that is open. All raises DamagedError."""
    image = Erofs(descriptor, lambda _count: None)
    reader, outline = FileSystemReader(image), Outline()
    for entry in reader:
        _add(outline, clean(entry.name), entry, image, reader.current)
    return outline


def _add(outline: Outline, path: bytes, entry: Entry, image: FileSystem, inode: Inode | None) -> None:
    kind = FILE_TYPES.get(entry.kind)
    if entry.kind == HARD_LINK:
        outline.make_hard_link(path, entry.link_name)
    elif kind == stat.S_IFDIR:
        outline.make_directory(path, implied())
    elif inode is not None:
        outline.make_file(path, implied(), _Content(image, inode), sparse=entry.sparse, size=entry.size)
    elif kind == stat.S_IFLNK:
        outline.make_symlink(path, entry.link_name, implied())
    elif kind is not None:
        outline.make_node(path, kind, entry.device, implied())
