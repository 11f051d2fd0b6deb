"""Packed bundles, their signatures and deltas as artifacts of a registry (image-spec 1.1, manifest.md: artifactType).

Each manifest has the empty config and one file, whose title is the file's name, so that `oras pull` gives that file.
Signatures and deltas name the packed bundle as their subject. The same file gives the same manifest. What comes from a
registry is hostile: no title becomes a path here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from bundler.errors import ImageError, RequestError, printable
from bundler.images.descriptor import Descriptor, descriptor_document, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.manifest import check_kind
from bundler.images.media_types import KINDS, OCI_EMPTY, OCI_MANIFEST, PUSHED_BUNDLE, Kind
from bundler.images.reference import RegistryReference
from bundler.images.transports.table import parse_reference
from bundler.light_dataclasses import dataclass
from bundler.packing.formats import FORMATS, Format
from bundler.path_kinds import MISSING, kind_at

EMPTY: Final = b"{}"
TITLE: Final = "org.opencontainers.image.title"
RECORD: Final = "oci-bundler.record"
"""The digest of the bundle's bundler.json."""
BASE: Final = "oci-bundler.base"
"""In a delta, the digest of the bundler.json of the bundle that it is for."""
_TYPES: Final = dict(
    zip((".tar+zstd", ".tar+gzip", ".tar", ".squashfs", ".erofs"), FORMATS, strict=True)  # what a layer's type ends in
)
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact: its manifest as bytes, its `kind` (artifactType), and the one file that it has."""

    raw: bytes
    digest: Digest
    kind: str
    config: Descriptor
    content: Descriptor
    subject: Digest | None
    annotations: dict[str, str]

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        return (self.content,)

    distinct_layers = layers

    @property
    def descriptor(self) -> dict[str, Any]:
        return descriptor_document(OCI_MANIFEST, self.digest, len(self.raw))

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The blobs that a store keeps of it: its config and its file."""
        return (self.content, self.config, Descriptor(OCI_MANIFEST, self.digest, len(self.raw)))


@dataclass(frozen=True, slots=True)
class Content:
    """The file of an artifact: its media type, digest, size in bytes, and name."""

    media_type: str
    digest: Digest
    size: int
    title: str


def make_artifact(kind: str, content: Content, stated: Mapping[str, str], subject: Artifact | None = None) -> Artifact:
    """The artifact that has one file; `stated` are the annotations of its manifest."""
    layer = descriptor_document(content.media_type, content.digest, content.size)
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": descriptor_document(OCI_EMPTY, Digest.of(EMPTY), len(EMPTY)),
        "layers": [layer | {"annotations": {TITLE: content.title}}],
        **({} if subject is None else {"subject": subject.descriptor}),
        **({"annotations": dict(stated)} if stated else {}),
    }
    raw = json.dumps(document, separators=(",", ":")).encode("ascii")
    return parse_artifact(raw, Digest.of(raw))


def parse_artifact(raw: bytes, digest: Digest) -> Artifact:
    """The artifact that the manifest `raw` describes; the caller has checked its `digest`.

    Raises ImageError for a manifest of another form than `make_artifact` gives.
    """
    part = parse_document(raw, f"manifest {digest}")
    check_kind(part, Kind.MANIFEST)
    config = parse_any_descriptor(part.get("config"))
    if (config.digest, config.size) != (Digest.of(EMPTY), len(EMPTY)):
        raise part.get("config").fault("not the empty config that a packed bundle has")
    listed = [parse_any_descriptor(item) for item in part.get("layers").items()]
    if len(listed) != 1 or not listed[0].size:
        raise part.get("layers").fault("a packed bundle is one file, and so is what belongs to it")
    subject, annotations = part.find("subject"), part.find("annotations")
    return Artifact(
        raw=raw,
        digest=digest,
        kind=part.get("artifactType").text(),
        config=config,
        content=listed[0],
        subject=None if subject is None else parse_any_descriptor(subject).digest,
        annotations={} if annotations is None else {name: value.text() for name, value in annotations.members()},
    )


def parse_pack(raw: bytes, digest: Digest, name: str) -> Artifact:
    """The packed bundle `name`. Raises ImageError for anything else (an image, a delta ...), and says what it is."""
    part = parse_document(raw, f"manifest {digest}")
    kind = part.find("artifactType")
    if kind is None or kind.content != PUSHED_BUNDLE:
        raise _other(part, kind, name)
    artifact = parse_artifact(raw, digest)
    format_in(artifact, name)
    return artifact


def type_of(chosen: Format) -> str:
    """The media type of packed bundles in a format."""
    return PUSHED_BUNDLE + next(end for end, row in _TYPES.items() if row is chosen)


def format_in(artifact: Artifact, name: str) -> Format:
    """The format of the packed bundle in an artifact. Raises ImageError."""
    chosen = _TYPES.get(artifact.content.media_type.removeprefix(PUSHED_BUNDLE))
    if chosen is None or not artifact.content.media_type.startswith(PUSHED_BUNDLE):
        shown = printable(artifact.content.media_type[:_SHOWN])
        raise ImageError(f"{name}: this version knows no packed bundle of the type {shown}", hint="use a newer bundler")
    return chosen


def _other(part: Member, kind: Member | None, name: str) -> ImageError | RequestError:
    config = part.find("config")
    media_type = None if config is None else config.find("mediaType")
    is_image = media_type is not None and KINDS.get(str(media_type.content)) is Kind.CONFIG
    if part.find("manifests") is not None or (kind is None and is_image):
        hint = f"bundler build docker://{name} makes a bundle of it, bundler fetch brings it into the store"
        return ImageError(f"{name} is a container image, not a packed bundle", hint=hint)
    stated = kind if kind is not None else media_type
    shown = "no stated type" if stated is None else f"the type {printable(str(stated.content)[:_SHOWN])}"
    return ImageError(
        f"{name} is an artifact of {shown}, not a packed bundle", hint="bundler push pushes packed bundles"
    )


def parse_place(name: str) -> RegistryReference:
    """Read `docker://REGISTRY/NAME:TAG`, or the same without a transport. Raises RequestError."""
    reference = parse_reference(name)
    if reference.registry is not None:
        return reference.registry
    kind = kind_at(name)
    use = None if kind in (None, MISSING) else kind.hint(name)
    raise RequestError(
        f'"{printable(name)}" names no place in a registry', hint=use or "write docker://REGISTRY/NAME:TAG"
    )
