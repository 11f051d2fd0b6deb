"""Image manifests: one image for one platform, as a config and its layers (image-spec manifest.md, Docker's v2s2)."""

from dataclasses import dataclass, field
from typing import Final

from bundler.images.descriptor import Descriptor, parse_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.images.media_types import SCHEMA_1_HINT, Kind, refusal
from bundler.images.platform import Platform

_SCHEMA_VERSION: Final = 2
# More layers than any file system can stack, and far more than any builder makes.
_MAX_LAYERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """`raw` are the exact bytes that `digest` names."""

    raw: bytes = field(repr=False)
    digest: Digest
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def distinct_layers(self) -> tuple[Descriptor, ...]:
        """Each layer once: an image may have the same one several times."""
        return tuple({layer.digest: layer for layer in self.layers}.values())

    def parse_config(self, raw: bytes, otherwise: Platform) -> ImageConfig:
        """The image config in `raw`, whose digest was checked; `otherwise` is the platform of one that states none.

        Raises ImageError unless it has one diff_id for each layer, which is all that pairs the two lists.
        """
        digest = self.config.digest
        where = f"image config {digest}"
        image_config = parse_image_config(raw, where, algorithm=digest.algorithm, otherwise=otherwise)
        check_layer_count(f"manifest {self.digest}", len(self.layers), image_config)
        return image_config


def check_layer_count(document: str, layers: int, image_config: ImageConfig) -> None:
    """Raise ImageError unless `layers`, counted in `document`, is the number of the config's diff_ids."""
    diff_ids = len(image_config.diff_ids)
    if layers != diff_ids:
        raise Member(document, "", None).fault(f"{layers} layers, but the image config states {diff_ids} diff_ids")


def parse_manifest(raw: bytes, digest: Digest) -> Manifest:
    """Read an image manifest of either media type. `raw` has been checked against `digest`. Raises ImageError."""
    return manifest_of(parse_document(raw, f"manifest {digest}"), raw, digest)


def manifest_of(part: Member, raw: bytes, digest: Digest) -> Manifest:
    """The image manifest in the document that `raw` was parsed to. Raises ImageError."""
    check_kind(part, Kind.MANIFEST)
    # image-spec lets an artifact have any config; only these two are images that can be run.
    config = parse_descriptor(part.get("config"), Kind.CONFIG)
    listed = part.find("layers")
    layers = () if listed is None else tuple(parse_descriptor(item, Kind.LAYER) for item in listed.items())
    if len(layers) > _MAX_LAYERS:
        raise part.fault(f"{len(layers)} layers are more than the {_MAX_LAYERS} that an image may have")
    return Manifest(raw, digest, config, layers)


def check_kind(part: Member, kind: Kind) -> None:
    """Raise ImageError unless the document may be read as `kind`.

    A document that could be read as both a manifest and an index names two different images; image-spec
    manifest.md and index.md have `mediaType` to tell them apart, and readers must not accept both at once.
    """
    version = part.find("schemaVersion")
    if version is not None and version.content == 1:
        raise part.fault("Docker's schema 1 manifests are not supported", hint=SCHEMA_1_HINT)
    if version is None or version.number() != _SCHEMA_VERSION:
        raise part.fault(f"schemaVersion has to be {_SCHEMA_VERSION}")
    foreign = "manifests" if kind is Kind.MANIFEST else "layers"
    if part.find(foreign) is not None or (kind is Kind.INDEX and part.find("config") is not None):
        raise part.fault("the document claims to be both an image manifest and an image index")
    media_type = part.find("mediaType")
    if media_type is not None and (refused := refusal(media_type.text(), kind)) is not None:
        what, hint = refused
        raise media_type.fault(what, hint=hint)


def kind_of(part: Member) -> Kind:
    """Whether a document is a manifest or an index, by its media type or else by what it holds."""
    media_type = part.find("mediaType")
    if media_type is not None and (refused := refusal(media_type.text(), Kind.MANIFEST, Kind.INDEX)) is not None:
        what, hint = refused
        raise media_type.fault(what, hint=hint)
    return Kind.INDEX if part.find("manifests") is not None else Kind.MANIFEST
