"""Keys and signatures, what is signed, and what lists it. What gpgv and ssh-keygen read is their own matter."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fuzzing.target import Target


def read_signatures(content: bytes) -> None:
    """Keys, signatures, bundles, statements and payloads: any bytes are read as each of them."""
    from bundler.trust.encoding import ForgedError, FormError
    from tests.trust.test_hostile import READERS

    for read, _ in READERS.values():
        with suppress(FormError, ForgedError):
            read(content)


def read_attached(content: bytes) -> None:
    """What is attached to an image: a manifest, or an index that lists some, any of which are these bytes, too."""
    from bundler.errors import ImageError
    from bundler.images.digest import Digest
    from bundler.store.attached import contents_of, layers_of, manifests_in

    digest = Digest.of(content)
    with suppress(ImageError):
        for manifest, inner in manifests_in(content, digest, digest, lambda _descriptor: content):
            layers_of(inner, manifest)
            list(contents_of(inner, manifest, lambda _descriptor: content))


def read_lock(content: bytes) -> None:
    """A bundler.lock with the keys that its images have to be signed by."""
    from bundler.errors import BundlerError
    from bundler.reproducible.lock import load_lock

    with tempfile.NamedTemporaryFile() as file, suppress(BundlerError):
        file.write(content)
        file.flush()
        lock = load_lock(Path(file.name))
        if lock.trust is not None:
            lock.trust.policy()


def signatures() -> Iterator[bytes]:
    from tests.trust.test_hostile import READERS

    for _, content in READERS.values():
        yield content


def attached() -> Iterator[bytes]:
    from tests.support.image_signatures import encoded

    described = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + "a" * 64, "size": 2}
    yield encoded({"schemaVersion": 2, "manifests": [described], "subject": described})
    yield encoded({"schemaVersion": 2, "config": described, "layers": [described | {"annotations": {"a": "b"}}]})


def locks() -> Iterator[bytes]:
    from bundler.trust.keyring import parse_keyring
    from tests.support.image_signatures import encoded
    from tests.support.signing_keys import GPG

    givens: dict[str, object] = {"profile": "docker-28", "target": {}, "overrides": [], "images": []}
    keyring = parse_keyring(GPG)
    keys = [{"name": keyring.name, "key": keyring.text}]
    rules = [{"images": "**", "kind": "gpg", "keys": keys}, {"images": "*", "kind": "refused"}]
    yield encoded({"format": 2, "trust": rules, **givens})


TARGETS = {
    "signatures": Target(read_signatures, signatures),
    "attached": Target(read_attached, attached),
    "lock": Target(read_lock, locks),
}
