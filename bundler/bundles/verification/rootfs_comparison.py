"""rootfs/ against rootfs.mtree, or images/ against images.mtree, in parts.

As many processes as there are processors take one part after another. Nearly all of the work is Python's, so threads
would not do.
"""

import io
import os
import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import bundle_owners
from bundler.bundles.verification.comparison import Change, Comparison
from bundler.bundles.verification.left_behind import LeftBehind, Plain, find_left_behind
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.progress import SILENT, Meter, Progress
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import HEADER, Listed, MtreeError, decode_name, group, read_line
from bundler.rootfs.owners import kept
from bundler.rootfs.scan import hash_file, walk
from bundler.rootfs.tree import Tree
from bundler.workers.batches import Sender
from bundler.workers.process import processors, read_apart

_PARTS_EACH: Final = 16
_MOST_PARTS: Final = 1 << 14  # whose numbers fit into a pipe
_NUMBER: Final = struct.Struct("<H")
_SMALLEST_PART: Final = 1 << 16  # bytes of the manifest: some 400 files
_LARGEST_PART: Final = 1 << 20  # about: a part is read into memory
_SIZE: Final = re.compile(rb" size=([0-9]{1,18})\b")
_COMPARER: Final = "the process that compares files"

# Of the manifest: from one offset to another, and the paths that it is about, from one to another.
_Part = tuple[int, int, bytes, bytes | None]
# What every process gets: the manifest and the turns as descriptors, the manifest's name for messages, the root,
# whether that is this user's own, the parts, and what a runtime has left there.
_Task = tuple[int, int, str, str, bool, tuple[_Part, ...], Plain]
# A change, behind where its part begins in the manifest.
_Told = tuple[int, str, str, dict[str, tuple[str | None, str | None]]]


@dataclass(frozen=True, slots=True)
class ComparedTree:
    """How many files were compared, how many of them this user may not look into, and what differs, in the order of
    the manifest.
    """

    files: int
    unread: int
    changes: tuple[Change, ...]


def compare_tree(
    bundle: Bundle, folder: str, *, opened_up: bool, processes: int | None = None, progress: Progress = SILENT
) -> ComparedTree:
    """The bundle's `folder` beside its manifest; `progress` is told of the bytes of the files.

    What a runtime has left to mount onto is no difference, unless the bundle is `opened_up`: then it is the user's own,
    and what modes keep him from reading is read anyway. Raises RequestError, OSError.
    """
    processes = processes or processors()
    name = printable(str(bundle.path / f"{folder}.mtree"))
    manifest = bundle.manifest(f"{folder}.mtree").fileno()
    with _explained(name):
        parts = _cut_up(manifest, processes)
    sizes = [_content_of(manifest, part) for part in parts]
    left = LeftBehind() if opened_up or folder != "rootfs" else find_left_behind(bundle, kept())
    with _turns(len(parts)) as turns, ExitStack() as others, progress.measure(verifying(bundle), sum(sizes)) as meter:
        task = manifest, turns, name, os.fspath(bundle.path / folder), opened_up, tuple(parts), left.plain()
        apart = [
            others.enter_context(read_apart(_COMPARER, _compare_apart, (task,), (manifest, turns)))
            for _ in parts[1:processes]
        ]
        parts_meter = _PartsMeter(sizes, meter)
        done = [_compare(task, parts_meter), *(item for receiver in apart for item in receiver)]
        parts_meter.all_before(len(parts))
    told = sorted((change for _, _, changes in done for change in changes), key=itemgetter(0))
    files, unread = (sum(counts) for counts in zip(*((files, unread) for files, unread, _ in done), strict=True))
    return ComparedTree(files, unread, tuple(Change(*change) for _, *change in told))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except MtreeError as error:
        raise RequestError(f"{name}: {error}") from None


