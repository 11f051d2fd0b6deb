"""Sending artifacts to a registry: an OCI layout in a temporary folder, which skopeo copies there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bundler.distribution.artifact import EMPTY, Artifact
from bundler.images.descriptor import descriptor_document
from bundler.images.digest import Digest
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST
from bundler.images.reference import RegistryReference
from bundler.images.transports.access import persist
from bundler.images.transports.layout import BLOBS, INDEX, MARKER, MARKER_CONTENT, blob_name
from bundler.images.transports.registry import Repository
from bundler.light_dataclasses import dataclass
from bundler.progress import Progress, rising

# To the letter: manifests name each other by their digests.
_AS_IT_IS: Final = "--preserve-digests"
# Its manifests are there already. Skopeo 1.9 would refuse to keep the digest of one with an artifactType, and leaves
# that out; later ones keep it.
_ITSELF: Final = "--multi-arch=index-only"


@dataclass(frozen=True, slots=True)
class Upload:
    """Sends artifacts to one repository; the layout is made in the existing empty `folder`."""

    repository: Repository
    folder: Path
    progress: Progress

    def send(self, artifact: Artifact, file: Path, name: RegistryReference | None = None) -> None:
        """The artifact of `file`, as `name`, or by its digest alone. Raises ImageError, ToolError.

        The registry is sent those blobs that it lacks, so that what was interrupted goes on behind the last whole one.
        """
        for content in (EMPTY, artifact.raw):
            self._put(content)
        place = self._place(artifact.content.digest)
        if not place.exists():
            place.symlink_to(file.absolute())
        to = self.repository.pinned(artifact.digest) if name is None else f"docker://{name}"
        self._list(OCI_MANIFEST, artifact.raw)
        self._copy(to, artifact.content.size, _AS_IT_IS)

    def send_index(self, index: bytes, name: RegistryReference) -> None:
        """An index of manifests that the registry has. Raises ImageError, ToolError."""
        self._put(index)
        self._list(OCI_INDEX, index)
        self._copy(f"docker://{name}", len(index), _ITSELF)

    def _copy(self, to: str, size: int, option: str) -> None:
        skopeo = self.repository.skopeo
        with self.progress.measure(f"pushing {to.removeprefix('docker://')}", size) as meter:
            reach = _within(size, rising(meter))
            persist(skopeo.access, lambda: skopeo.upload(self.folder, to, reach, option))
            reach(size)

    def _put(self, content: bytes) -> None:
        self._place(Digest.of(content)).write_bytes(content)

    def _place(self, digest: Digest) -> Path:
        place = self.folder / blob_name(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _list(self, media_type: str, content: bytes) -> None:
        (self.folder / BLOBS).mkdir(exist_ok=True)
        (self.folder / MARKER).write_bytes(MARKER_CONTENT)
        entry = descriptor_document(media_type, Digest.of(content), len(content))
        (self.folder / INDEX).write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}), "ascii")


def _within(size: int, reach: Callable[[int], None]) -> Callable[[int], None]:
    """What was written is a little more than what is sent: heads of requests, and what TLS adds."""
    return lambda position: reach(min(position, size))
