"""Where an image comes from: one row per transport, and the one function that opens an image."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.errors import ImageError, RequestError, printable
from bundler.images.image import Image
from bundler.images.index import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import STANDARD_INPUT, Choice, parse_choice, parse_reference, split_path
from bundler.images.transports.access import Access
from bundler.images.transports.archive_files import open_archive, open_stored
from bundler.images.transports.directory import is_directory, open_directory
from bundler.images.transports.docker_archive import is_docker_archive, open_docker_archive, refuse_legacy
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import is_layout, open_layout
from bundler.images.transports.registry import open_registry_image
from bundler.images.transports.rootfs import rootfs_image, write_folder
from bundler.images.transports.skopeo import open_stored_image
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class _Request:
    """What an opener is given: `rest` is the reference without its transport."""

    rest: str
    wanted: PlatformChoice
    access: Access
    workspace: Path
    progress: Progress
    limits: Limits
    unpacked: bool


@dataclass(frozen=True, slots=True)
class Transport:
    """`takes` is what follows the name, for the manual; `beyond` is why --offline forbids it and what to do instead."""

    name: str
    takes: str
    open: Callable[[_Request], AbstractContextManager[Image]]
    beyond: tuple[str, str] | None = None


@contextmanager
def _open_docker(request: _Request) -> Iterator[Image]:
    yield open_registry_image(
        request.rest,
        request.wanted,
        request.access,
        request.workspace,
        limits=request.limits,
        fetch=request.progress if request.unpacked else None,
    )


def _stored(transport: str) -> Callable[[_Request], AbstractContextManager[Image]]:
    def open_stored(request: _Request) -> AbstractContextManager[Image]:
        return open_stored_image(
            f"{transport}:{request.rest}",
            request.wanted,
            request.access,
            request.workspace,
            progress=request.progress,
            limits=request.limits,
        )

    return open_stored


@contextmanager
def _open_docker_archive(request: _Request) -> Iterator[Image]:
    path, choice = _split(request.rest)
    with open_archive(path, request.workspace, request.progress, request.limits) as files:
        yield open_docker_archive(files, choice, request.wanted, file_name=_file_name(path))


@contextmanager
def _open_oci_archive(request: _Request) -> Iterator[Image]:
    path, choice = _split(request.rest)
    with open_archive(path, request.workspace, request.progress, request.limits) as files:
        yield open_layout(files, choice, request.wanted, transport="oci-archive", file_name=_file_name(path))


@contextmanager
def _open_oci(request: _Request) -> Iterator[Image]:
    path, choice = split_path(request.rest, os.path.lexists)
    with open_folder(Path(path), request.limits) as files:
        yield open_layout(files, choice, request.wanted, transport="oci", file_name=_file_name(Path(path)))


@contextmanager
def _open_dir(request: _Request) -> Iterator[Image]:
    path = Path(request.rest)
    with open_folder(path, request.limits) as files:
        yield open_directory(files, request.wanted, file_name=_file_name(path))


@contextmanager
def _open_rootfs_tar(request: _Request) -> Iterator[Image]:
    path = None if request.rest == STANDARD_INPUT else Path(request.rest)
    with open_stored(path, request.workspace, request.progress, request.limits) as (file, label):
        yield rootfs_image(
            file, label, request.wanted, request.limits, transport="rootfs-tar", file_name=_file_name(path)
        )


@contextmanager
def _open_rootfs(request: _Request) -> Iterator[Image]:
    path = Path(request.rest)
    with open_folder(path, request.limits) as folder, tempfile.TemporaryFile(dir=request.workspace) as spool:
        with request.progress.measure(f"reading {folder.label}", None):
            write_folder(folder.descriptor, folder.label, spool, request.limits)
        yield rootfs_image(
            spool.fileno(),
            folder.label,
            request.wanted,
            request.limits,
            transport="rootfs",
            file_name=_file_name(path),
        )


@contextmanager
def _open_path(request: _Request) -> Iterator[Image]:
    """A path without a transport: its content says which it is."""
    path, choice = _split(request.rest)
    name = _file_name(path)
    if path is not None and path.is_dir():
        with open_folder(path, request.limits) as folder:
            if is_layout(folder):
                yield open_layout(folder, choice, request.wanted, transport="oci", file_name=name)
            elif is_directory(folder):
                if choice != Choice():
                    raise RequestError(f"{folder.label}: skopeo's folders hold one image, there is nothing to choose")
                yield open_directory(folder, request.wanted, file_name=name)
            else:
                raise ImageError(
                    f"{folder.label}: neither an OCI layout nor a folder that skopeo wrote",
                    hint=f"if these are the files of a root filesystem: rootfs:{folder.label}",
                )
        return
    with open_archive(path, request.workspace, request.progress, request.limits) as archive:
        # What Docker 25 and later save is both; manifest.json has the names that people know.
        if is_docker_archive(archive):
            yield open_docker_archive(archive, choice, request.wanted, file_name=name)
        elif is_layout(archive):
            yield open_layout(archive, choice, request.wanted, transport="oci-archive", file_name=name)
        else:
            refuse_legacy(archive)
            raise ImageError(
                f"{archive.label}: neither a docker-archive nor an oci-archive",
                hint=f"if this is a root filesystem (docker export): rootfs-tar:{request.rest}",
            )


_IN_A_REGISTRY: Final = (
    "is in a registry",
    "name a file or a folder, or bundler fetch it into the store first and name it without docker://",
)
_IN_A_DAEMON: Final = ("is in a Docker daemon", "docker save makes a file of it")
TRANSPORTS: Final = {
    row.name: row
    for row in (
        Transport("docker", "//NAME[:TAG|@DIGEST]", _open_docker, beyond=_IN_A_REGISTRY),
        Transport("docker-archive", "FILE[:NAME|:@POSITION|@ID]", _open_docker_archive),
        Transport("oci-archive", "FILE[:NAME|:@POSITION|@DIGEST]", _open_oci_archive),
        Transport("oci", "FOLDER[:NAME|:@POSITION|@DIGEST]", _open_oci),
        Transport("dir", "FOLDER", _open_dir),
        Transport("rootfs-tar", "FILE|-", _open_rootfs_tar),
        Transport("rootfs", "FOLDER", _open_rootfs),
        # A socket is all it takes to reach a daemon, and DOCKER_HOST may name one anywhere.
        Transport("docker-daemon", "NAME:TAG|ID", _stored("docker-daemon"), beyond=_IN_A_DAEMON),
        Transport("containers-storage", "NAME[:TAG|@DIGEST]|ID", _stored("containers-storage")),
    )
}
_PATH: Final = Transport("path", "", _open_path)


@contextmanager
def open_image(
    reference: str,
    *,
    platform: Platform,
    platform_requested: bool,
    access: Access,
    workspace: Path,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    unpacked: bool = False,
) -> Iterator[Image]:
    """The image that `reference` names, for as long as the context lasts; its layers are had and read while it does.

    `unpacked` says that its layers will be wanted for sure.

    `platform` is what is looked for in an image index; if `platform_requested`, an image without an index has to be
    for it too. `workspace` is an existing private folder for temporary files, which the caller removes. Raises
    RequestError for a reference that is none, ImageError for an image that is missing, corrupt or unsupported, and
    ToolError when skopeo is needed and fails.
    """
    parsed = parse_reference(reference)
    transport = _PATH if parsed.transport is None else TRANSPORTS[parsed.transport]
    if transport.beyond is not None and access.offline:
        where, hint = transport.beyond
        raise RequestError(f'"{printable(reference)}" {where}, and --offline forbids the network', hint=hint)
    wanted = PlatformChoice(platform, platform_requested)
    with transport.open(_Request(parsed.rest, wanted, access, workspace, progress, limits, unpacked)) as image:
        yield image


def _split(rest: str) -> tuple[Path | None, Choice]:
    """A path (None: standard input) and the choice after it."""
    if rest == STANDARD_INPUT or rest.startswith((f"{STANDARD_INPUT}:", f"{STANDARD_INPUT}@")):
        return None, parse_choice(rest.removeprefix(STANDARD_INPUT))
    path, choice = split_path(rest, os.path.lexists)
    return Path(path), choice


def _file_name(path: Path | None) -> str:
    """The last name of a path; of `.` and of `layout/..` the name of the folder that is meant."""
    return "" if path is None else Path(os.path.abspath(path)).name  # noqa: PTH100 - resolve() would follow links
