"""Files of a bundle opened and read back within limits, and the formats of documents that are bundler's own."""

import errno
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Final

from bundler import __version__
from bundler.errors import RequestError, printable
from bundler.input_files import InputError, open_inside, read_all
from bundler.origins import Json

_FORBIDDEN: Final = (errno.EACCES, errno.EPERM)
_LARGEST_MANIFEST: Final = 4 << 30  # bytes; an entry has some 150, and an image at most ten million of them
LARGEST: Final = 16 << 20  # bytes; the largest config.json of a real container has some 100 kB
# Members of bundler.json, folded, whose names are data: paths and JSON Pointers.
RECORD_MAPS: Final = frozenset(("attributes", "beaten", "documents", "files", "folders", "origins"))


def open_document(bundle: Path, name: str) -> BufferedReader:
    """The file `name` of a bundle, which has to be one. Raises RequestError, PermissionError."""
    path = bundle / name
    try:
        descriptor = open_inside(path)
    except InputError as error:
        if error.number in _FORBIDDEN:
            raise PermissionError(error.number, os.strerror(error.number), str(path)) from None
        if error.number == errno.ENOENT or not bundle.is_dir():
            why = f"it has no {name}" if bundle.is_dir() else "there is no such directory"
            hint = "`bundler build` makes one"
            raise RequestError(f"{printable(str(bundle))} is not a bundle: {why}", hint=hint) from None
        raise RequestError(f"{printable(str(path))} {error}") from None
    if os.fstat(descriptor).st_size > _LARGEST_MANIFEST:
        os.close(descriptor)
        raise RequestError(f"{printable(str(path))} has more than {_LARGEST_MANIFEST} bytes")
    return os.fdopen(descriptor, "rb")


def read_document(bundle: Path, name: str) -> bytes:
    """The content of the file `name` of a bundle. Raises RequestError, PermissionError."""
    with open_document(bundle, name) as stream:
        try:
            return read_all(stream.fileno(), LARGEST)
        except InputError as error:
            raise RequestError(f"{printable(str(bundle / name))} {error}") from None


def check_format(document: Mapping[str, Json], label: str, known: int) -> None:
    """Raise RequestError unless `document`, one of bundler's own, says that it has the format that is `known` here.

    A reader that goes on with what it does not know would leave out what a later version has put there to be checked.
    """
    stated = document.get("format")
    if type(stated) is int and stated == known:
        return
    this = f"bundler {__version__} reads format {known}"
    if "format" not in document:
        raise RequestError(f"{label}: it states no format, and {this}", hint="bundler build makes it anew")
    written_by = document.get("bundler")
    other = f"bundler {printable(written_by[:40])}" if isinstance(written_by, str) else "the bundler that wrote it"
    raise RequestError(
        f"{label}: it has format {printable(str(stated)[:40])}, and {this}", hint=f"{other} reads it, or a later one"
    )
