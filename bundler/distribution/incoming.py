"""Files on their way from a registry: into the store, and from there, compared with their digests, to a new file."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bundler.bundles.write import write_file
from bundler.distribution.artifact import Artifact
from bundler.errors import DifferenceError, ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.transports.layout import blob_name
from bundler.images.transports.registry import Repository
from bundler.progress import Progress
from bundler.sizes import readable_size
from bundler.store.fetch import fetch_layers
from bundler.store.layout import Store
from bundler.trust.file_signatures import LARGEST, suffix_of, verify_file
from bundler.trust.keys import Signed, TrustedKey

_CHUNK: Final = 1 << 20


class Incoming:
    """Fetches files of one repository. `blobs` are those that came into the store, `size` counts bytes of files."""

    def __init__(self, repository: Repository, store: Store, progress: Progress) -> None:
        self.blobs: list[Descriptor] = []
        self.size = 0
        self._repository = repository
        self._store = store
        self._progress = progress

    def file(self, artifact: Artifact, place: Path) -> None:
        """Write the artifact's file to the new file `place`. Raises ImageError, ToolError, OSError."""
        fetch_layers(self._store, self._repository, artifact, self._progress)
        self.blobs += artifact.blobs
        self.size += artifact.content.size
        digest, content = hashlib.new(artifact.content.digest.algorithm), artifact.content
        with self._store.files.open(blob_name(content.digest)) as source, place.open("xb") as copy:
            place.chmod(0o600)  # as what `pack` writes: a reader of it has the bundle's secrets
            while part := source.read(_CHUNK):
                digest.update(part)
                copy.write(part)
        if digest.hexdigest() != content.digest.encoded:
            raise ImageError(f"{self._repository.reference}: {content.digest} is not what came", hint="try again")

    def signatures(self, artifacts: Sequence[Artifact], folder: Path) -> Iterator[bytes]:
        """The contents of signatures; `folder` is for temporary files. Raises ImageError, ToolError, OSError."""
        for artifact in artifacts:
            if artifact.content.size > LARGEST:
                what = f"a signature of {readable_size(artifact.content.size)}, and no signature is as large"
                raise ImageError(f"{self._repository.reference}: {what}")
            place = folder / "signature"
            self.file(artifact, place)
            yield place.read_bytes()
            place.unlink()


def verify_by_one(file: Path, signatures: Sequence[bytes], trusted: TrustedKey, name: str) -> tuple[Signed, Path]:
    """Find the signature of the file by the trusted key, and leave it beside the file; gives its place, too.

    Raises DifferenceError about `name` if none of the signatures is by that key; ToolError.
    """
    for content in signatures:
        place = file.with_name(file.name + suffix_of(content))
        write_file(place, content)
        try:
            with file.open("rb") as stream:
                return verify_file(stream.fileno(), file, trusted), place
        except DifferenceError:
            place.unlink()
    what = f"{name}: none of the {len(signatures)} signatures that its registry has is one of the key {trusted.label}"
    raise DifferenceError(what, hint="do not use it unless you know why")
