"""Signatures of images by GPG (containers-signature(5)): a signed message that names a manifest's digest and the image.

Unlike cosign's, they are about a name: what was signed as one image is not another one, and no other tag.
"""

from collections.abc import Callable
from typing import Final

from bundler.trust.encoding import ForgedError
from bundler.trust.keyring import Keyring
from bundler.trust.signed_document import signed_reference

MEDIA_TYPE: Final = "application/vnd.bundler.gpg-signature"  # in a store; elsewhere they are files without a type
_TYPE: Final = "atomic container signature"


def verify_message(message: bytes, keyring: Keyring, digest: str, means: Callable[[str], bool]) -> str:
    """Raise ForgedError or FormError unless a key of the keyring has signed the manifest `digest` as this image.

    `means` tells whether a name is that of the image. Gives what the key is called.
    """
    fingerprint, payload = keyring.opened(message)
    name = signed_reference(payload, _TYPE, digest)
    if not means(name):
        raise ForgedError(f"was signed for another name: {name}")
    return f"gpg {fingerprint}"
