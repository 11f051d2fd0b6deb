"""bundler.json, read back where trust begins: the digests it has of other files, and what the bundle was made from."""

import hashlib
from contextlib import suppress

from bundler.bundles.documents import RECORD_MAPS, check_format, parse_object
from bundler.bundles.record import FORMAT
from bundler.errors import RequestError
from bundler.origins import Json
from bundler.rootfs.mount_points import encoded
from bundler.rootfs.paths import PathError


class Recorded:
    """The document, of the bundle that `label` names. `digest` is its own. Raises RequestError for any other."""

    def __init__(self, content: bytes, label: str) -> None:
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.document = parse_record(content, f"{label}/bundler.json")
        if not isinstance(self.document.get("manifest"), str):
            raise RequestError(f"{label}: its bundler.json knows no rootfs.mtree")

    @property
    def mount_points(self) -> list[bytes]:
        """The paths of the rootfs that are bundler's own, and no image's."""
        listed, paths = self.document.get("mount_points"), []
        for path in listed if isinstance(listed, list) else ():
            with suppress(PathError):
                paths.append(encoded(str(path).removeprefix("/")))
        return paths


def parse_record(content: bytes, label: str) -> dict[str, Json]:
    """bundler.json, which `label` names in messages. Raises RequestError for another document, or another format."""
    document = parse_object(content, label, RECORD_MAPS)
    check_format(document, label, FORMAT)
    return document
