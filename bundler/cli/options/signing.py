"""Options about signatures: the key that signs, the key that is trusted, and what is stated of a packed file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler.attestation import Attestation
    from bundler.trust.keys import Signed, SigningKey, TrustedKey

KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="PUB",
        help="Refuse FILE unless this public key (minisign, signify, SSH) has signed it, by FILE.minisig or FILE.sig.",
        show_default=False,
    ),
]
SignOption = Annotated[
    Path | None,
    typer.Option(
        "--sign",
        metavar="KEY",
        help="Sign FILE, or the kit's checksums, with a secret key of minisign, signify or SSH, as FILE.minisig or "
        "FILE.sig.",
        show_default=False,
    ),
]
_ATTESTATION: Final = "The attestation"
AttestOption = Annotated[
    bool,
    typer.Option(
        "--attest",
        help="Also write FILE.intoto.json, which states what FILE was made of; --sign signs it, too.",
        rich_help_panel=_ATTESTATION,
    ),
]
AttestedLockOption = Annotated[
    Path | None,
    typer.Option(
        "--lock",
        metavar="FILE",
        help="State that it comes from this lock, if that is so.",
        show_default=False,
        rich_help_panel=_ATTESTATION,
    ),
]
BuiltAgainOption = Annotated[
    Path | None,
    typer.Option(
        "--built-again",
        metavar="BUNDLE",
        help="State whether this bundle, built a second time, is the same.",
        show_default=False,
        rich_help_panel=_ATTESTATION,
    ),
]


def trusted_key(path: Path | None) -> "TrustedKey | None":
    """The public key that --key names. Raises RequestError, DifferenceError."""
    if path is None:
        return None
    from bundler.trust.keys import load_trusted_key

    return load_trusted_key(path)


def signing_key(path: Path | None) -> "SigningKey | None":
    """The secret key that --sign names. Raises RequestError, ToolError."""
    if path is None:
        return None
    from bundler.trust.keys import load_signing_key

    return load_signing_key(path)


def signed_document(signed: "Signed") -> dict[str, str]:
    """Who has signed a file, for --json."""
    return {"key": signed.key} | ({} if signed.comment is None else {"comment": signed.comment})


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOptions:
    """Who signs what is packed, and what is stated of it."""

    sign: SignOption = None
    attest: AttestOption = False
    lock: AttestedLockOption = None
    built_again: BuiltAgainOption = None

    def key(self) -> "SigningKey | None":
        """The secret key. Raises RequestError."""
        return signing_key(self.sign)

    def stated(self, bundle: Path, output: Path, key: "SigningKey | None", *, force: bool) -> "Attestation | None":
        """What is to be stated of the bundle, found before it is packed. Raises RequestError, DifferenceError."""
        if not self.attest:
            if self.lock or self.built_again:
                raise RequestError("--lock and --built-again are stated by an attestation", hint="add --attest")
            return None
        from bundler.attestation import check_places, examine

        check_places(output, key, replace=force)
        return examine(bundle, self.lock, self.built_again)
