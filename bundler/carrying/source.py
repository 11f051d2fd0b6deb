"""Opening a file or folder of images; its format is told by its content, as for `bundler build`."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bundler.carrying.contents import Contents
from bundler.carrying.docker_archives import read_docker_archive
from bundler.carrying.layouts import read_layout
from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.images.reference import Choice, Reference, parse_choice, split_path
from bundler.images.transports.archive_files import Archive, open_archive
from bundler.images.transports.directory import is_directory
from bundler.images.transports.docker_archive import is_docker_archive
from bundler.images.transports.files import Files, open_folder
from bundler.images.transports.layout import is_layout
from bundler.images.transports.mistakes import explained
from bundler.images.transports.table import TRANSPORTS, no_image_archive
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits
from bundler.progress import SILENT, Progress

_STANDARD_INPUT: Final = "-"
_PREFIX: Final = re.compile(rf"({'|'.join(map(re.escape, TRANSPORTS))}):(.*)", re.DOTALL)
_OF_FILES: Final = ("docker-archive", "oci-archive", "oci")


@dataclass(frozen=True, slots=True)
class Source:
    """A source on the command line: a path (None: standard input), a choice of image, and the transport if one was
    typed.
    """

    reference: Reference
    path: Path | None
    choice: Choice

    @classmethod
    def parse(cls, text: str) -> "Source":
        """`FILE`, `FOLDER` or `-`, with what chooses an image behind it. Raises RequestError for what is no file."""
        if not text:
            raise RequestError("the name of a file cannot be empty", hint="for example images.tar")
        prefixed = None if os.path.lexists(text) else _PREFIX.fullmatch(text)
        if prefixed is not None and prefixed[1] not in _OF_FILES:
            raise RequestError(
                f'"{printable(text)}": bundler import reads files, and folders that are OCI layouts',
                hint="bundler fetch brings images from a registry, docker save makes a file",
            )
        transport, rest = (prefixed[1], prefixed[2]) if prefixed is not None else (None, text)
        if rest == _STANDARD_INPUT or rest.startswith((f"{_STANDARD_INPUT}:", f"{_STANDARD_INPUT}@")):
            return cls(Reference(text, transport, rest), None, parse_choice(rest.removeprefix(_STANDARD_INPUT)))
        path, choice = split_path(rest, os.path.lexists)
        return cls(Reference(text, transport, rest), Path(path), choice)

    @contextmanager
    def open(self, stored: Files, workspace: Path, limits: Limits, progress: Progress = SILENT) -> Iterator[Contents]:
        """The contents of the source; blobs that it leaves out are looked for in `stored`. Raises ImageError,
        RequestError.
        """
        with ExitStack() as stack:
            try:
                contents = stack.enter_context(self._opened(stored, workspace, limits, progress))
            except BundlerError as error:
                raise explained(error, self.reference) from error
            yield contents

    @contextmanager
    def _opened(self, stored: Files, workspace: Path, limits: Limits, progress: Progress) -> Iterator[Contents]:
        if self.path is not None and self.path.is_dir():
            with open_folder(self.path, limits) as folder:
                yield self._read(folder, stored)
            return
        with open_archive(self.path, workspace, progress, limits) as archive:
            yield self._read(archive, stored)

    def _read(self, files: Files, stored: Files) -> Contents:
        # What Docker 25 and later save is both; manifest.json has the names that people know, and `build` reads that.
        if is_docker_archive(files) and self.reference.transport not in ("oci", "oci-archive"):
            if is_directory(files):
                hint = f"skopeo copy dir:{files.label} oci:LAYOUT:NAME makes one that is"
                raise ImageError(f"{files.label} is a folder that skopeo wrote, and no OCI layout", hint=hint)
            return read_docker_archive(files, self.choice)
        if is_layout(files):
            return read_layout(files, self.choice, stored)
        if isinstance(files, Archive):
            raise no_image_archive(files, self.reference.rest)
        raise ImageError(
            f"{files.label}: neither an OCI layout nor a file of images", hint="name a file, or a folder that is one"
        )
