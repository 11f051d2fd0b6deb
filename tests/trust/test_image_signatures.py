"""Signatures of images by a key: made by the published formats with openssl, and every change of them is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.trust.cosign_signatures import BUNDLE, verify_bundle, verify_payload
from bundler.trust.encoding import ForgedError, FormError, MalformedError
from bundler.trust.image_keys import parse_image_key
from tests.support.image_signatures import DIGEST, GENERATED, Pair, bundle_of, encoded, payload_of, statement_of

pytestmark = pytest.mark.tool("openssl")
OTHER = "sha256:" + "cd" * 32
UNFIT = {
    "P-384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "small RSA": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "ed448": ["-algorithm", "ED448"],
}
KINDS = list(GENERATED)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return {kind: Pair(tmp_path_factory.mktemp(kind), words) for kind, words in GENERATED.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_by_the_key_is_verified(pairs: dict[str, Pair], kind: str) -> None:
    payload = payload_of()
    assert verify_payload(payload, pairs[kind].sign(payload), pairs[kind].key, DIGEST) == "registry.example/web"


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_by_the_key_is_verified(pairs: dict[str, Pair], kind: str) -> None:
    bundle = encoded(bundle_of(pairs[kind], statement_of()))
    assert verify_bundle(bundle, pairs[kind].key, DIGEST) == {}


def refused(verify: Callable[[], object]) -> bool:
    try:
        verify()
    except (ForgedError, FormError):
        return True
    return False


def each_changed(content: bytes) -> list[bytes]:
    return [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in range(len(content))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_a_payload_and_its_signature_counts(pairs: dict[str, Pair], kind: str) -> None:
    payload, key = payload_of(), pairs[kind].key
    signature = pairs[kind].sign(payload)
    for changed in each_changed(payload):
        assert refused(lambda changed=changed: verify_payload(changed, signature, key, DIGEST)), changed  # type: ignore[misc]
    for changed in each_changed(signature.encode()):
        assert refused(lambda changed=changed: verify_payload(payload, changed.decode(), key, DIGEST)), changed  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_a_bundle_counts_but_those_of_the_hint(pairs: dict[str, Pair], kind: str) -> None:
    """The hint says which key might be meant; the key is the one that was named, whatever it says."""
    bundle, key = encoded(bundle_of(pairs[kind], statement_of())), pairs[kind].key
    hint = range(bundle.index(b'"hint"'), bundle.index(b"aGludA==") + len(b"aGludA=="))
    for place, changed in enumerate(each_changed(bundle)):
        if place not in hint:
            assert refused(lambda changed=changed: verify_bundle(changed, key, DIGEST)), changed  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
def test_another_image_is_not_the_one_that_was_signed(pairs: dict[str, Pair], kind: str) -> None:
    pair = pairs[kind]
    with pytest.raises(ForgedError, match=f"for another image: {DIGEST}"):
        verify_payload(payload_of(), pair.sign(payload_of()), pair.key, OTHER)
    with pytest.raises(ForgedError, match="for another image"):
        verify_bundle(encoded(bundle_of(pair, statement_of())), pair.key, OTHER)


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_another_key_of_any_kind_has_not_signed_it(
    pairs: dict[str, Pair], tmp_path: Path, kind: str, other: str
) -> None:
    key = (Pair(tmp_path, GENERATED[kind]) if other == kind else pairs[other]).key
    with pytest.raises(ForgedError, match=f"is not what the key {key.name} has signed"):
        verify_payload(payload_of(), pairs[kind].sign(payload_of()), key, DIGEST)
    with pytest.raises(ForgedError, match=f"is not what the key {key.name} has signed"):
        verify_bundle(encoded(bundle_of(pairs[kind], statement_of())), key, DIGEST)


def test_what_was_signed_as_something_else_is_no_signature_of_an_image(pairs: dict[str, Pair]) -> None:
    pair = pairs["ecdsa"]
    for payload in (payload_of(kind="atomic container signature"), payload_of(kind="")):
        with pytest.raises(ForgedError, match="something else than an image"):
            verify_payload(payload, pair.sign(payload), pair.key, DIGEST)
    attested = bundle_of(pair, statement_of(predicate_type="https://slsa.dev/provenance/v1"))
    with pytest.raises(ForgedError, match="states something else"):
        verify_bundle(encoded(attested), pair.key, DIGEST)
    with pytest.raises(ForgedError, match="something else than a statement"):
        verify_bundle(encoded(bundle_of(pair, statement_of(), "text/plain")), pair.key, DIGEST)


TWICE = (
    b'{"critical":{"image":{"docker-manifest-digest":"%s"},"Image":{},"identity":{"docker-reference":""},"type":"x"}}'
)
SIGNED_NONSENSE = {
    "no JSON": b"{",
    "a list": b"[]",
    "nothing critical": b"{}",
    "no digest": b'{"critical":{"type":"cosign container image signature","image":{}}}',
    "a digest of another type": b'{"critical":{"type":"cosign container image signature","image":[]}}',
    "a name twice": TWICE % DIGEST.encode(),
}


@pytest.mark.parametrize("case", SIGNED_NONSENSE)
def test_what_the_key_has_signed_is_read_strictly(pairs: dict[str, Pair], case: str) -> None:
    payload, pair = SIGNED_NONSENSE[case], pairs["ed25519"]
    with pytest.raises(MalformedError):
        verify_payload(payload, pair.sign(payload), pair.key, DIGEST)


def without(document: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in document.items() if key != name}


BUNDLES: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
    "of another version": lambda bundle: bundle | {"mediaType": BUNDLE.replace("0.3", "0.4")},
    "by a certificate": lambda bundle: bundle | {"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}}},
    "by no one": lambda bundle: without(bundle, "verificationMaterial"),
    "of a blob": lambda bundle: without(bundle, "dsseEnvelope") | {"messageSignature": {"signature": "AAAA"}},
    "without a signature": lambda bundle: bundle | {"dsseEnvelope": {"payload": "e30=", "payloadType": "x"}},
    "with no signatures": lambda bundle: (
        bundle | {"dsseEnvelope": {"payload": "e30=", "payloadType": "x", "signatures": []}}
    ),
}


@pytest.mark.parametrize("case", BUNDLES)
def test_a_bundle_of_another_form_is_refused(pairs: dict[str, Pair], case: str) -> None:
    pair = pairs["ecdsa"]
    bundle = encoded(BUNDLES[case](bundle_of(pair, statement_of())))
    assert refused(lambda: verify_bundle(bundle, pair.key, DIGEST))


@pytest.mark.parametrize("kind", UNFIT)
def test_a_key_that_signs_no_images_is_told(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormError, match="which sign images"):
        Pair(tmp_path, UNFIT[kind]).key  # noqa: B018 -- it is parsed


@pytest.mark.parametrize(
    ("content", "words"),
    {
        "nothing": (b"", "no public key in PEM"),
        "a secret key": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is a secret key"),
        "cosign's secret key": (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "is a secret key"),
        "cut off": (b"-----BEGIN PUBLIC KEY-----\nAAAA\n", "is damaged"),
        "no key": (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is damaged"),
    }.values(),
)
def test_what_is_no_key_of_an_image_is_told(content: bytes, words: str) -> None:
    with pytest.raises(FormError, match=words):
        parse_image_key(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_has_the_name_of_its_kind_and_its_sha256(pairs: dict[str, Pair], tmp_path: Path, kind: str) -> None:
    (tmp_path / "key.pub").write_bytes(pairs[kind].public)
    words: list[str | Path] = [
        "openssl",
        "pkey",
        "-pubin",
        "-in",
        tmp_path / "key.pub",
        "-outform",
        "DER",
        "-out",
        tmp_path / "der",
    ]
    subprocess.run(words, check=True)
    done = subprocess.run(["sha256sum", tmp_path / "der"], check=True, capture_output=True, text=True)
    assert pairs[kind].key.name.split(" sha256:") == [
        {"ecdsa": "ecdsa-p256", "rsa": "rsa-2048"}.get(kind, kind),
        done.stdout.split()[0],
    ]
