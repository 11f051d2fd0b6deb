"""A directory tree as one comparable value: everything that unpacking a layer decides about a file."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True)
class Node:
    """One path. `content` is a file's sha256, a symlink's target or a device's numbers; `same_as` the first path, in
    order of name, that is a hard link of the same file.
    """

    type: str
    mode: str
    owner: tuple[int, int]
    size: int
    mtime_ns: int
    content: str
    xattrs: Mapping[str, bytes]
    same_as: str


def paths_below(root: Path) -> Iterator[str]:
    yield "."
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            yield os.path.relpath(os.path.join(directory, name), root)  # noqa: PTH118 - names need not be text


def content_of(path: Path, status: os.stat_result) -> str:
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)  # noqa: PTH115 - a target need not be a tidy path
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return ""


def tree(root: Path) -> dict[str, Node]:
    """Every path below `root`, and `root` itself as `.`."""
    first_path: dict[tuple[int, int], str] = {}
    nodes = {}
    for name in sorted(paths_below(root)):
        path = root / name
        status = path.lstat()
        is_directory = stat.S_ISDIR(status.st_mode)
        nodes[name] = Node(
            type=TYPES[stat.S_IFMT(status.st_mode)],
            mode=f"{stat.S_IMODE(status.st_mode):04o}",
            owner=(status.st_uid, status.st_gid),
            size=0 if is_directory else status.st_size,  # a directory's size is the file system's business
            mtime_ns=status.st_mtime_ns,
            content=content_of(path, status),
            xattrs={
                key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
            },
            same_as=name if is_directory else first_path.setdefault((status.st_dev, status.st_ino), name),
        )
    return nodes


def differences(left: Mapping[str, Node], right: Mapping[str, Node]) -> dict[str, tuple[Node | None, Node | None]]:
    """The paths that only one side has, or that are not the same on both."""
    names = sorted(left.keys() | right.keys())
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}


def link_counts(root: Path) -> dict[str, int]:
    """How many names the kernel says that each file has."""
    return {name: (root / name).lstat().st_nlink for name in paths_below(root)}
