"""What `umoci repack` expects in a bundle: umoci.json, and a manifest of the rootfs named after that of the image.

Its format is 2, which every umoci from 0.4 on writes and reads.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bundler.bundles.write import encode, write_file
from bundler.errors import ImageError, RequestError
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import Image
from bundler.images.media_types import OCI_MANIFEST
from bundler.origins import Json
from bundler.repack.go_mtree import translate
from bundler.rootfs.id_map import IdMap
from bundler.rootfs.inventory import write_lines
from bundler.rootfs.mtree import MtreeError, parse

NAME: Final = "umoci.json"
_FORMAT: Final = "2"
_OCI: Final = "application/vnd.oci."


def check_known(image: Image) -> Digest:
    """The digest of the manifest that umoci would look for. Raises RequestError if it would not know the image."""
    hint = "`bundler repack` needs neither the metadata nor that media type"
    if image.manifest is None or image.manifest_digest is None:
        raise RequestError("--umoci-metadata: the image has no manifest that umoci could find again", hint=hint)
    manifest = parse_document(image.manifest, f"manifest {image.manifest_digest}")
    stated = [part for part in (manifest.find("mediaType"), manifest.get("config").find("mediaType")) if part]
    foreign = [part.text() for part in stated if not part.text().startswith(_OCI)]
    if foreign:
        raise RequestError(f"--umoci-metadata: umoci does not know the media type {foreign[0]}", hint=hint)
    return image.manifest_digest


def write_metadata(bundle: Path, image: Image, maps: Sequence[IdMap], *, rootless: bool) -> dict[str, str]:
    """Write both files beside rootfs.mtree; gives their digests by name. Raises ImageError, RequestError."""
    digest = check_known(image)
    manifest = manifest_name(digest)
    try:
        with (bundle / "rootfs.mtree").open("rb") as lines:
            listed = write_lines(translate(parse(lines)), bundle / manifest)
    except MtreeError as error:
        raise ImageError(f"--umoci-metadata: {error}") from None
    content = encode(describe(digest, len(image.manifest or b""), maps, rootless=rootless))
    write_file(bundle / NAME, content)
    return {manifest: f"sha256:{listed}", NAME: f"sha256:{hashlib.sha256(content).hexdigest()}"}


def manifest_name(image: Digest) -> str:
    """The name of the manifest of a rootfs that was made from the image with this manifest."""
    return f"{image.algorithm}_{image.encoded}.mtree"


def describe(manifest: Digest, size: int, maps: Sequence[IdMap] = (), *, rootless: bool = False) -> Json:
    """The content of umoci.json; the image is told by its manifest, whatever the tag it was found by."""
    users, groups = (
        (
            [{"containerID": inside, "hostID": outside, "size": count} for inside, outside, count in each.ranges]
            for each in maps
        )
        if maps
        else (None, None)
    )
    return {
        "umoci_version": _FORMAT,
        "from_descriptor_path": {
            "descriptor_walk": [{"mediaType": OCI_MANIFEST, "digest": str(manifest), "size": size}]
        },
        "map_options": {"uid_mappings": users, "gid_mappings": groups, "rootless": rootless},
    }
