"""Where an image comes from: one row per transport, what a person types of it, and the one function that opens it."""

import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol

from bundler.errors import BundlerError, ImageError, RequestError, closest, printable
from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice
from bundler.images.reference import (
    Choice,
    Reference,
    RegistryReference,
    looks_like_file,
    parse_choice,
    split_path,
)
from bundler.images.transports.access import Access
from bundler.images.transports.archive_files import Archive, open_archive, open_stored
from bundler.images.transports.directory import is_directory, open_directory
from bundler.images.transports.docker_archive import is_docker_archive, open_docker_archive, refuse_legacy
from bundler.images.transports.files import Files, open_folder
from bundler.images.transports.layout import is_layout, open_layout
from bundler.images.transports.mistakes import explained, here_hint
from bundler.images.transports.rootfs import rootfs_image, write_folder
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Progress

_STANDARD_INPUT: Final = "-"
# What people put in front of a path.
_PATH_WORDS: Final = ("archive", "file", "folder", "image", "path", "tar", "tarball")
_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PACKED: Final = {"bundler.json": "bundle", "project.json": "project"}
_PATH_STARTS: Final = ("/", "./", "../")


@dataclass(frozen=True, slots=True)
class _Request:
    """What an opener is given. `name` is the transport, empty for a path."""

    name: str
    reference: Reference
    wanted: PlatformChoice
    access: Access
    workspace: Path
    progress: Progress
    limits: Limits
    unpacked: bool

    def split(self) -> tuple[Path | None, Choice]:
        """A path (None: standard input) and the choice after it."""
        rest = self.reference.rest
        if _is_standard_input(rest):
            return None, parse_choice(rest.removeprefix(_STANDARD_INPUT))
        path, choice = split_path(rest, os.path.lexists)
        return Path(path), choice


@dataclass(frozen=True, slots=True)
class Transport:
    """`takes` is what follows the name, for the manual; `beyond` is why --offline forbids it and what to do instead."""

    name: str
    takes: str
    open: Callable[[_Request], AbstractContextManager[Image]]
    beyond: tuple[str, str] | None = None

    @property
    def typed(self) -> str:
        """What is typed in front of an image."""
        return f"{self.name}://" if self.takes.startswith("//") else f"{self.name}:"


class _Read(Protocol):
    """What reads an image out of files. Raises ImageError, or RequestError when several could be meant."""

    def __call__(
        self, files: Files, choice: Choice, wanted: PlatformChoice, /, *, transport: str, file_name: str
    ) -> Image: ...


def _from_archive(read: _Read) -> Callable[[_Request], AbstractContextManager[Image]]:
    @contextmanager
    def open_archived(request: _Request) -> Iterator[Image]:
        path, choice = request.split()
        with open_archive(path, request.workspace, request.progress, request.limits) as files:
            yield read(files, choice, request.wanted, transport=request.name, file_name=_file_name(path))

    return open_archived


@contextmanager
def _open_docker(request: _Request) -> Iterator[Image]:
    from bundler.images.transports.registry import open_registry_image  # noqa: PLC0415 -- files need no skopeo

    name, fetch = request.reference.name_in_registry(), request.progress if request.unpacked else None
    access, place, limits = request.access, request.workspace, request.limits
    yield open_registry_image(name, request.wanted, access, place, limits=limits, fetch=fetch)


def _open_stored(request: _Request) -> AbstractContextManager[Image]:
    from bundler.images.transports.skopeo import open_stored_image  # noqa: PLC0415 -- files need no skopeo

    name = f"{request.name}:{request.reference.rest}"
    progress, limits = request.progress, request.limits
    return open_stored_image(name, request.wanted, request.access, request.workspace, progress=progress, limits=limits)


@contextmanager
def _open_oci(request: _Request) -> Iterator[Image]:
    path, choice = split_path(request.reference.rest, os.path.lexists)
    with open_folder(Path(path), request.limits) as files:
        yield open_layout(files, choice, request.wanted, transport=request.name, file_name=_file_name(Path(path)))


@contextmanager
def _open_dir(request: _Request) -> Iterator[Image]:
    path = Path(request.reference.rest)
    with open_folder(path, request.limits) as files:
        yield open_directory(files, Choice(), request.wanted, transport=request.name, file_name=_file_name(path))


@contextmanager
def _open_rootfs_tar(request: _Request) -> Iterator[Image]:
    rest, wanted, limits = request.reference.rest, request.wanted, request.limits
    path = None if rest == _STANDARD_INPUT else Path(rest)
    with open_stored(path, request.workspace, request.progress, limits) as (file, label):
        yield rootfs_image(file, label, wanted, limits, transport=request.name, file_name=_file_name(path))


