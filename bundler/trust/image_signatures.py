"""Verifying an image: one of the signatures attached to it must be by a trusted key."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from bundler.light_dataclasses import dataclass
from bundler.trust import cosign_signatures, gpg_signature
from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.image_keys import ImageKey
from bundler.trust.keyring import Keyring

MOST: Final = 100  # of what is attached to one image; each is held against each key
AnyKey: TypeAlias = ImageKey | Keyring
Means: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Attached:
    """A layer of a manifest that is attached to an image: its content, and the signature among its annotations."""

    media_type: str
    content: bytes
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class SignedImage:
    """The result of a verification: the key called `key` has signed the manifest or index `digest`."""

    key: str
    digest: str


def verify_image(
    attached: Sequence[Attached], keys: Sequence[AnyKey], digests: Sequence[str], means: Means = lambda _name: True
) -> SignedImage:
    """Raise ForgedError unless one of `keys` has signed one of `digests`: those of the image's manifest and indexes.

    `means` tells whether a name in a signature means the image; only signatures of GPG have one that counts.
    """
    reasons = []
    kinds = {type(key) for key in keys}
    signatures = [each for each in attached if _KEYS.get(each.media_type) in kinds]
    for each in signatures:
        for key in keys:
            for digest in digests:
                try:
                    return SignedImage(_verify(each, key, digest, means), digest)
                except (ForgedError, FormError) as error:
                    reasons.append(str(error))
    if not signatures:
        raise ForgedError("has no signature")
    more = "" if len(signatures) == 1 else f" (there are {len(signatures)} signatures, and none is)"
    raise ForgedError(f"is not signed by {' or '.join(key.name for key in keys)}: its signature {reasons[0]}{more}")


def _verify(each: Attached, key: AnyKey, digest: str, means: Means) -> str:
    """The name of the key, if it has made this signature. Raises ForgedError, FormError."""
    if isinstance(key, Keyring) and each.media_type == gpg_signature.MEDIA_TYPE:
        return gpg_signature.verify_message(each.content, key, digest, means)
    if isinstance(key, ImageKey) and each.media_type == cosign_signatures.PAYLOAD:
        if each.signature is None:
            raise FormError("is missing beside its payload")
        cosign_signatures.verify_payload(each.content, each.signature, key, digest)
        return key.name
    if isinstance(key, ImageKey) and each.media_type == cosign_signatures.BUNDLE:
        cosign_signatures.verify_bundle(each.content, key, digest)
        return key.name
    raise ForgedError(f"is of another kind than {key.name}")


_KEYS: Final[dict[str, type[AnyKey]]] = {
    cosign_signatures.PAYLOAD: ImageKey,
    cosign_signatures.BUNDLE: ImageKey,
    gpg_signature.MEDIA_TYPE: Keyring,
}
SIGNATURES: Final = frozenset(_KEYS)
"""Their media types."""
