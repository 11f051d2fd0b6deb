"""The files an image is made of, in the two places they live: a folder, or a tar archive (archive_files.py).

Names come from the image itself, so neither place trusts them: a name never leads out, and what is opened is a
regular file (input_files.py).
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from bundler.errors import ImageError, printable
from bundler.images.layer import FileSlice
from bundler.input_files import InputError, descend, open_below, reason
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, MOST_LINKS, Limits, raise_hint
from bundler.sizes import readable_size

_MAX_NAME: Final = 4096


class Files(Protocol):
    """Where an image's files are. Every method raises ImageError, naming the file, unless it is a regular one."""

    @property
    def label(self) -> str:
        """What the person called this place, for messages."""
        ...

    @property
    def limits(self) -> Limits:
        """How large the documents here may be."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is something of that name (also if it may not be opened)."""
        ...

    def size(self, name: str) -> int:
        """Bytes in the file."""
        ...

    def open(self, name: str) -> AbstractContextManager[FileSlice]: ...


def load_document(files: Files, name: str) -> bytes:
    """The bytes of one manifest, index or image config. Raises ImageError when it is larger than the limits allow."""
    return read_file(files, name, files.limits.document_size, raise_hint("document_size"))


def read_file(files: Files, name: str, limit: int, hint: str | None = None) -> bytes:
    """The whole of one file. Raises ImageError, with `hint`, when it holds more than `limit` bytes."""
    with files.open(name) as source:
        if source.size > limit:
            what = f"{readable_size(source.size)} are more than the {readable_size(limit)} allowed"
            raise ImageError(f"{files.label}: {printable(name)}: {what}", hint=hint)
        parts = []
        while part := source.read(limit):
            parts.append(part)
    return b"".join(parts)


def components(name: str) -> tuple[str, ...] | None:
    """The parts of a relative name, or None if it is no safe one: absolute, with `..`, empty, or with a NUL."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or len(name) > _MAX_NAME:
        return None
    return parts


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, held open, so that renaming it or a folder above cannot swap its files."""

    label: str
    descriptor: int
    limits: Limits = DEFAULTS

    def has(self, name: str) -> bool:
        parts = components(name)
        if parts is None:
            return False
        try:
            os.close(descend(self.descriptor, self._resolved(parts), os.O_PATH | os.O_CLOEXEC))
        except ImageError:
            return True
        except OSError as error:
            # What is there but cannot be reached safely is there: opening it will say why it is refused.
            return error.errno not in (errno.ENOENT, errno.ENOTDIR)
        return True

    def size(self, name: str) -> int:
        with self.open(name) as source:
            return source.size

    @contextmanager
    def open(self, name: str) -> Iterator[FileSlice]:
        parts = components(name)
        if parts is None:
            raise self._fault(name, "is no name of a file inside the image")
        try:
            descriptor = open_below(self.descriptor, self._resolved(parts))
        except InputError as error:
            raise self._fault(name, str(error)) from None
        try:
            yield FileSlice(descriptor, 0, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def _resolved(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """`parts` with the symbolic links in them followed, inside this folder only. Raises ImageError.

        Some tools share the blobs of layouts so. What it finds is opened without following anything.
        """
        passed: list[str] = []
        pending = list(reversed(parts))
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                passed.pop()
                continue
            target = self._link_target((*passed, part))
            if target is None:
                passed.append(part)
                continue
            links += 1
            inside = (
                () if target.startswith("/") else tuple(part for part in target.split("/") if part not in ("", "."))
            )
            if not inside or links > MOST_LINKS or not _stays_inside(len(passed), inside):
                raise ImageError(
                    f"{self.label}: {printable('/'.join(parts))} is a symbolic link that leads out of the image",
                    hint="copy it with what its links lead to: cp -rL FOLDER COPY",
                )
            pending += reversed(inside)
        return tuple(passed) or parts

    def _link_target(self, parts: tuple[str, ...]) -> str | None:
        """Where the last of `parts` leads, of which the others are folders; None if it is no link, or not there."""
        try:
            descriptor = descend(self.descriptor, parts, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.readlink("", dir_fd=descriptor) if stat.S_ISLNK(os.fstat(descriptor).st_mode) else None
        finally:
            os.close(descriptor)

    def _fault(self, name: str, what: str) -> ImageError:
        return ImageError(f"{self.label}: {printable(name)} {what}")


def _stays_inside(depth: int, parts: tuple[str, ...]) -> bool:
    """Whether `parts`, counted from a folder so deep, never leave the top."""
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


@contextmanager
def open_folder(path: Path, limits: Limits = DEFAULTS) -> Iterator[Folder]:
    """The folder at `path`, which the person named: that one may be a symbolic link. Raises ImageError."""
    label = printable(str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ImageError(f"{label} {reason(error)}") from error
    try:
        yield Folder(label, descriptor, limits)
    finally:
        os.close(descriptor)