@contextmanager
def _open_rootfs(request: _Request) -> Iterator[Image]:
    path, wanted, limits = Path(request.reference.rest), request.wanted, request.limits
    with open_folder(path, limits) as folder, tempfile.TemporaryFile(dir=request.workspace) as spool:
        with request.progress.measure(f"reading {folder.label}", None):
            write_folder(folder.descriptor, folder.label, spool, limits)
        name = _file_name(path)
        yield rootfs_image(spool.fileno(), folder.label, wanted, limits, transport=request.name, file_name=name)


_IN_A_REGISTRY: Final = (
    "is in a registry",
    "name a file or a folder, or bundler fetch it into the store first and name it without docker://",
)
_IN_A_DAEMON: Final = ("is in a Docker daemon", "docker save makes a file of it")
_REGISTRY: Final = Transport("docker", "//NAME[:TAG|@DIGEST]", _open_docker, beyond=_IN_A_REGISTRY)
_DOCKER_ARCHIVE: Final = Transport("docker-archive", "FILE[:NAME|:@POSITION|@ID]", _from_archive(open_docker_archive))
_OCI_ARCHIVE: Final = Transport("oci-archive", "FILE[:NAME|:@POSITION|@DIGEST]", _from_archive(open_layout))
_OCI: Final = Transport("oci", "FOLDER[:NAME|:@POSITION|@DIGEST]", _open_oci)
_DIR: Final = Transport("dir", "FOLDER", _open_dir)
_ROOTFS_TAR: Final = Transport("rootfs-tar", "FILE|-", _open_rootfs_tar)
_ROOTFS: Final = Transport("rootfs", "FOLDER", _open_rootfs)
TRANSPORTS: Final = {
    row.name: row
    for row in (
        _REGISTRY,
        _DOCKER_ARCHIVE,
        _OCI_ARCHIVE,
        _OCI,
        _DIR,
        _ROOTFS_TAR,
        _ROOTFS,
        # A socket is all it takes to reach a daemon, and DOCKER_HOST may name one anywhere.
        Transport("docker-daemon", "NAME:TAG|ID", _open_stored, beyond=_IN_A_DAEMON),
        Transport("containers-storage", "NAME[:TAG|@DIGEST]|ID", _open_stored),
    )
}


@contextmanager
def _open_path(request: _Request) -> Iterator[Image]:
    """A path without a transport: its content says which it is."""
    path, choice = request.split()
    wanted, name = request.wanted, _file_name(path)
    if path is not None and path.is_dir():
        with open_folder(path, request.limits) as folder:
            if is_layout(folder):
                yield open_layout(folder, choice, wanted, transport=_OCI.name, file_name=name)
            elif is_directory(folder):
                yield open_directory(folder, choice, wanted, transport=_DIR.name, file_name=name)
            else:
                raise ImageError(
                    f"{folder.label}: neither an OCI layout nor a folder that skopeo wrote",
                    hint=f"if these are the files of a root filesystem: {_ROOTFS.typed}{folder.label}",
                )
        return
    with open_archive(path, request.workspace, request.progress, request.limits) as archive:
        # What Docker 25 and later save is both; manifest.json has the names that people know.
        if is_docker_archive(archive):
            yield open_docker_archive(archive, choice, wanted, transport=_DOCKER_ARCHIVE.name, file_name=name)
        elif is_layout(archive):
            yield open_layout(archive, choice, wanted, transport=_OCI_ARCHIVE.name, file_name=name)
        else:
            raise no_image_archive(archive, request.reference.rest)


def no_image_archive(archive: Archive, given: str) -> ImageError:
    """What to say of an archive that is none of an image, and that was given as `given`."""
    refuse_legacy(archive)
    for document, kind in _PACKED.items():
        if archive.has(document):
            hint = f"bundler unpack {shlex.quote(archive.label)} -o DIR makes it a {kind} again"
            return ImageError(f"{archive.label} is a {kind} that bundler packed, not an image", hint=hint)
    return ImageError(
        f"{archive.label}: neither a docker-archive nor an oci-archive",
        hint=f"if this is a root filesystem (docker export): {_ROOTFS_TAR.typed}{given}",
    )


_PATH: Final = Transport("", "", _open_path)


