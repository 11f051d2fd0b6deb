"""cosign's signatures of images, in the two forms that it attaches to them. Both are about a manifest's digest.

The older one (SIGNATURE_SPEC) is a payload, a layer of the image REPOSITORY:sha256-DIGEST.sig, whose signature is an
annotation of that layer. The reference in the payload is recorded and not compared, as the specification has it: an
image is trusted under any name.

cosign 3 attaches Sigstore's bundle, version 0.3 (BUNDLE_SPEC): a DSSE envelope with an in-toto statement. Bundles by a
certificate are refused, because to verify them takes a log on the network, and bundles that sign a blob, because these
do not say what they are about.
"""

from typing import Final

from bundler.origins import Json
from bundler.trust.encoding import ForgedError, MalformedError, decode_base64
from bundler.trust.image_keys import ImageKey
from bundler.trust.signed_document import items, parse_signed, part, signed_reference, text

PAYLOAD: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
"""The annotation that has the signature of a payload."""
_PAYLOAD_TYPE: Final = "cosign container image signature"

BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_SPELLINGS: Final = (BUNDLE, "application/vnd.dev.sigstore.bundle+json;version=0.3")
_STATEMENT: Final = "application/vnd.in-toto+json"
_STATEMENT_TYPES: Final = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
IMAGE_SIGNATURE: Final = "https://sigstore.dev/cosign/sign/v1"


def verify_payload(payload: bytes, signature: str, key: ImageKey, digest: str) -> str:
    """Raise ForgedError or FormError unless the key has signed that this is about the manifest `digest`.

    Gives the reference that the signature was made for, which may be empty.
    """
    if not key.has_signed(decode_base64(signature.encode("utf-8", "replace")), payload):
        raise ForgedError(f"is not what the key {key.name} has signed")
    return signed_reference(payload, _PAYLOAD_TYPE, digest)


def verify_bundle(bundle: bytes, key: ImageKey, digest: str, predicate_type: str = IMAGE_SIGNATURE) -> Json:
    """Raise ForgedError or FormError unless the key has signed a statement of this type about the manifest `digest`.

    Gives the statement's predicate.
    """
    document = parse_signed(bundle)
    if text(document, "mediaType") not in _SPELLINGS:
        raise MalformedError("it is no bundle of version 0.3")
    if not isinstance(document.get("verificationMaterial"), dict) or "publicKey" not in part(
        document, "verificationMaterial"
    ):
        raise ForgedError("was not signed by a key")
    statement = parse_signed(_signed_payload(part(document, "dsseEnvelope"), key))
    if text(statement, "_type") not in _STATEMENT_TYPES:
        raise ForgedError("was signed as something else than a statement")
    if text(statement, "predicateType") != predicate_type:
        raise ForgedError(f"states something else than {predicate_type}")
    algorithm, _, encoded = digest.partition(":")
    subjects = [part(subject, "digest").get(algorithm) for subject in items(statement, "subject")]
    if encoded not in subjects:
        raise ForgedError(f"was signed for another image: {', '.join(map(str, subjects))}")
    return statement.get("predicate")


def _signed_payload(envelope: dict[str, Json], key: ImageKey) -> bytes:
    """The payload of a DSSE envelope that has one signature, the key's. Raises ForgedError, FormError."""
    payload_type = text(envelope, "payloadType")
    payload = decode_base64(text(envelope, "payload").encode("utf-8", "replace"))
    signatures = items(envelope, "signatures")
    if len(signatures) != 1:
        raise MalformedError("it has several signatures, or none")
    signature = decode_base64(text(signatures[0], "sig").encode("utf-8", "replace"))
    if not key.has_signed(signature, preauthenticated(payload_type, payload)):
        raise ForgedError(f"is not what the key {key.name} has signed")
    if payload_type != _STATEMENT:
        raise ForgedError("was signed as something else than a statement")
    return payload


def preauthenticated(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed for a payload (DSSE's PAE): its type and the payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
