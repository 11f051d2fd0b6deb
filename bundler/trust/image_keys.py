"""Public keys in PEM, as cosign writes them. The kind of the key decides how a signature is verified.

ECDSA on P-256 and RSA (PKCS #1 1.5) sign the SHA-256, Ed25519 the message itself. What a signature says of its own
algorithm is not read, so that none can be mixed up.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bundler.light_dataclasses import dataclass
from bundler.trust.ed25519 import invalid_signature, require_library
from bundler.trust.encoding import FormError, MalformedError, nearly_starts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

BEGIN: Final = b"-----BEGIN PUBLIC KEY-----\n"
_END: Final = b"\n-----END PUBLIC KEY-----\n"
_SMALLEST_RSA: Final = 2048  # bits


@dataclass(frozen=True, slots=True)
class ImageKey:
    """`kind` is its algorithm, `fingerprint` the sha256 of the key itself (its DER) in hexadecimal, `text` its PEM."""

    kind: str
    fingerprint: str
    text: str
    has_signed: Callable[[bytes, bytes], bool]

    @property
    def name(self) -> str:
        """The name of the key in messages and locks: its fingerprint."""
        return f"{self.kind} sha256:{self.fingerprint}"


def parse_image_key(content: bytes) -> ImageKey:
    """The key in PEM. Raises FormError for other content and for kinds of keys that sign no images; ToolError."""
    if not content.startswith(BEGIN):
        if nearly_starts(content, BEGIN):
            raise MalformedError("it begins almost as a public key in PEM does")
        if content.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----\n" in content:
            raise FormError("is a secret key, and the public one is asked for")
        raise FormError("is no public key in PEM")
    if not content.endswith(_END) or content.count(b"-----BEGIN ") != 1:
        raise MalformedError("it does not end as a public key in PEM does")
    require_library()
    from cryptography.hazmat.primitives import serialization as forms  # noqa: PLC0415 -- an extra

    try:
        key = forms.load_pem_public_key(content)
    except Exception:  # noqa: BLE001 -- the library's own kinds of error differ between its versions
        raise MalformedError("it is no key") from None
    if key.public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo) != content:
        raise MalformedError("it is not written as such a key is")
    der = key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    kind, verify = _algorithm(key)

    def has_signed(signature: bytes, message: bytes) -> bool:
        try:
            verify(signature, message)
        except (ValueError, invalid_signature()):
            return False
        return True

    return ImageKey(kind, sha256(der).hexdigest(), content.decode("ascii"), has_signed)


def _algorithm(key: "PublicKeyTypes") -> tuple[str, Callable[[bytes, bytes], None]]:
    """What the key is called, and what raises an exception unless a signature over a message is its own."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 -- an extra
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa  # noqa: PLC0415 -- an extra

    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519", key.verify
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        curve = key
        return "ecdsa-p256", lambda signature, message: curve.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        numbers, padded = key, padding.PKCS1v15()
        return f"rsa-{key.key_size}", lambda signature, message: numbers.verify(
            signature, message, padded, hashes.SHA256()
        )
    raise FormError("is none of ECDSA on P-256, Ed25519, and RSA of 2048 bits or more, which sign images")
