"""Keys of GPG that sign images, as a keyring: a file of public keys, in binary or with armor (RFC 4880)."""

import base64
import binascii
from hashlib import sha256
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.trust.encoding import FormError, MalformedError, nearly_starts

ARMOR: Final = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
_END: Final = b"-----END PGP PUBLIC KEY BLOCK-----\n"
# The first byte of a packet with a public key, in both formats (RFC 4880, 4.2), and that of one with a secret key.
_PUBLIC: Final = (0x98, 0x99, 0x9A, 0xC6)
_SECRET: Final = (0x94, 0x95, 0x96, 0xC5)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Public keys of GPG; `content` is the keyring in binary, without armor."""

    content: bytes

    @property
    def name(self) -> str:
        """The name of the keyring in messages and locks: its digest."""
        return f"keyring sha256:{sha256(self.content).hexdigest()}"

    @property
    def text(self) -> str:
        """The content in base64, as a lock records it."""
        return base64.b64encode(self.content).decode()


def parse_keyring(content: bytes) -> Keyring:
    """The keyring in a file, with or without armor. Raises FormError for other content."""
    if content.startswith(b"-----BEGIN PGP PRIVATE"):
        raise FormError("is a secret key, and the public one is asked for")
    binary = _without_armor(content) if nearly_starts(content, ARMOR) else content
    if binary[:1] and binary[0] in _SECRET:
        raise FormError("is a secret key, and the public one is asked for")
    if not binary[:1] or binary[0] not in _PUBLIC:
        raise FormError("is no keyring of GPG's")
    return Keyring(binary)


def _without_armor(content: bytes) -> bytes:
    """The bytes between headers and checksum (RFC 4880, 6.2)."""
    if not content.startswith(ARMOR) or not content.endswith(_END):
        raise MalformedError("it does not begin and end as a public key of GPG does")
    _, blank, body = content[len(ARMOR) - 1 : -len(_END)].partition(b"\n\n")
    lines = body.split()
    checksum = lines.pop() if lines and lines[-1].startswith(b"=") else None
    try:
        binary = base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error:
        binary = b""
    if not blank or not binary or checksum not in (None, b"=" + base64.b64encode(_crc24(binary))):
        raise MalformedError("it is not what its checksum says")
    return binary


def _crc24(content: bytes) -> bytes:
    """RFC 4880, 6.1."""
    crc = 0xB704CE
    for byte in content:
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return (crc & 0xFFFFFF).to_bytes(3, "big")