@contextmanager
def open_image(
    reference: Reference,
    wanted: PlatformChoice,
    *,
    access: Access,
    workspace: Path,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    unpacked: bool = False,
) -> Iterator[Image]:
    """The image that `reference` names, for as long as the context lasts; its layers are had and read while it does.

    `unpacked` says that its layers will be wanted for sure. `workspace` is an existing private folder for temporary
    files, which the caller removes. Raises RequestError for what cannot be asked for, ImageError for an image that is
    missing, corrupt or unsupported, and ToolError when skopeo is needed and fails.
    """
    transport = _PATH if reference.transport is None else TRANSPORTS[reference.transport]
    request = _Request(transport.name, reference, wanted, access, workspace, progress, limits, unpacked)
    with ExitStack() as stack:
        try:
            _check_reach(transport, reference, access)
            image = stack.enter_context(transport.open(request))
        except BundlerError as error:
            raise explained(error, reference) from error
        yield image


def _check_reach(transport: Transport, reference: Reference, access: Access) -> None:
    """Raise RequestError where the network is needed and forbidden."""
    if transport.beyond is not None and access.offline:
        where, hint = transport.beyond
        raise RequestError(f'"{printable(reference.text)}" {where}, and --offline forbids the network', hint=hint)


def parse_reference(text: str) -> Reference:
    """Tell transport, path and registry name apart. Raises RequestError, naming the nearest transport or the fault."""
    if "\0" in text or not text:
        hint = "for example nginx:1.27, or ./image.tar, which docker save wrote"
        raise RequestError("the name of an image cannot be empty or hold a NUL byte", hint=hint)
    if _is_standard_input(text):
        return Reference(text, None, text)
    prefixed = _PREFIX.fullmatch(text)
    if prefixed is not None and prefixed[1] in TRANSPORTS:
        return _with_transport(text, TRANSPORTS[prefixed[1]], prefixed[2])
    if text in (".", "..") or text.startswith(_PATH_STARTS) or text.endswith("/"):
        return Reference(text, None, text)
    registry, fault = None, ""
    try:
        registry = RegistryReference.parse(text)
    except ValueError as error:
        fault = printable(str(error))
    is_path = looks_like_file(text)
    if prefixed is not None and (fault or is_path):
        _refuse_unknown_transport(text, prefixed[1], prefixed[2])
    if is_path:
        return Reference(text, None, text)
    if fault:
        hint = here_hint(text) or "start a path with / or ./, such as ./image"
        raise RequestError(f'"{printable(text)}" does not name an image: {fault}', hint=hint)
    return Reference(text, _REGISTRY.name, text, registry)


def _with_transport(text: str, transport: Transport, rest: str) -> Reference:
    registry = None
    if transport is _REGISTRY:
        if not rest.startswith("//"):
            raise RequestError(f'"{printable(text)}" lacks two slashes', hint=f"write {transport.typed}NAME")
        rest = rest[2:]
        try:
            registry = RegistryReference.parse(rest)
        except ValueError as error:
            what = f'"{printable(text)}" does not name an image: {printable(str(error))}'
            raise RequestError(what) from error
    if not rest:
        hint = f"write {transport.typed}{transport.takes.removeprefix('//')}"
        raise RequestError(f'"{transport.name}:" lacks the name or path of an image', hint=hint)
    return Reference(text, transport.name, rest, registry)


def _refuse_unknown_transport(text: str, prefix: str, rest: str) -> None:
    """Raise if what stands before the colon was meant as a transport; a host or a folder may also stand there."""
    if prefix in _PATH_WORDS:
        raise RequestError(f'"{printable(prefix)}:" is no transport', hint=f"a path needs none: {printable(rest)}")
    if prefix in ("http", "https"):
        raise RequestError(f'"{printable(text)}" is a web address', hint="write docker://HOST/NAME for a registry")
    meant = closest(prefix.lower(), TRANSPORTS, similarity=0.75)
    if meant is None and not rest.startswith("/"):
        return
    there = f"there are: {', '.join(row.typed for row in TRANSPORTS.values())}"
    hint = there if meant is None else f"did you mean {TRANSPORTS[meant].typed}?"
    raise RequestError(f'"{printable(prefix)}:" is no transport', hint=hint)


def _is_standard_input(text: str) -> bool:
    return text == _STANDARD_INPUT or text.startswith((f"{_STANDARD_INPUT}:", f"{_STANDARD_INPUT}@"))


def _file_name(path: Path | None) -> str:
    """The last name of a path; of `.` and of `layout/..` the name of the folder that is meant."""
    return "" if path is None else Path(os.path.abspath(path)).name  # noqa: PTH100 - resolve() would follow links
