"""bundler.json, where trust in a bundle begins: the digests of its other files, and what it was made from."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

from bundler import __version__
from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.rootfs.mount_points import encoded
from bundler.rootfs.paths import PathError
from bundler.strict_json import parse_object

NAME: Final = "bundler.json"
FORMAT: Final = 2
# Members, folded, whose names are data: paths and JSON Pointers.
_MAPS: Final = frozenset(("attributes", "beaten", "documents", "files", "folders", "origins"))


def digest_of(content: bytes) -> str:
    """The digest of a file's content, as bundler.json has it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class BundleRecord:
    """The `document`, which `label` names; `digest` is its own. Raises RequestError for another, or another format."""

    def __init__(self, content: bytes, label: str) -> None:
        self.digest = digest_of(content)
        self.document = parse_object(content, label, _MAPS)
        check_format(self.document, label, FORMAT)

    def complete(self, bundle: str) -> Self:
        """The record, if it is about a root filesystem. Raises RequestError, which names the `bundle`."""
        if not isinstance(self.document.get("manifest"), str):
            raise RequestError(f"{bundle}: its bundler.json knows no rootfs.mtree")
        return self

    def fits(self, config_json: bytes) -> bool:
        """Whether it has the digest of these bytes, so that config.json is as it was built."""
        return self.document.get("config") == digest_of(config_json)

    @property
    def mount_points(self) -> list[bytes]:
        """The paths of the rootfs that bundler has made, not the image."""
        listed, paths = self.document.get("mount_points"), []
        for path in listed if isinstance(listed, list) else ():
            with suppress(PathError):
                paths.append(encoded(str(path).removeprefix("/")))
        return paths


def part_of(recorded: Mapping[str, Json], key: str) -> dict[str, Json]:
    """An object of bundler.json, empty where there is none. Raises RequestError for anything else."""
    part = recorded.get(key, {})
    if not isinstance(part, dict):
        raise RequestError(f"bundler.json: {key}: not an object")
    return part


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
