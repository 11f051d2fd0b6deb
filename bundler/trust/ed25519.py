"""Ed25519 (RFC 8032), by the library `cryptography`, which not every installation has."""

from typing import TYPE_CHECKING, Final

from bundler.errors import ToolError

if TYPE_CHECKING:
    from mmap import mmap
    from types import ModuleType

KEY: Final = 32  # bytes
SIGNATURE: Final = 64
_OLDEST: Final = 43  # of cryptography: it takes a file that is mapped into memory


def public_key(seed: bytes) -> bytes:
    """The public key of a secret one. Raises ToolError."""
    public: bytes = _library().Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return public


def sign(seed: bytes, message: "bytes | mmap") -> bytes:
    """The signature over the message; Ed25519 gives the same one each time. Raises ToolError."""
    signature: bytes = _library().Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    return signature


def has_signed(key: bytes, signature: bytes, message: "bytes | mmap") -> bool:
    """Whether the signature is the key's. Raises ToolError."""
    library = _library()
    try:
        library.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (ValueError, invalid_signature()):
        return False
    return True


def invalid_signature() -> type[Exception]:
    """The exception that the library raises for a signature that is not the key's."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- an extra

    return InvalidSignature


def _library() -> "ModuleType":
    require_library()
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 -- an extra

    return ed25519


def require_library() -> None:
    """Raise ToolError where there is no library to check a signature with, so that it is not skipped."""
    try:
        import cryptography  # noqa: PLC0415 -- an extra
    except ImportError:
        there = "not installed"
    else:
        version = cryptography.__version__
        if int(version.partition(".")[0]) >= _OLDEST:
            return
        there = f"here as version {version}"
    what = f"signatures of this kind need the Python library cryptography, {_OLDEST} or newer, which is {there}"
    raise ToolError(what, hint="pip install 'oci-bundler[trust]'")
