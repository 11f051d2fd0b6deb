"""Keys in files, told apart by their content: minisign's, signify's and SSH's, cosign's in PEM, GPG's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from bundler.errors import DifferenceError, RequestError, printable
from bundler.input_files import InputError, read_named
from bundler.light_dataclasses import dataclass
from bundler.trust.encoding import FormError, MalformedError, nearly_starts
from bundler.trust.image_keys import ImageKey, parse_image_key
from bundler.trust.keyring import Keyring, parse_keyring
from bundler.trust.minisign import COMMENT, PasswordError, PublicKey, SecretKey, parse_public_key, parse_secret_key
from bundler.trust.sshsig import PRIVATE, PUBLIC, SshKey, parse_ssh_key

_LARGEST: Final = 64 << 10  # bytes; one of SSH has a few thousand at the most
_LARGEST_KEYRING: Final = 4 << 20
_KNOWN: Final = "a key of minisign, signify or SSH is"
_OF_GPG: Final = b"-----BEGIN PGP "
_OTHERS: Final = {
    _OF_GPG: "is a key of GPG, which signs no packed file here",
    b"-----BEGIN ": "is a key in PEM, which signs images and no packed file",
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret key as `--sign` names it: of minisign, or a file for ssh-keygen, which reads it itself."""

    path: Path
    secret: SecretKey | None


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key that the caller trusts. `label` is the name of its file, for messages."""

    label: str
    key: PublicKey | SshKey


@dataclass(frozen=True, slots=True)
class Signed:
    """The result of a verification: the key called `key` has signed a file, and with it a comment, if there is one."""

    key: str
    comment: str | None


Verify: TypeAlias = Callable[[int, Path], Signed]
"""Takes an open file and its path; raises DifferenceError unless the signature beside it is the trusted key's."""


def load_trusted_key(path: Path) -> TrustedKey:
    """A public key of minisign, signify or SSH. RequestError for another file, DifferenceError for damage."""
    label, content = printable(str(path)), _read(path, "--key")
    with _explained(label, "the other file of the pair often ends in .pub"):
        if content.startswith(COMMENT):
            return TrustedKey(label, parse_public_key(content))
        if content.startswith(PUBLIC):
            return TrustedKey(label, parse_ssh_key(content))
    if any(nearly_starts(content, word) for word in (COMMENT, *PUBLIC)):
        raise DifferenceError(f"{label} is damaged: it begins almost as a key does", hint="copy the key again")
    if content.startswith(PRIVATE):
        raise RequestError(f"{label} is a secret key, and the public one is asked for", hint=f"{label}.pub")
    raise _unknown(label, content)


def load_image_key(path: Path) -> ImageKey:
    """A public key in PEM. Raises RequestError for another file, DifferenceError for a damaged one, ToolError."""
    label, content = printable(str(path)), _read(path, "--verify-key")
    if content.startswith(_OF_GPG):
        what = f"{label} is a key of GPG, and one in PEM is asked for"
        raise RequestError(what, hint="a rule with kind: gpg takes it, in a policy for --trust")
    with _explained(label, "cosign generate-key-pair writes it as cosign.pub"):
        return parse_image_key(content)


def load_keyring(path: Path) -> Keyring:
    """Public keys of GPG. Raises RequestError for another file, DifferenceError for a damaged one."""
    label, content = printable(str(path)), _read(path, "keys", _LARGEST_KEYRING)
    with _explained(label, "gpg --export NAME > FILE writes one", what="keyring"):
        return parse_keyring(content)


def load_signing_key(path: Path) -> SigningKey:
    """A key to sign with: minisign's, or SSH's. Raises RequestError for other files, ToolError without the library."""
    label, content = printable(str(path)), _read(path, "--sign")
    if content.startswith((PRIVATE, *PUBLIC)):  # a public key: ssh-agent has the secret one
        return SigningKey(path, None)
    if not content.startswith(COMMENT):
        raise _unknown(label, content)
    try:
        return SigningKey(path, parse_secret_key(content))
    except PasswordError as error:
        hint = f"do without --sign, then minisign -S -l -s {label} -m FILE; minisign -C -W -s {label} removes it"
        raise RequestError(f"{label} {error}", hint=hint) from None
    except FormError as error:
        raise RequestError(f"{label} {error}") from None


@contextmanager
def _explained(label: str, hint: str, what: str = "key") -> Iterator[None]:
    """Errors of form become errors about the file; `hint` says how such a file is made."""
    try:
        yield
    except MalformedError as error:
        raise DifferenceError(f"{label} {error}", hint=f"copy the {what} again") from None
    except FormError as error:
        raise RequestError(f"{label} {error}", hint=hint) from None


def _read(path: Path, option: str, largest: int = _LARGEST) -> bytes:
    try:
        return read_named(path, largest)
    except InputError as error:
        raise RequestError(f"{option}: {printable(str(path))} {error}", hint=error.hint) from None


def _unknown(label: str, content: bytes) -> RequestError:
    what = next((what for begin, what in _OTHERS.items() if content.startswith(begin)), "is no key")
    return RequestError(f"{label} {what}", hint=f"{_KNOWN} made by minisign -G, signify -G or ssh-keygen -t ed25519")
