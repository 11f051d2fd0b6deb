"""Signatures of images by GPG (containers-signature(5)): a signed message that names a manifest's digest and the image.

Unlike cosign's, they are about a name: what was signed as one image is not another one, and no other tag. gpgv decides,
which knows no keys but those of the keyring, needs no home and asks nobody. Of its output, only the machine-readable
lines count.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.trust.encoding import ForgedError
from bundler.trust.keyring import Keyring
from bundler.trust.signed_document import signed_reference

MEDIA_TYPE: Final = "application/vnd.bundler.gpg-signature"  # in a store; elsewhere they are files without a type
_TYPE: Final = "atomic container signature"
_GPGV: Final = tools.Tool("gpgv", minimum=(2, 0, 0), package="gpgv")
_LARGEST_PAYLOAD: Final = 1 << 20  # bytes
_VALID: Final = re.compile(r"VALIDSIG (?:\S+ ){9}([0-9A-F]{40,64})")


def verify_message(message: bytes, keyring: Keyring, digest: str, means: Callable[[str], bool]) -> str:
    """Raise ForgedError or FormError unless a key of the keyring has signed the manifest `digest` as this image.

    `means` tells whether a signed name means the image. Gives the name of the key, for messages and locks.
    """
    fingerprint, payload = open_message(message, keyring)
    name = signed_reference(payload, _TYPE, digest)
    if not means(name):
        raise ForgedError(f"was signed for another name: {name}")
    return f"gpg {fingerprint}"


def open_message(message: bytes, keyring: Keyring) -> tuple[str, bytes]:
    """The fingerprint of the key that has made a signed message, and the payload that it has signed.

    Raises ForgedError for any but a good signature by a key of the keyring, and ToolError.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        keys, signed, payload = (folder / name for name in ("keys.gpg", "signature", "payload"))
        keys.write_bytes(keyring.content)
        signed.write_bytes(message)
        options: tuple[str | Path, ...] = ("--homedir", folder, "--keyring", keys, "--weak-digest", "SHA1")
        words = (*options, "--status-fd", "1", "--output", payload, signed)
        try:
            with tools.start(_GPGV, words, largest_file=_LARGEST_PAYLOAD) as running:
                status = running.wait().decode("utf-8", "replace")
        except tools.ToolFailedError:
            raise ForgedError(f"is not what a key of the {keyring.name} has signed") from None
        return _signer(status), payload.read_bytes()


def _signer(status: str) -> str:
    """The fingerprint of the key whose one signature is good: neither of them is out of date or withdrawn."""
    words = [line.removeprefix("[GNUPG:] ") for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    valid = [match[1] for word in words if (match := _VALID.fullmatch(word))]
    if len(valid) != 1 or [word.partition(" ")[0] for word in words].count("GOODSIG") != 1:
        raise ForgedError("has no good signature, or several")
    return valid[0]
