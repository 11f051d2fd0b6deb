"""A delta in several parts, each small enough for a medium. The file with the delta's own name lists them.

The list has the form of sha256sum, which can check it. It appears last: if it is there, all parts are.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from bundler.archives.stream import Content, DamagedError
from bundler.deltas.reading import StoredDelta
from bundler.errors import DifferenceError, ImageError, RequestError, printable
from bundler.input_files import reason
from bundler.path_kinds import place_hint
from bundler.trust.keys import Verify

LEAST: Final = 1 << 20  # bytes of a part
_MOST: Final = 9999  # parts
_LINE: Final = re.compile(rb"([0-9a-f]{64})  ([^/\n\0]{1,255})\n")
_OPEN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE: Final = 1 << 20


class PartWriter:
    """Writes new files `NAME.0001`, `NAME.0002` ... into `folder`, each of `size` bytes but the last one."""

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self.folder = folder
        self._name = name
        self._size = size
        self._left = 0
        self._file: BinaryIO | None = None
        self._digests: list[str] = []
        self._digest = hashlib.sha256()
        self.written = 0

    def write(self, content: Content) -> None:
        """Raises RequestError for more parts than have a number."""
        view = memoryview(content)
        while view:
            if not self._left:
                self._begin()
            part, view = view[: self._left], view[self._left :]
            if self._file is not None:
                self._file.write(part)
            self._digest.update(part)
            self._left -= len(part)
            self.written += len(part)

    def finish(self) -> list[Path]:
        """Write the list of parts; gives the paths of the parts and, last, of the list."""
        self._end()
        names = [part_name(self._name, number) for number in range(1, len(self._digests) + 1)]
        lines = zip(self._digests, map(os.fsencode, names), strict=True)
        (self.folder / self._name).write_bytes(b"".join(b"%b  %b\n" % (sum_.encode(), name) for sum_, name in lines))
        return [self.folder / name for name in (*names, self._name)]

    def whole(self) -> Path:
        """Give the only part the name of the delta; gives its path."""
        self._end()
        return (self.folder / part_name(self._name, 1)).rename(self.folder / self._name)

    def _begin(self) -> None:
        self._end()
        if len(self._digests) == _MOST:
            raise RequestError(f"--split: there would be more than {_MOST} parts", hint="let them be larger")
        self._file = (self.folder / part_name(self._name, len(self._digests) + 1)).open("xb")
        self._left, self._digest = self._size, hashlib.sha256()

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._digests.append(self._digest.hexdigest())
            self._file = None


def part_name(name: str, number: int) -> str:
    return f"{name}.{number:04}"


@contextmanager
def open_stored(file: Path, verify: Verify | None = None) -> Iterator[StoredDelta]:
    """The delta at `file`, which may be the list of its parts; each part is compared with its checksum.

    With `verify`, nothing else is read before that has found the file to be signed. Raises RequestError, ImageError,
    DamagedError, and what `verify` raises.
    """
    with ExitStack() as held:
        descriptor = _open(file, held)
        if verify is not None:
            verify(descriptor, file)
        listed = _listed(descriptor, file)
        if not listed:
            yield StoredDelta([descriptor])
            return
        descriptors = []
        for number, (digest, name) in enumerate(listed, 1):
            if name != os.fsencode(part_name(file.name, number)):
                raise DamagedError(f"it lists {printable(name)} where the part {number} of {file.name} should be")
            part = file.parent / os.fsdecode(name)
            descriptors.append(_open(part, held))
            if _sum(descriptors[-1]) != digest:
                what = f"{printable(str(part))} is not as {printable(str(file))} lists it"
                refused = ImageError if verify is None else DifferenceError  # then the sums are signed
                raise refused(what, hint="get this part once more")
        yield StoredDelta(descriptors)


def listed_names(file: Path) -> list[str]:
    """The parts that `file` lists, if it is the list of a delta that is there. Raises RequestError."""
    if not file.is_file():
        return []
    with ExitStack() as held:
        names = [os.fsdecode(name) for _, name in _listed(_open(file, held), file)]
    expected = [part_name(file.name, number) for number in range(1, len(names) + 1)]
    return names if names == expected else []


def _open(file: Path, held: ExitStack) -> int:
    label = printable(str(file))
    try:
        descriptor = os.open(file, _OPEN)
    except OSError as error:
        raise RequestError(f"{label} {reason(error)}", hint=place_hint(file)) from None
    held.callback(os.close, descriptor)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise RequestError(f"{label} is not a file", hint="bundler delta OLD NEWER -o FILE writes one")
    return descriptor


def _listed(descriptor: int, file: Path) -> list[tuple[str, bytes]]:
    """The sums and names that a list has; none for what is no list."""
    longest = (len(os.fsencode(file.name)) + 80) * _MOST
    if os.fstat(descriptor).st_size > longest:
        return []
    content = os.pread(descriptor, longest, 0)
    lines = [(match[1].decode("ascii"), match[2]) for match in _LINE.finditer(content)]
    return lines if sum(len(digest) + len(name) + 3 for digest, name in lines) == len(content) else []


def _sum(descriptor: int) -> str:
    digest, at = hashlib.sha256(), 0
    while part := os.pread(descriptor, _PIECE, at):
        digest.update(part)
        at += len(part)
    return digest.hexdigest()
