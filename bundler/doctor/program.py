"""The program a container begins with, followed through its rootfs without running anything.

The way is the one that a runtime and the kernel go: along PATH, through symlinks, from a script to its interpreter,
from an ELF file to its dynamic loader. Every name and every byte on it is the image's: paths are resolved by
rootfs/tree.py, only regular files are opened, and of these only what the kernel reads.
"""

import errno
import os
import posixpath
import stat
from collections.abc import Collection, Iterator
from dataclasses import field
from pathlib import PurePosixPath
from typing import Final

from bundler import elf
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.limits import LONGEST_PATH, MOST_LINKS
from bundler.rootfs.home import FILE_TYPES, Home
from bundler.rootfs.paths import join, split

_SHEBANG_BYTES: Final = 256  # BINPRM_BUF_SIZE: what the kernel reads of a script's first line
_MOST_SCRIPTS: Final = 5  # a script's interpreter may be a script again (fs/exec.c)
_SHOWN: Final = 60
_EXECUTE: Final = 0o111


@dataclass(frozen=True, slots=True)
class ElfChain:
    """The files between a name and what the kernel runs, as paths of the rootfs.

    `fault` says what is wrong with the last of them, `hidden` why it cannot be told: one of the two, or neither.
    `architecture` is that of the ELF file. `first` is the first file, `folders` are those that it lies in, from the
    root on; `script` says that an interpreter will have to read it.
    """

    trail: tuple[str, ...] = ()
    fault: str = ""
    hidden: str = ""
    architecture: str = ""
    first: "AccessRights | None" = None
    folders: "tuple[AccessRights, ...]" = ()
    script: bool = False


@dataclass(frozen=True, slots=True)
class AccessRights:
    """Who may do what with the file or directory at `path`; ids are the machine's."""

    path: str
    mode: int
    uid: int
    gid: int


class _Stopped(Exception):  # noqa: N818 -- no error: the answer to a question
    """The way ends here, by a fault or because it cannot be seen."""

    def __init__(self, fault: str = "", hidden: str = "") -> None:
        super().__init__(fault or hidden)
        self.fault, self.hidden = fault, hidden


