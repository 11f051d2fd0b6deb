"""Image manifests: one image for one platform, as a config and its layers (image-spec manifest.md, Docker's v2s2); and
image indexes: one image for several platforms (image-spec image-index.md, Docker's manifest lists).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Final, Self

from bundler.errors import ImageError, closest, printable
from bundler.images.descriptor import Descriptor, parse_any_descriptor, parse_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.images.media_types import (
    KINDS,
    PUSHED_BUNDLE,
    PUSHED_DELTA,
    PUSHED_SIGNATURE,
    SCHEMA_1_HINT,
    Kind,
    refusal,
)
from bundler.images.platform import Platform
from bundler.light_dataclasses import dataclass

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
    artifact = part.find("artifactType")
    if artifact is not None and artifact.content in (PUSHED_BUNDLE, PUSHED_SIGNATURE, PUSHED_DELTA):
        raise PackedBundleError(part.document)
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


# image-spec allows an index inside an index and sets no depth; nothing in use goes deeper than two. A digest cannot
# contain itself, but the same index may be named from many places, so the number of documents is bounded as well.
_MAX_DEPTH: Final = 8
_MAX_DOCUMENTS: Final = 1000

ReadDocument = Callable[[Descriptor], bytes]


class PlatformError(ImageError):
    """An image is for other platforms than the one that is wanted: `reason`. `where` is the document that says so."""

    def __init__(self, where: str, reason: str, hint: str) -> None:
        super().__init__(f"{where}: {reason}", hint=hint)
        self.reason = reason


class PackedBundleError(ImageError):
    """What is named as an image is what `bundler push` writes. `where` is the document that says so."""

    def __init__(self, where: str, name: str = "NAME") -> None:
        hint = f"bundler pull docker://{name} -o DIR makes a bundle of it"
        super().__init__(f"{where} is a packed bundle, not a container image", hint=hint)


@contextmanager
def naming(image: str) -> Iterator[None]:
    """What is said of the whole image inside of the context is said of `image`, as a person has called it."""
    shown = printable(image)
    try:
        yield
    except PackedBundleError:
        named = shown.removeprefix("docker://")
        is_local = named.startswith(("oci:", "oci-archive:", "dir:", ".", "/"))
        raise PackedBundleError(shown, "NAME" if is_local else named) from None
    except PlatformError as error:
        raise ImageError(f"{shown}: {error.reason}", hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """The platform to look for, and whether a person asked for it or it is only the default."""

    platform: Platform
    requested: bool

    @classmethod
    def of(cls, requested: Platform | None, default: Platform) -> Self:
        """The platform that a person asks for, or else the default."""
        return cls(requested or default, requested is not None)

    def otherwise(self, listed: Platform | None) -> Platform:
        """The platform of an image that does not say one: what was asked for, or what an index lists it as, or ours."""
        return self.platform if self.requested or listed is None else listed

    def check(self, image_config: ImageConfig) -> None:
        """Raise ImageError if a person asked for another platform than the image config states.

        An image that comes without an index is the only one there is: unless asked for another, it is taken.
        """
        stated = image_config.platform
        if self.requested and not self.platform.accepts(stated):
            what = f"the image is for {stated}, not for {self.platform}"
            hint = f"--platform {stated} takes it, and so does no --platform at all"
            raise PlatformError(f"image config {image_config.digest}", what, hint)


ANY_PLATFORM: Final = PlatformChoice(Platform("linux", "amd64"), requested=False)
"""For a manifest that is known already, out of which nothing is chosen."""


def parse_index(part: Member) -> tuple[Descriptor, ...]:
    """Every descriptor of an index, in order, also of kinds that are no image. Raises ImageError."""
    check_kind(part, Kind.INDEX)
    # Docker 25.0.0 to 25.0.2 saved an image by its id with `"manifests": null`, which is an empty list to Go.
    listed = part.find("manifests")
    return () if listed is None else tuple(parse_any_descriptor(item) for item in listed.items())


def select_manifest(raw: bytes, digest: Digest, platform: Platform, read: ReadDocument) -> Manifest:
    """The manifest for `platform` of the manifest or index in `raw`, whose digest is `digest`.

    `read` gives the checked bytes of a manifest or index. Raises ImageError, naming the platforms that there are.
    """
    part = parse_document(raw, f"document {digest}")
    if kind_of(part) is Kind.MANIFEST:
        return manifest_of(_named(part, f"manifest {digest}"), raw, digest)
    index = parse_index(_named(part, f"index {digest}"))
    manifests = tuple(one for one in descend(index, read) if KINDS[one.media_type] is Kind.MANIFEST)
    chosen = choose_platform(manifests, platform, f"index {digest}")
    return manifest_of(parse_document(chosen_raw := read(chosen), f"manifest {chosen}"), chosen_raw, chosen.digest)


def descend(
    descriptors: Iterable[Descriptor],
    read: ReadDocument,
    there: Callable[[Descriptor], bool] = lambda _: True,
) -> Iterator[Descriptor]:
    """`descriptors` and all manifests and indexes that they lead to, each once, an index before what it holds.

    What is not `there` and what is neither manifest nor index is passed over. Raises ImageError for absurd nesting.
    """
    seen: set[Digest] = set()

    def walk(descriptors: Iterable[Descriptor], depth: int) -> Iterator[Descriptor]:
        for descriptor in descriptors:
            kind = KINDS.get(descriptor.media_type)
            if descriptor.digest in seen or kind not in (Kind.MANIFEST, Kind.INDEX) or not there(descriptor):
                continue
            seen.add(descriptor.digest)
            if depth > _MAX_DEPTH or len(seen) > _MAX_DOCUMENTS:
                raise ImageError(f"index {descriptor}: more indexes inside indexes than any image has")
            yield descriptor
            if kind is Kind.INDEX:
                yield from walk(parse_index(parse_document(read(descriptor), f"index {descriptor}")), depth + 1)

    return walk(descriptors, 0)


def choose_platform(manifests: tuple[Descriptor, ...], platform: Platform, where: str) -> Descriptor:
    """The first of `manifests` that is exactly for `platform`, or else the first that `platform` accepts.

    A single manifest that states no platform is chosen as it is. Raises ImageError, listing the platforms there are.
    """
    images = [manifest for manifest in manifests if not manifest.is_attestation]
    if len(images) == 1 and images[0].platform is None:
        return images[0]  # nothing is stated: the image config will say what it is for
    # Of amd64/v1 and amd64/v3, amd64 means the one that runs on every amd64.
    for fits in (lambda other: other == platform, platform.equals, platform.accepts):
        for manifest in images:
            if manifest.platform is not None and fits(manifest.platform):
                return manifest
    there = sorted({str(manifest.platform) for manifest in images if manifest.platform is not None})
    listed = printable(", ".join(there)) or "none is stated"
    near = closest(str(platform), there) or next(iter(there), None)
    hint = f"choose one with --platform{f', such as --platform {printable(near)}' if near else ''}"
    raise PlatformError(where, f"there is no image for {platform} (there is: {listed})", hint)


def _named(part: Member, document: str) -> Member:
    return Member(document, part.path, part.content)
