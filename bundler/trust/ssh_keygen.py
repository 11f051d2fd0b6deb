"""Signatures by `ssh-keygen`: made with a key in a file or with ssh-agent's, and compared with a public key."""

import os
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bundler import tools
from bundler.errors import BundlerError, printable
from bundler.trust.encoding import ForgedError
from bundler.trust.sshsig import NAMESPACE, SshKey, allowed_signers, check_ssh_signature

_KEYGEN: Final = tools.Tool("ssh-keygen", minimum=(0, 0, 0), package="openssh-client", asked=None)
_SIGNER: Final = "signer"
_FOR_FILES: Final = ("-n", NAMESPACE.decode())
# It runs in the background, where a question for a password could never be answered.
_ASKS_NOTHING: Final = MappingProxyType({"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "force"})


def sign_by_ssh(key: Path, message: int) -> bytes:
    """The signature over the open file `message`. Raises ToolError, and BundlerError where the key cannot be used."""
    agent = {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}
    arguments = ("-Y", "sign", "-q", *_FOR_FILES, "-f", os.fspath(key))
    os.lseek(message, 0, os.SEEK_SET)
    try:
        with tools.start(_KEYGEN, arguments, changed=_ASKS_NOTHING | agent, standard_input=message) as running:
            return running.wait()
    except tools.ToolFailedError as error:
        what = f"{printable(os.fspath(key))} cannot sign: {printable(error.reason)}"
        hint = "if it has a password, hand it to ssh-agent with ssh-add: the agent signs for it"
        raise BundlerError(what, hint=hint) from None


def verify_by_ssh(key: SshKey, signature: bytes, message: int) -> None:
    """Raise ForgedError or FormError unless the key has signed the open file `message`. Raises ToolError."""
    check_ssh_signature(signature, key)
    os.lseek(message, 0, os.SEEK_SET)
    with tempfile.TemporaryDirectory() as folder:
        allowed, signed = Path(folder, "allowed_signers"), Path(folder, "signature")
        allowed.write_bytes(allowed_signers(key, _SIGNER))
        signed.write_bytes(signature)
        arguments = ("-Y", "verify", "-q", *_FOR_FILES, "-I", _SIGNER, "-f", allowed, "-s", signed)
        try:
            with tools.start(_KEYGEN, arguments, standard_input=message) as running:
                running.wait()
        except tools.ToolFailedError:
            raise ForgedError("is not what its key has signed") from None
