"""Signatures of images by a key, made with openssl by the published formats of cosign 2 and 3."""

import base64
import json
import subprocess
from pathlib import Path

from bundler.trust.cosign_signatures import BUNDLE, preauthenticated
from bundler.trust.image_keys import ImageKey, parse_image_key

DIGEST = "sha256:" + "ab" * 32
GENERATED = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ed25519": ["-algorithm", "ED25519"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}


class Pair:
    """A pair of keys of openssl's."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self._folder, self._path = folder, folder / "key.pem"
        subprocess.run(["openssl", "genpkey", *words, "-out", self._path], check=True, capture_output=True)
        shown = subprocess.run(["openssl", "pkey", "-in", self._path, "-pubout"], check=True, capture_output=True)
        self.public = shown.stdout

    @property
    def key(self) -> ImageKey:
        return parse_image_key(self.public)

    def sign(self, message: bytes) -> str:
        """In base64; by SHA-256, but of Ed25519."""
        (self._folder / "message").write_bytes(message)
        hashed = [] if b"ed25519" in self.key.kind.encode() else ["-digest", "sha256"]
        words = ["openssl", "pkeyutl", "-sign", "-rawin", *hashed]
        paths: list[str | Path] = ["-inkey", self._path, "-in", self._folder / "message"]
        done = subprocess.run([*words, *paths], check=True, capture_output=True)
        return base64.b64encode(done.stdout).decode()


def payload_of(
    digest: str = DIGEST, kind: str = "cosign container image signature", name: str = "registry.example/web"
) -> bytes:
    """As cosign 2 spells it."""
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": kind,
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def statement_of(digest: str = DIGEST, predicate_type: str = "https://sigstore.dev/cosign/sign/v1") -> bytes:
    algorithm, _, encoded = digest.partition(":")
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {algorithm: encoded}}],
        "predicateType": predicate_type,
        "predicate": {},
    }
    return json.dumps(statement, separators=(",", ":")).encode()


def bundle_of(pair: Pair, statement: bytes, payload_type: str = "application/vnd.in-toto+json") -> dict[str, object]:
    """As cosign 3 spells it."""
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "aGludA=="}},
        "dsseEnvelope": {
            "payload": base64.b64encode(statement).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": pair.sign(preauthenticated(payload_type, statement))}],
        },
    }


def encoded(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