def _cut_up(descriptor: int, processes: int) -> list[_Part]:
    """The manifest in parts, several for each process."""
    with open(descriptor, "rb", closefd=False) as manifest:
        manifest.seek(0)
        if read_line(manifest) != HEADER:
            raise MtreeError("line 1: it does not begin with #mtree")
        size = os.fstat(descriptor).st_size
        wanted = max(processes * _PARTS_EACH, size // _LARGEST_PART)
        parts = max(1, min(wanted, size // _SMALLEST_PART, _MOST_PARTS))
        cuts = {len(HEADER): b""} | dict(_cut(manifest, size * part // parts) for part in range(1, parts))
    cuts.pop(size, None)
    paths = pairwise([*cuts.values(), None])
    return [(*cut, path or b"", end) for cut, (path, end) in zip(pairwise([*cuts, size]), paths, strict=True)]


def _cut(manifest: IO[bytes], near: int) -> tuple[int, bytes]:
    """Where the first entry behind an offset begins, and its path."""
    manifest.seek(near)
    read_line(manifest)
    at, line = manifest.tell(), read_line(manifest)
    if line.startswith(b"#"):  # it belongs to the entry before
        at, line = at + len(line), read_line(manifest)
    return at, decode_name(line.partition(b" ")[0])[2:]


def verifying(bundle: Bundle) -> str:
    """What a person who waits is told of the step."""
    return f"verifying {bundle.path.name or bundle.path}"


def _content_of(manifest: int, part: _Part) -> int:
    """How many bytes the files of a part have, by the manifest's own word."""
    return sum(map(int, _SIZE.findall(_read(manifest, part[0], part[1]))))


class _PartsMeter:
    """Tells a person who waits: parts are taken in their order, so all before the newest are done, or nearly so.

    A process that compares tells of its own parts at the end alone.
    """

    def __init__(self, sizes: list[int], meter: Meter) -> None:
        self._sizes = sizes
        self._meter = meter
        self._told = 0

    def all_before(self, part: int) -> None:
        self._meter(sum(self._sizes[self._told : part]))
        self._told = part


@contextmanager
def _turns(count: int) -> Iterator[int]:
    """A pipe with the numbers of all parts: each of several processes takes the next when it is done with one.

    A number is read by one process only.
    """
    numbers, write = os.pipe()
    try:
        os.write(write, b"".join(map(_NUMBER.pack, range(count))))
        os.close(write)
        yield numbers
    finally:
        os.close(numbers)


def _compare_apart(sender: Sender, task: _Task) -> None:
    sender.send(_compare(task))


def _compare(task: _Task, parts_meter: "_PartsMeter | None" = None) -> tuple[int, int, list[_Told]]:
    """How many files there are in parts of the rootfs, and could not be read; what differs there. The turns say in
    which parts, and `parts_meter` is told of each.
    """
    manifest, turns, name, root, opened_up, parts, plain = task
    left, changes = LeftBehind.of(plain), list[_Told]()
    with _explained(name), Tree(Path(root), bundle_owners() if opened_up else kept()) as tree:
        comparison = Comparison(partial(hash_file, tree), partial(first_name, tree), privileged=os.geteuid() == 0)
        while number := os.read(turns, _NUMBER.size):
            (part,) = _NUMBER.unpack(number)
            start, stop, begin, end = parts[part]
            if parts_meter is not None:
                parts_meter.all_before(part)
            lines = io.BytesIO(_read(manifest, start, stop))
            differing = comparison.changes(group(lines), left.taken_from(walk(tree, begin, end)))
            changes += ((start, each.path, each.what, each.keywords) for each in differing)
    return comparison.compared, comparison.unread, changes


def _read(descriptor: int, start: int, stop: int) -> bytes:
    """By position: the file is open in several processes, and has one position for them all."""
    parts = []
    while start < stop and (part := os.pread(descriptor, stop - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def first_name(tree: Tree, file: TreeFile, line: Listed) -> bytes | None:
    """The name that the manifest says is another one of the file, if that is so."""
    known = line.hard_link if file.inode is not None else None
    if known is None:
        return None
    try:
        status = tree.status(known)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return known if status is not None and (status.st_dev, status.st_ino) == file.inode else None
