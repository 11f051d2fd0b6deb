"""Signatures that other programs have made by the published formats, kept in testdata/signatures/.

cosign itself is in neither Debian nor PyPI, and Debian 12 has taken its formats out of skopeo and podman. In its place,
from PyPI: model-signing 1.1.1, which writes Sigstore's bundle of version 0.3 by a key (`model_signing sign key FOLDER
--private_key KEY`), and the DSSE envelopes of securesystemslib 1.6.0, for each kind of key. Each was run once;
securesystemslib has also verified the envelopes that tests/support/image_signatures.py signs with openssl. Of the older
format, a payload beside its signature, no other program has been found: it is made by the published format alone.
"""

import json
from pathlib import Path

import pytest

from bundler.trust.cosign_signatures import BUNDLE, verify_bundle
from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.image_keys import parse_image_key
from tests.support.image_signatures import DIGEST, encoded

SIGNATURES = Path(__file__).parents[2] / "testdata/signatures"
MODEL = (SIGNATURES / "model-signing.json").read_bytes()
MODEL_DIGEST = "sha256:59f3d85be3f9f90be09b43a08eb32a38a952135242e650039e4c4ccefd93d0a3"
MODEL_TYPE = "https://model_signing/signature/v1.0"
ENVELOPES = json.loads((SIGNATURES / "securesystemslib.json").read_bytes())


def test_a_bundle_of_model_signing_is_verified() -> None:
    key = parse_image_key((SIGNATURES / "model-signing.pub").read_bytes())
    predicate = verify_bundle(MODEL, key, MODEL_DIGEST, MODEL_TYPE)
    assert isinstance(predicate, dict)
    assert predicate["serialization"]["hash_type"] == "sha256"
    with pytest.raises(ForgedError, match="states something else"):
        verify_bundle(MODEL, key, MODEL_DIGEST)
    with pytest.raises(ForgedError, match="another image"):
        verify_bundle(MODEL, key, DIGEST, MODEL_TYPE)


@pytest.mark.parametrize("member", [b'"payload":"', b'"sig":"'])
def test_no_byte_of_it_may_be_another(member: bytes) -> None:
    key = parse_image_key((SIGNATURES / "model-signing.pub").read_bytes())
    start = MODEL.index(member) + len(member)
    for position in range(start, MODEL.index(b'"', start)):
        changed = MODEL[:position] + bytes([MODEL[position] ^ 1]) + MODEL[position + 1 :]
        with pytest.raises((ForgedError, FormError)):
            verify_bundle(changed, key, MODEL_DIGEST, MODEL_TYPE)


@pytest.mark.parametrize("kind", ENVELOPES)
def test_an_envelope_of_securesystemslib_is_verified(kind: str) -> None:
    envelope = ENVELOPES[kind]["envelope"]
    bundle = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": ""}}, "dsseEnvelope": envelope}
    verify_bundle(encoded(bundle), parse_image_key(ENVELOPES[kind]["key"].encode()), DIGEST)
    for other in ENVELOPES.keys() - {kind}:
        with pytest.raises(ForgedError, match="is not what the key"):
            verify_bundle(encoded(bundle), parse_image_key(ENVELOPES[other]["key"].encode()), DIGEST)
