"""What is attached to an image, without end: of signatures, so many are tried and so much is read, and no more."""

import base64
import hashlib
import json
from dataclasses import field

import pytest

from bundler.errors import DifferenceError
from bundler.images.descriptor import REF_NAME, Descriptor
from bundler.images.digest import Digest
from bundler.images.reference import RegistryReference
from bundler.light_dataclasses import dataclass
from bundler.store.attached import Listed, verify_listed
from bundler.trust.cosign_signatures import PAYLOAD, SIGNATURE
from bundler.trust.image_keys import ImageKey
from bundler.trust.image_signatures import MOST
from tests.support.signed_images import INDEX, MANIFEST

IMAGE = Digest("sha256", "a" * 64)
NAME = RegistryReference.parse("registry.example/web:1")
NO_SIGNATURE = base64.b64encode(b"none").decode()


@dataclass(slots=True)
class Layout:
    """Blobs in memory; counts what is read, and how often a key is asked."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    entries: list[Descriptor] = field(default_factory=list)
    taken: int = 0
    asked: int = 0

    def put(self, content: bytes, media_type: str, **more: object) -> dict[str, object]:
        digest = Digest("sha256", hashlib.sha256(content).hexdigest())
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": str(digest), "size": len(content), **more}

    def put_document(self, media_type: str, **members: object) -> dict[str, object]:
        return self.put(json.dumps({"schemaVersion": 2, "mediaType": media_type, **members}).encode(), media_type)

    def list_as(self, tag: str, stated: dict[str, object]) -> None:
        name = f"{NAME.repository}:{tag}"
        digest, size = Digest.parse(str(stated["digest"])), int(str(stated["size"]))
        self.entries.append(Descriptor(str(stated["mediaType"]), digest, size, None, ((REF_NAME, name),)))

    def attach(self, payloads: list[bytes], manifests: int, subject: Digest = IMAGE) -> None:
        """Manifests that have all of the payloads as signatures, listed as what is attached to the subject."""
        layers = [self.put(each, PAYLOAD, annotations={SIGNATURE: NO_SIGNATURE}) for each in payloads]
        about = {"mediaType": MANIFEST, "digest": str(subject), "size": 2}
        config = self.put(b"{}", "application/json")
        listed = [
            self.put_document(MANIFEST, config=config, layers=layers, subject=about, annotations={"n": str(number)})
            for number in range(manifests)
        ]
        self.list_as(f"sha256-{subject.encoded}", self.put_document(INDEX, manifests=listed))

    def read(self, descriptor: Descriptor) -> bytes:
        self.taken += descriptor.size
        return self.blobs[descriptor.digest]

    def verify(self) -> None:
        def has_signed(_signature: bytes, _message: bytes) -> bool:
            self.asked += 1
            return False

        verify_listed(Listed(self.entries, self.read), NAME, IMAGE, [ImageKey("kind", "print", "text", has_signed)])


def test_one_large_payload_that_is_named_without_end_is_not_read_without_end() -> None:
    layout = Layout()
    layout.attach([bytes(1 << 20)] * 50, manifests=50)
    with pytest.raises(DifferenceError, match="more than 64 MiB"):
        layout.verify()
    assert layout.taken <= 64 << 20


def test_a_key_is_asked_about_so_many_signatures_and_no_more() -> None:
    layout = Layout()
    layout.attach([b"%d" % number for number in range(100)], manifests=100)
    with pytest.raises(DifferenceError, match="is not signed by"):
        layout.verify()
    assert layout.asked <= MOST


def test_of_indexes_that_list_the_image_so_many_count_and_no_more() -> None:
    layout = Layout()
    image = {"mediaType": MANIFEST, "digest": str(IMAGE), "size": 2}
    for number in range(300):
        stated = layout.put_document(INDEX, manifests=[image], annotations={"n": str(number)})
        layout.list_as(f"{str(stated['digest']).replace(':', '-')}.index", stated)
    layout.attach([b"1"], manifests=1)
    with pytest.raises(DifferenceError, match="is not signed by"):
        layout.verify()
    assert layout.asked <= MOST + 1


def test_what_is_no_signature_is_not_read_for_one() -> None:
    layout = Layout()
    statement = layout.put(bytes(15 << 20), "application/vnd.dsse.envelope.v1+json")
    document = layout.put_document(MANIFEST, config=layout.put(b"{}", "application/json"), layers=[statement] * 9)
    layout.list_as(f"sha256-{IMAGE.encoded}.att", document)
    layout.attach([b"1"], manifests=1)
    with pytest.raises(DifferenceError, match="is not signed by"):
        layout.verify()
    assert layout.taken < 1 << 20
