"""Image indexes: one image for several platforms (image-spec image-index.md, Docker's manifest lists)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from bundler.errors import ImageError, printable
from bundler.images.descriptor import Descriptor, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.image_config import ImageConfig
from bundler.images.manifest import Manifest, check_kind, kind_of, manifest_of
from bundler.images.media_types import KINDS, Kind
from bundler.images.platform import Platform

# image-spec allows an index inside an index and sets no depth; nothing in use goes deeper than two. A digest cannot
# contain itself, but the same index may be named from many places, so the number of documents is bounded as well.
_MAX_DEPTH: Final = 8
_MAX_DOCUMENTS: Final = 1000

ReadDocument = Callable[[Descriptor], bytes]


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
            raise ImageError(f"image config {image_config.digest}: {what}")


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
    raise ImageError(
        f"{where}: there is no image for {platform} (there is: {listed})", hint="choose one with --platform"
    )


def _named(part: Member, document: str) -> Member:
    return Member(document, part.path, part.content)
