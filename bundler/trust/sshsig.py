"""Keys of SSH, and signatures by them, as `ssh-keygen -Y sign` writes them (OpenSSH's PROTOCOL.sshsig).

The claims in a signature are compared with the trusted key here; ssh-keygen then verifies the signature itself, since
it also knows keys on hardware.
"""

from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.trust.encoding import ForgedError, FormError, MalformedError, WireReader, decode_base64

NAMESPACE: Final = b"file"  # what ssh-keygen(1) has for files; a signature for another purpose is none for this one
BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----\n"
END: Final = b"-----END SSH SIGNATURE-----\n"
PRIVATE: Final = b"-----BEGIN OPENSSH PRIVATE KEY-----"
# Each kind of key, and the algorithms that it may sign with: of RSA not ssh-rsa, which is over SHA-1.
_ALGORITHMS: Final = {
    b"ssh-ed25519": (b"ssh-ed25519",),
    b"sk-ssh-ed25519@openssh.com": (b"sk-ssh-ed25519@openssh.com",),
    b"ecdsa-sha2-nistp256": (b"ecdsa-sha2-nistp256",),
    b"ecdsa-sha2-nistp384": (b"ecdsa-sha2-nistp384",),
    b"ecdsa-sha2-nistp521": (b"ecdsa-sha2-nistp521",),
    b"sk-ecdsa-sha2-nistp256@openssh.com": (b"sk-ecdsa-sha2-nistp256@openssh.com",),
    b"ssh-rsa": (b"rsa-sha2-512", b"rsa-sha2-256"),
}
PUBLIC: Final = tuple(kind + b" " for kind in _ALGORITHMS)
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASHES: Final = (b"sha512", b"sha256")


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of SSH: `kind` is its algorithm, `blob` the whole key in SSH's wire format."""

    kind: bytes
    line: bytes
    blob: bytes


def parse_ssh_key(content: bytes) -> SshKey:
    """A public key, in one line as in authorized_keys. Raises FormError."""
    lines = content.splitlines()
    words = lines[0].split() if lines else []
    if len(lines) != 1:
        raise FormError("has several lines, and a public key of SSH has one")
    kind, text = (*words, b"", b"")[:2]
    if not text:
        raise MalformedError("there is a kind of key and no key")
    blob = decode_base64(text)
    if WireReader(blob).string() != kind:
        raise MalformedError("it is a key of another kind than it says")
    return SshKey(kind, b" ".join((kind, text)), blob)


def check_ssh_signature(content: bytes, key: SshKey) -> None:
    """Raise FormError or ForgedError unless the signature claims to be by the key, for files, by a safe algorithm."""
    if not content.startswith(BEGIN) or not content.endswith(END):
        raise MalformedError("it is no signature by ssh-keygen -Y sign")
    reader = WireReader(decode_base64(content[len(BEGIN) : -len(END)].replace(b"\n", b"")))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise MalformedError("it is no signature of version 1")
    signer, namespace, reserved, hashed, signature = (reader.string() for _ in range(5))
    reader.finish()
    if namespace != NAMESPACE:
        raise ForgedError(f"was signed for another purpose than {NAMESPACE.decode()}: ssh-keygen -Y sign -n file")
    if signer != key.blob:
        raise ForgedError("was signed by another key")
    if reserved or hashed not in _HASHES or WireReader(signature).string() not in _ALGORITHMS[key.kind]:
        raise ForgedError("was signed in a way that its key is not for")


def allowed_signers(key: SshKey, name: str) -> bytes:
    """An ALLOWED SIGNERS file for ssh-keygen(1): the key alone, under this name, for signatures of files."""
    return f'{name} namespaces="{NAMESPACE.decode()}" '.encode() + key.line + b"\n"
