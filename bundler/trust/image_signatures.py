"""Which of the signatures that are attached to an image, if any, is by a key that is trusted."""

from collections.abc import Callable, Sequence
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.trust import sigstore_bundle, simple_signing
from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.image_keys import ImageKey

MOST: Final = 100  # of what is attached to one image; each is held against each key


@dataclass(frozen=True, slots=True)
class Attached:
    """Something that is attached to an image: a layer's content, and the signature in the layer's annotations."""

    media_type: str
    content: bytes
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class SignedImage:
    """What was verified: that the key of this name has signed the manifest or index `digest`."""

    key: str
    digest: str


def verify_image(attached: Sequence[Attached], keys: Sequence[ImageKey], digests: Sequence[str]) -> SignedImage:
    """Raise ForgedError unless one of the keys has signed one of the digests, all of which mean the image."""
    reasons = []
    signatures = [each for each in attached if each.media_type in _VERIFIERS]
    for each in signatures:
        for key in keys:
            for digest in digests:
                try:
                    _VERIFIERS[each.media_type](each, key, digest)
                except (ForgedError, FormError) as error:
                    reasons.append(str(error))
                else:
                    return SignedImage(key.name, digest)
    if not signatures:
        raise ForgedError("has no signature")
    more = "" if len(signatures) == 1 else f" (there are {len(signatures)} signatures, and none is)"
    raise ForgedError(f"is not signed by {' or '.join(key.name for key in keys)}: its signature {reasons[0]}{more}")


def _by_payload(each: Attached, key: ImageKey, digest: str) -> None:
    if each.signature is None:
        raise FormError("is missing beside its payload")
    simple_signing.verify_payload(each.content, each.signature, key, digest)


def _by_bundle(each: Attached, key: ImageKey, digest: str) -> None:
    sigstore_bundle.verify_bundle(each.content, key, digest)


_VERIFIERS: Final[dict[str, Callable[[Attached, ImageKey, str], None]]] = {
    simple_signing.MEDIA_TYPE: _by_payload,
    sigstore_bundle.MEDIA_TYPE: _by_bundle,
}
