"""The signatures and deltas that refer to a packed bundle in its registry. An index at the tag `sha256-DIGEST` lists
them (distribution-spec, "Referrers Tag Schema"): every registry can hold it, while only some have the referrers API,
which skopeo cannot call.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from bundler.distribution.artifact import Artifact, parse_artifact
from bundler.images.descriptor import Descriptor, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.manifest import check_kind
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST, Kind
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass

_MOST: Final = 100  # manifests that are asked for, however many an index lists


@dataclass(frozen=True, slots=True)
class Referrers:
    """The list of what refers to `subject`; `index` is None if the registry has no list."""

    repository: Repository
    subject: Digest
    index: Member | None

    @classmethod
    def of(cls, repository: Repository, subject: Digest) -> "Referrers":
        """Raises ImageError, ToolError."""
        name = replace(repository.reference, tag=f"{subject.algorithm}-{subject.encoded}", digest=None)
        listing = Repository(repository.skopeo, name)
        try:
            raw, digest = listing.resolve()
        except MissingError:
            return cls(listing, subject, None)
        index = parse_document(raw, f"index {digest}")
        check_kind(index, Kind.INDEX)
        return cls(listing, subject, index)

    def artifacts(self, kind: str, stated: Mapping[str, str] = MappingProxyType({})) -> Iterator[Artifact]:
        """The artifacts of a `kind` that refer to the subject. Their annotations must agree with `stated` where the
        list has them.

        Raises ImageError, ToolError.
        """
        asked = 0
        for item, descriptor in self._listed():
            artifact_type = item.find("artifactType")  # skopeo 1.9 leaves it out where it writes an index
            if descriptor.media_type != OCI_MANIFEST or asked >= _MOST:
                continue
            if artifact_type is not None and artifact_type.content != kind:
                continue
            if any(descriptor.annotation(name) not in (None, value) for name, value in stated.items()):
                continue
            asked += 1
            raw = self.repository.read(descriptor)
            named = parse_document(raw, f"manifest {descriptor}").find("artifactType")
            if named is None or named.content != kind:
                continue
            artifact = parse_artifact(raw, descriptor.digest)
            if artifact.subject == self.subject:
                yield artifact

    def lacking(self, artifacts: Sequence[Artifact]) -> list[Artifact]:
        """The artifacts that are not listed yet."""
        there = {descriptor.digest for _, descriptor in self._listed()}
        return [artifact for artifact in artifacts if artifact.digest not in there]

    def with_more(self, artifacts: Sequence[Artifact]) -> bytes:
        """The index with these artifacts added behind those that it lists already."""
        entries: list[Any] = [] if self.index is None else [item.content for item, _ in self._listed()]
        entries += [
            each.descriptor
            | {"artifactType": each.kind}
            | ({"annotations": each.annotations} if each.annotations else {})
            for each in artifacts
        ]
        index = self.index or Member("index", "", {"schemaVersion": 2, "mediaType": OCI_INDEX})
        document = index.with_member("manifests", entries).content
        return json.dumps(document, separators=(",", ":")).encode()

    def _listed(self) -> Iterator[tuple[Member, Descriptor]]:
        listed = None if self.index is None else self.index.find("manifests")
        if listed is not None:
            for item in listed.items():
                yield item, parse_any_descriptor(item)
