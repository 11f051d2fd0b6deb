"""What the documents and blobs of an image are, by their media type (image-spec media-types.md, and Docker's own)."""

from enum import Enum
from typing import Final

from bundler.archives.compression import COMPRESSIONS, NONE, Compression
from bundler.errors import printable


class Kind(Enum):
    """What a media type says a descriptor points at."""

    INDEX = "image index"
    MANIFEST = "image manifest"
    CONFIG = "image config"
    LAYER = "image layer"


_OCI: Final = "application/vnd.oci.image"
_DOCKER: Final = "application/vnd.docker"

OCI_INDEX: Final = f"{_OCI}.index.v1+json"
OCI_MANIFEST: Final = f"{_OCI}.manifest.v1+json"
OCI_CONFIG: Final = f"{_OCI}.config.v1+json"
OCI_LAYER: Final = f"{_OCI}.layer.v1.tar"
DOCKER_INDEX: Final = f"{_DOCKER}.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = f"{_DOCKER}.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = f"{_DOCKER}.container.image.v1+json"
DOCKER_LAYER: Final = f"{_DOCKER}.image.rootfs.diff.tar"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
# The artifactType of what `bundler push` pushes: a packed bundle, and what belongs to it.
PUSHED_BUNDLE: Final = "application/vnd.oci-bundler.bundle.v1"
PUSHED_SIGNATURE: Final = "application/vnd.oci-bundler.signature.v1"
PUSHED_DELTA: Final = "application/vnd.oci-bundler.delta.v1"
# Nondistributable (Docker: foreign) layers are ordinary changesets that registries may lack; if the bytes are there,
# they are applied. Their `urls` are never followed.
_LAYERS: Final = (
    OCI_LAYER,
    f"{_OCI}.layer.nondistributable.v1.tar",
    DOCKER_LAYER,
    f"{_DOCKER}.image.rootfs.foreign.diff.tar",
)


def layer_type(base: str, compression: Compression) -> str:
    """The media type of such layers compressed so; `base` is that of the uncompressed ones."""
    separator = "." if base.startswith(_DOCKER) else "+"
    return base if compression is NONE else f"{base}{separator}{compression.name}"


KINDS: Final[dict[str, Kind]] = {
    OCI_INDEX: Kind.INDEX,
    DOCKER_INDEX: Kind.INDEX,
    OCI_MANIFEST: Kind.MANIFEST,
    DOCKER_MANIFEST: Kind.MANIFEST,
    OCI_CONFIG: Kind.CONFIG,
    DOCKER_CONFIG: Kind.CONFIG,
    **{
        layer_type(base, compression): Kind.LAYER
        for base in _LAYERS
        for compression in (NONE, *COMPRESSIONS)
        if compression is NONE or compression.of_layers
    },
}

_SCHEMA_1: Final = (f"{_DOCKER}.distribution.manifest.v1+json", f"{_DOCKER}.distribution.manifest.v1+prettyjws")
SCHEMA_1_HINT: Final = "push the image again with a current tool, for example: skopeo copy --format v2s2 FROM TO"
_ENCRYPTED: Final = "+encrypted"


def refusal(media_type: str, *wanted: Kind) -> tuple[str, str | None] | None:
    """Why `media_type` is none of `wanted`, as (what, hint); None if it is one of them."""
    if KINDS.get(media_type) in wanted:
        return None
    quoted = f'"{printable(media_type[:120])}"'
    if media_type in _SCHEMA_1:
        return f"Docker's schema 1 manifests are not supported ({quoted})", SCHEMA_1_HINT
    if media_type.endswith(_ENCRYPTED):
        return f"the layer is encrypted ({quoted})", "decrypt the image first, with: skopeo copy --decryption-key KEY"
    names = " or ".join(kind.value for kind in wanted)
    if media_type in KINDS:
        return f"expected an {names}, found the media type of an {KINDS[media_type].value}", None
    return f"{quoted} is not the media type of an {names}: this is an artifact, not a container image", None
