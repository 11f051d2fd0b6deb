"""cosign's signatures of images (SIGNATURE_SPEC): a payload that names a manifest's digest, and a signature over it.

The payload is a layer of the image REPOSITORY:sha256-DIGEST.sig, the signature an annotation of that layer. The
reference in the payload is recorded and not compared, as the specification has it: an image is trusted under any name.
"""

from typing import Final

from bundler.trust.encoding import ForgedError, decode_base64
from bundler.trust.image_keys import ImageKey
from bundler.trust.signed_document import signed_reference

MEDIA_TYPE: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
_TYPE: Final = "cosign container image signature"


def verify_payload(payload: bytes, signature: str, key: ImageKey, digest: str) -> str:
    """Raise ForgedError or FormError unless the key has signed that this is about the manifest `digest`.

    Gives the reference that the signature was made for, which may be empty.
    """
    if not key.has_signed(decode_base64(signature.encode("utf-8", "replace")), payload):
        raise ForgedError(f"is not what the key {key.name} has signed")
    return signed_reference(payload, _TYPE, digest)
