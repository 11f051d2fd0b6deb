"""The files of a compose project: several laid over each other, those they include, and those that services extend.

Nothing is merged here. A service, a volume, a config is what stands under its name in each file, the lowest first; only
what is asked for is looked at any closer.
"""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, closest, printable
from bundler.light_dataclasses import dataclass
from bundler.overrides import schema
from bundler.overrides.compose.variables import Variables, interpolate, parse_variables
from bundler.overrides.files import OverridesFile, Source, read, read_first
from bundler.overrides.node import Budget, Node
from bundler.overrides.yaml_document import parse, shown_name
from bundler.path_kinds import kind_of

SECTIONS: Final = ("services", "networks", "volumes", "configs", "secrets", "models")
_KEYS: Final = ("version", "name", "include", *SECTIONS)
_MOST_FILES: Final = 100  # files of one project; a project that includes itself by another path has no end
_MOST_SERVICES: Final = 1000  # services that one is made of, counted as often as they are
_UNREAD: Final = ".env"  # compose reads it unasked
_NO_FILE: Final = "/dev/null"  # compose's own way to say that there is no env file


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """One file as it was read. `path` is absolute, and so is `folder`, below which relative paths of it lie."""

    name: str
    path: str
    folder: str
    root: Node
    variables: Variables
    includes: tuple["ComposeFile", ...] = ()

    def layers(self, section: str, name: str) -> "list[NamedNode]":
        """What stands under a name, in the files that this one includes and then in this one."""
        below = [layer for included in self.includes for layer in included.layers(section, name)]
        named = self.section(section).get(name)
        return [*below, NamedNode(named, self)] if named is not None else below

    def names(self, section: str) -> list[str]:
        below = [name for included in self.includes for name in included.names(section)]
        return list(dict.fromkeys([*below, *self.section(section)]))

    def section(self, section: str) -> dict[str, Node]:
        node = self.root.entries().get(section)
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            raise node.error(f"{section}: a map of names is expected here")
        return node.value

    def located(self, path: str, named_by: Node) -> str:
        """A path of the machine as this file names it, absolute."""
        if path.startswith("~"):
            hint = "write the path; nothing is read from the environment"
            raise named_by.error(f"{printable(path)!r} is below the home of the user who runs compose", hint=hint)
        return posixpath.normpath(posixpath.join(self.folder, path))


@dataclass(frozen=True, slots=True)
class NamedNode:
    """What one file says under a name."""

    node: Node
    file: ComposeFile


