"""Keys and signatures of minisign and signify: a comment line, then base64 of an algorithm, a key number and the rest.

signify and usign read the first two lines of a signature, minisign four: the third is a comment, which is signed, too.
`pack` writes the algorithm `Ed`, over the file itself, which all three can verify. `ED`, over the file's BLAKE2b, is
known to minisign alone.
"""

import struct
from base64 import b64encode
from dataclasses import field
from hashlib import blake2b, sha512
from typing import TYPE_CHECKING, Final

from bundler.light_dataclasses import dataclass
from bundler.trust import ed25519
from bundler.trust.encoding import ForgedError, FormError, MalformedError, decode_base64

if TYPE_CHECKING:
    from mmap import mmap

COMMENT: Final = b"untrusted comment: "
LARGEST_LEGACY: Final = 1 << 30  # bytes of a file that minisign and signify read whole to verify it
_TRUSTED: Final = b"trusted comment: "
_PLAIN: Final = b"Ed"
_PREHASHED: Final = b"ED"
_NUMBERED: Final = 2 + 8  # bytes of the algorithm and the number
_LONGEST: Final = 8192  # bytes of a line; minisign's own limit for a comment
_WRITTEN: Final = b"signature by bundler"
# algorithm, kdf, checksum algorithm, salt, operations, memory; key number, seed, public key, checksum
_MINISIGN_SECRET: Final = struct.Struct("<2s2s2s32s8s8s8s32s32s32s")
# algorithm, kdf, rounds, salt, checksum, key number, seed, public key
_SIGNIFY_SECRET: Final = struct.Struct(">2s2sI16s8s8s32s32s")


class PasswordError(FormError):
    """A secret key that a password protects."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key. Its `number` tells keys apart; it is neither secret nor a proof."""

    number: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The key's number as minisign prints it."""
        return f"{int.from_bytes(self.number, 'little'):016X}"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A secret key that no password protects."""

    public: PublicKey
    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature. `comment_signature` signs the `comment`; both are None in a signature by signify."""

    prehashed: bool
    number: bytes
    signature: bytes
    comment: bytes | None
    comment_signature: bytes | None


def parse_public_key(content: bytes) -> PublicKey:
    """Raises FormError."""
    blob, rest = _block(content)
    algorithm, number, key = blob[:2], blob[2:10], blob[10:]
    if algorithm != _PLAIN or len(key) != ed25519.KEY or rest:
        if len(blob) in (_MINISIGN_SECRET.size, _SIGNIFY_SECRET.size):
            raise FormError("is a secret key, and the public one is asked for")
        if len(blob) == _NUMBERED + ed25519.SIGNATURE:
            raise FormError("is a signature, and a key is asked for")
        raise MalformedError("it is no public key of minisign or signify")
    return PublicKey(number, key)


def parse_secret_key(content: bytes) -> SecretKey:
    """Raises FormError for what is none, is damaged, or has a password. Raises ToolError."""
    blob, rest = _block(content)
    if len(blob) == _MINISIGN_SECRET.size:
        algorithm, kdf, _, _, _, _, number, seed, key, _ = _MINISIGN_SECRET.unpack(blob)
        is_open, is_whole = kdf == bytes(2), True  # minisign takes no checksum of a key without a password
    elif len(blob) == _SIGNIFY_SECRET.size:
        algorithm, _, rounds, _, checksum, number, seed, key = _SIGNIFY_SECRET.unpack(blob)
        is_open, is_whole = rounds == 0, checksum == sha512(seed + key).digest()[: len(checksum)]
    else:
        if len(blob) == _NUMBERED + ed25519.KEY:
            raise FormError("is a public key, and signing takes the secret one")
        raise MalformedError("it is no secret key of minisign or signify")
    if not is_open:
        raise PasswordError("has a password, which bundler does not ask for")
    if algorithm != _PLAIN or rest or not is_whole or ed25519.public_key(seed) != key:
        raise MalformedError("its public part is not that of its secret one")
    return SecretKey(PublicKey(number, key), seed)


def parse_signature(content: bytes) -> Signature:
    """Of two lines or four. Raises FormError."""
    blob, rest = _block(content)
    algorithm, number, signature = blob[:2], blob[2:10], blob[10:]
    if algorithm not in (_PLAIN, _PREHASHED) or len(signature) != ed25519.SIGNATURE:
        raise MalformedError("it is no signature of minisign or signify")
    prehashed = algorithm == _PREHASHED
    if not rest:
        if prehashed:
            raise MalformedError("its trusted comment is missing")
        return Signature(prehashed, number, signature, None, None)
    lines = _lines(rest)
    if len(lines) != 2 or not lines[0].startswith(_TRUSTED):  # noqa: PLR2004 -- the comment, and its signature
        raise MalformedError("its trusted comment is not where minisign has it")
    comment_signature = decode_base64(lines[1])
    return Signature(prehashed, number, signature, lines[0].removeprefix(_TRUSTED), comment_signature)


def sign(key: SecretKey, message: "bytes | mmap", comment: bytes) -> bytes:
    """The content of a signature's file; it is over the message itself. Raises ToolError."""
    prehashed = len(message) > LARGEST_LEGACY
    signature = ed25519.sign(key.seed, blake2b(message).digest() if prehashed else message)
    blob = (_PREHASHED if prehashed else _PLAIN) + key.public.number + signature
    comment_signature = ed25519.sign(key.seed, signature + comment)
    lines = (COMMENT + _WRITTEN, b64encode(blob), _TRUSTED + comment, b64encode(comment_signature))
    return b"".join(line + b"\n" for line in lines)


def verify(key: PublicKey, signature: Signature, message: "bytes | mmap") -> None:
    """Raise ForgedError unless the key has signed the message, and the comment with it. Raises ToolError."""
    if signature.number != key.number:
        other = PublicKey(signature.number, b"").name
        raise ForgedError(f"was signed by another key: {other}, and not {key.name}")
    signed = blake2b(message).digest() if signature.prehashed else message
    if not ed25519.has_signed(key.key, signature.signature, signed):
        raise ForgedError(f"is not what the key {key.name} has signed")
    if signature.comment is None or signature.comment_signature is None:
        return
    if not ed25519.has_signed(key.key, signature.comment_signature, signature.signature + signature.comment):
        raise ForgedError(f"has a comment that the key {key.name} has not signed")


def _block(content: bytes) -> tuple[bytes, bytes]:
    """The bytes that the first two lines encode, and the lines behind them."""
    lines = content.split(b"\n", 2)
    if len(lines) == 1 or not lines[0].startswith(COMMENT) or len(lines[0]) > _LONGEST:
        raise FormError("is not of minisign or signify: it does not begin with an untrusted comment")
    return decode_base64(lines[1].removesuffix(b"\r")), lines[2] if len(lines) > 2 else b""  # noqa: PLR2004


def _lines(content: bytes) -> list[bytes]:
    """As minisign reads them: a carriage return at the end is none of the line's."""
    return [line.removesuffix(b"\r") for line in content.removesuffix(b"\n").split(b"\n")]