@dataclass(slots=True)
class Seeker:
    """Finds files of the rootfs `tree`. What lies below one of the mount points `covered` cannot be seen there; a
    set, as there may be thousands of either.

    `cwd` is the process's working directory, `search` its PATH, None where it has none.
    """

    tree: Home
    covered: Collection[str] = ()
    cwd: str = "/"
    search: str | None = None
    _trail: list[str] = field(default_factory=list)
    _is_script: bool = False

    def kind(self, path: str) -> str:
        """`directory`, `file`, `missing`, `hidden` (by a mount, or from this user), or what else is there."""
        try:
            _, kind = self._seek(_encoded(path))
        except _Stopped as stopped:
            return "hidden" if stopped.hidden else "missing"
        return FILE_TYPES[kind] if kind else "missing"

    def program(self, name: str) -> ElfChain:
        """What the name `args[0]` starts."""
        self._trail, self._is_script = [], False
        way: tuple[AccessRights, ...] = ()
        architecture = fault = hidden = ""
        try:
            path = self._named(name)
            way = tuple(self._way(path))
            architecture = self._follow(path)
        except _Stopped as stopped:
            fault, hidden = stopped.fault, stopped.hidden
        return ElfChain(
            tuple(self._trail), fault, hidden, architecture, way[-1] if way else None, way[:-1], self._is_script
        )

    def _way(self, path: bytes) -> Iterator[AccessRights]:
        """The directories that a path without symlinks goes through, and what it ends at."""
        names = path.split(b"/")
        for part in (b"/".join(names[:number]) for number in range(len(names) + 1)):
            file = self.tree.look(part)
            if file is not None:
                attributes = file.attributes
                yield AccessRights(printable(b"/" + part), attributes.mode or 0, attributes.uid, attributes.gid)

    def _named(self, name: str) -> bytes:
        """As execvp(3): a name with a slash is a path, any other is looked for along PATH."""
        if not name:
            raise _Stopped(fault="the name of the program is empty")
        if "/" in name:
            return self._executable(_encoded(posixpath.join(self.cwd, name)), name)
        if not self.search:
            raise _Stopped(fault=f"{printable(name)} is to be looked for along PATH, and the process has no PATH")
        nearest = _Stopped(fault=f"{printable(name)} is in no directory of PATH ({printable(self.search)})")
        for directory in self.search.split(":"):
            path = posixpath.join(self.cwd, directory, name)
            try:
                return self._executable(_encoded(path), path)
            except _Stopped as stopped:
                if stopped.hidden or (stopped.fault.endswith("executable") and not nearest.hidden):
                    nearest = stopped
        raise nearest

    def _follow(self, path: bytes) -> str:
        """The architecture of what is run in the end."""
        for _ in range(_MOST_SCRIPTS + 1):
            shown = self._trail[-1]
            head = self._read(path, _SHEBANG_BYTES)
            if head.startswith(elf.MAGIC):
                return self._load(path, shown)
            self._is_script = True
            if not head.startswith(b"#!"):
                what = "begins neither as an ELF file nor with #!" if head else "is empty"
                raise _Stopped(fault=f"{shown} {what}: no program")
            path = self._interpreter(head, shown)
        raise _Stopped(fault=f"{self._trail[0]}: more than {_MOST_SCRIPTS} scripts interpret each other")

    def _load(self, path: bytes, shown: str) -> str:
        """The architecture of an ELF file; its dynamic loader has to be there."""
        try:
            program = elf.parse(lambda offset, count: self._read(path, count, offset))
        except elf.ElfError as error:
            raise _Stopped(fault=f"{shown}: {error}") from None
        if program.interpreter is not None:
            self._executable(posixpath.join(os.fsencode(self.cwd), program.interpreter), f"the loader of {shown}")
        return program.architecture

    def _interpreter(self, head: bytes, shown: str) -> bytes:
        """What a script's first line names; for env(1) also the program that it will look for."""
        line, newline, _ = head[2:].partition(b"\n")
        words = [word for word in line.replace(b"\t", b" ").split(b" ") if word]
        if not words:
            raise _Stopped(fault=f"{shown}: nothing follows its #!")
        if not newline and len(head) == _SHEBANG_BYTES and len(words) == 1:
            raise _Stopped(fault=f"{shown}: its first line is longer than the {_SHEBANG_BYTES} bytes the kernel reads")
        if words[0].endswith(b"\r"):
            raise _Stopped(fault=f"{shown}: its first line ends as on Windows, so no interpreter has that name")
        path = self._executable(posixpath.join(os.fsencode(self.cwd), words[0]), f"the interpreter of {shown}")
        wanted = [word for word in words[1:] if not word.startswith(b"-") and b"=" not in word]
        if posixpath.basename(words[0]) == b"env" and wanted:
            return self._named(os.fsdecode(wanted[0]))
        return path

    def _executable(self, path: bytes, called: str) -> bytes:
        """The regular file with an execute bit that `path` leads to; it is added to the trail."""
        shown = printable(path)
        name = shown if called == os.fsdecode(path) else f"{printable(called)}, {shown},"
        resolved, kind = self._seek(path, name)
        if kind != stat.S_IFREG:
            raise _Stopped(fault=f"{name} is a {FILE_TYPES[kind]}" if kind else f"{name} is not there")
        file = self.tree.look(resolved)
        if file is None or not (file.attributes.mode or 0) & _EXECUTE:
            raise _Stopped(fault=f"{name} is not executable")
        self._trail.append(printable(b"/" + resolved))
        return resolved

    def _seek(self, path: bytes, name: str = "") -> tuple[bytes, int]:
        """Where `path` leads to, symlinks followed inside the rootfs, and its S_IF... type (0: nothing is there)."""
        name = name or printable(path)
        for _ in range(MOST_LINKS + 1):
            self._check_seen(path, name)
            directory, last = split(path.strip(b"/"))
            try:
                if last in (b"", b".", b".."):
                    self.tree.follow(join(directory, last))
                    return b"", stat.S_IFDIR
                resolved = self.tree.resolve(join(directory, last))
                self._check_seen(b"/" + resolved, name)
                kind = self.tree.kind(resolved)
                if kind != stat.S_IFLNK:
                    return resolved, kind
                path = posixpath.join(b"/" + split(resolved)[0], self.tree.read_link(resolved))
            except OSError as error:
                raise _explained(error, name) from None
        raise _Stopped(fault=f"{name}: too many symlinks lead to each other")

    def _check_seen(self, path: bytes, name: str) -> None:
        plain = os.fsdecode(posixpath.normpath(b"/" + path.lstrip(b"/")))
        if len(plain) > LONGEST_PATH:
            raise _Stopped(fault=f"{printable(plain[:_SHOWN])}... is longer than a path can be")
        for above in (plain, *map(str, PurePosixPath(plain).parents)):
            if above in self.covered:
                raise _Stopped(hidden=f"{name} will be below the mount on {printable(above)}")

    def _read(self, path: bytes, most: int, offset: int = 0) -> bytes:
        try:
            return self.tree.read(path, most, offset)
        except OSError as error:
            raise _explained(error, self._trail[-1]) from None


def _explained(error: OSError, name: str) -> _Stopped:
    if error.errno in (errno.EACCES, errno.EPERM):
        return _Stopped(hidden=f"{name} may not be looked at by this user")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return _Stopped(fault=f"{name} is not there")
    return _Stopped(fault=f"{name}: {error.strerror}")


def _encoded(path: str) -> bytes:
    """The bytes of a path out of a JSON document, which may hold what no path can."""
    try:
        encoded = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise _Stopped(fault=f"{printable(path)} cannot be the name of a file")
    return encoded