@dataclass(slots=True)
class Reader:
    """Reads files, counts them, and remembers their bytes and what there is to say of them."""

    variables: dict[str, str] = field(default_factory=dict)
    files: list[OverridesFile] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)
    count: int = 0
    budget: Budget = field(default_factory=Budget)
    looked_at: int = 0

    @classmethod
    def of(cls, assignments: Iterable[str], files: Iterable[str], path: str) -> "Reader":
        """For the compose file `path`, with the variables of `files`, in order, and of NAME=VALUE words above them.

        As in compose, the words count inside the files, too, and PWD is the folder it would be called in: that of the
        compose file. Raises RequestError.
        """
        given = {"PWD": _folder_of(path)} | dict(map(_assignment, assignments))
        reader = cls(given)
        listed = list(files)
        beside = Path(path).parent / _UNREAD  # not with_name(), which "." has not got
        if not listed and path != "-" and beside.is_file():
            reader.remark(f"note: {printable(str(beside))} is read only where it is named as a file of variables")
        for file in listed:
            variables = reader.variables_of(file, None, Variables(dict(reader.variables), reader.remark, reader.budget))
            reader.variables |= {name: node.text() for name, node in variables.items()} | given
        return reader

    def remark(self, sentence: str) -> None:
        self.remarks[sentence] = None

    def look_at(self, service: Node) -> None:
        """Count a service. Raises RequestError where a few of them, each in terms of two others, are too many."""
        self.looked_at += 1
        if self.looked_at > _MOST_SERVICES:
            raise service.error(f"more than {_MOST_SERVICES} services are said in terms of others")

    def project(self, paths: Sequence[str]) -> tuple[ComposeFile, ...]:
        """The files of a project, the lowest first; relative paths of all lie below the folder of the first."""
        variables = Variables(dict(self.variables), self.remark, self.budget)
        folder = _folder_of(paths[0])
        files: list[ComposeFile] = []
        for path in paths:
            root = self._root(read_first(path))
            named = root.entries().get("name")
            if named is not None and isinstance(named.value, str):
                variables = variables.beneath({"COMPOSE_PROJECT_NAME": interpolate(named, variables).text()})
            files.append(self._file(_absolute(path), root, folder, variables, ()))
        return tuple(files)

    def extended(self, path: str, named_by: Node, variables: Variables) -> ComposeFile:
        """A file that a service extends one of; what it includes does not count, as with compose."""
        root = self._root(read(Path(path), named_by))
        return ComposeFile(shown_name(path), path, posixpath.dirname(path), root, variables)

    def variables_of(self, path: str, named_by: Node | None, variables: Variables) -> dict[str, Node]:
        """The variables of a file in compose's grammar."""
        source = self.source(path, named_by)
        return parse_variables(source.content, source.name, variables)

    def source(self, path: str, named_by: Node | None) -> Source:
        """A file of variables, of labels, or a seccomp profile."""
        return self._counted(read(Path(path), named_by))

    def _counted(self, source: Source) -> Source:
        self.count += 1
        if self.count > _MOST_FILES:
            raise RequestError(f"{source.name}: a project of more than {_MOST_FILES} files")
        self.files.append(source.recorded())
        return source

    def _root(self, source: Source) -> Node:
        text = self._counted(source).content
        root = parse(text, source.name, leading_zero_is_octal=True, budget=self.budget)
        if not isinstance(root.value, dict):
            raise root.error("a compose file is a map with the key services", hint=_hint(text, source.name))
        for key, node in root.value.items():
            if key not in _KEYS and not key.startswith("x-"):
                hint = _OVERRIDES if schema.rule(key) else nearest(key, _KEYS)
                raise node.key_error(f"unknown key {printable(key[:60])!r} in a compose file", hint)
        return root

    def _file(
        self, path: str, root: Node, folder: str, variables: Variables, including: tuple[str, ...]
    ) -> ComposeFile:
        """The file with those it includes; `including` are the paths of the files that led here."""
        file = ComposeFile(shown_name(path), path, folder, root, variables)
        node = root.entries().get("include")
        if node is None or node.value is None:
            return file
        if not isinstance(node.value, tuple):
            raise node.error("include: a list of files is expected here")
        trail = (*including, path)
        included = [each for item in node.value for each in self._included(interpolate(item, variables), file, trail)]
        return ComposeFile(file.name, path, folder, root, variables, tuple(included))

    def _included(self, node: Node, file: ComposeFile, trail: tuple[str, ...]) -> list[ComposeFile]:
        entries = node.value if isinstance(node.value, dict) else {"path": node}
        if unknown := [key for key in entries if key not in ("path", "project_directory", "env_file")]:
            raise node.error(f"include: unknown key {printable(unknown[0][:60])!r}")
        if "path" not in entries:
            raise node.error("include: path is missing")
        paths = [file.located(item.text(), item) for item in texts(entries["path"], "include")]
        if not paths:
            raise node.error("include: a file is expected here")
        folder = posixpath.dirname(paths[0])
        if "project_directory" in entries:
            (directory,) = texts(entries["project_directory"], "include")[:1] or (node,)
            folder = file.located(directory.text(), directory)
        variables = file.variables
        for item in texts(entries["env_file"], "include") if "env_file" in entries else ():
            if item.text() != _NO_FILE:
                of_file = self.variables_of(file.located(item.text(), item), item, variables)
                variables = variables.beneath({name: value.text() for name, value in of_file.items()})
        for path in paths:
            if path in trail:
                raise node.error(f"include: {printable(posixpath.basename(path))} includes itself")
        return [self._file(path, self._root(read(Path(path), node)), folder, variables, trail) for path in paths]


_OVERRIDES: Final = "it is a key of overrides files and of services: --overrides FILE, or services: {NAME: {...}}"


def _hint(content: bytes, name: str) -> str:
    kind = kind_of(content)
    use = None if kind is None else kind.hint(name)
    return f"{name} {kind.what}: {use}" if kind is not None and use else "services: {web: {image: nginx:1.27}} is one"


def _assignment(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not name or not separator:
        hint = "nothing is read from the environment: name the value, too"
        raise RequestError(f"--env {printable(word[:60])!r}: it is not NAME=VALUE", hint=hint)
    return name, value


def texts(node: Node, key: str) -> tuple[Node, ...]:
    """A text or a list of them. Raises RequestError for anything else."""
    listed = node.value if isinstance(node.value, tuple) else (node,)
    for item in listed:
        if not isinstance(item.value, str) or not item.value:
            raise item.error(f"{key}: a path is expected here")
    return listed


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist."""
    names = list(known)
    near = closest(name, names)
    listed = ", ".join(printable(each[:60]) for each in names[:20]) or "none"
    return f"did you mean {printable(near)!r}?" if near else f"known here: {listed}"


def _folder_of(path: str) -> str:
    """The absolute folder of a file; standard input is read here."""
    return posixpath.normpath(Path.cwd()) if path == "-" else posixpath.dirname(_absolute(path))


def _absolute(path: str) -> str:
    """A path without `.` and `..`, by which a file is known that includes, or extends, itself."""
    absolute = path if path == "-" else posixpath.normpath(Path(path).absolute())
    try:
        absolute.encode()
    except UnicodeEncodeError:
        raise RequestError(f"{printable(absolute)}: the path is not UTF-8") from None
    return absolute
