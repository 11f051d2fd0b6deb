"""Signatures by GPG, as `skopeo standalone-sign` makes them: what of them may differ, and what may not."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.gpg_signature import open_message, verify_message
from bundler.trust.keyring import Keyring, parse_keyring
from tests.support.gpg_keys import GpgKey, gpg_key
from tests.support.image_files import sha256

pytestmark = pytest.mark.tool("gpg", "gpgv", "gpgconf", "skopeo")
MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}'
NAME = "registry.example/web:1"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpgKey]:
    with gpg_key(tmp_path_factory.mktemp("gpg") / "home", "signer@example.org") as key:
        yield key


@pytest.fixture(scope="module")
def keyring(key: GpgKey) -> Keyring:
    return parse_keyring(key.exported())


@pytest.fixture(scope="module")
def signature(key: GpgKey, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "manifest.json").write_bytes(MANIFEST)
    fingerprint = next(
        line.split(":")[9] for line in key.run("--list-keys", "--with-colons").decode().splitlines() if "fpr:" in line
    )
    command: list[str | Path] = [
        "skopeo",
        "standalone-sign",
        folder / "manifest.json",
        NAME,
        fingerprint,
        "-o",
        folder / "signature",
    ]
    subprocess.run(command, check=True, env=key.environment, capture_output=True, timeout=60)
    return (folder / "signature").read_bytes()


def verify(signature: bytes, keyring: Keyring, digest: str = sha256(MANIFEST), name: str = NAME) -> str:
    return verify_message(signature, keyring, digest, lambda signed: signed == name)


def test_the_key_is_named(signature: bytes, keyring: Keyring) -> None:
    assert verify(signature, keyring).startswith("gpg ")


def test_another_digest_and_another_name_are_refused(signature: bytes, keyring: Keyring) -> None:
    with pytest.raises(ForgedError, match="for another image"):
        verify(signature, keyring, sha256(b"other"))
    with pytest.raises(ForgedError, match="for another name"):
        verify(signature, keyring, name="registry.example/web:2")


def test_no_changed_byte_makes_it_say_something_else(signature: bytes, keyring: Keyring) -> None:
    """Some bytes of the format are not signed (the length of a packet may be spelled otherwise); all that counts is."""
    _, payload = open_message(signature, keyring)
    same = 0
    for position in range(len(signature)):
        changed = bytearray(signature)
        changed[position] ^= 1
        try:
            assert open_message(bytes(changed), keyring)[1] == payload
            same += 1
        except (ForgedError, FormError):
            pass
    assert same < 30


def signed(key: GpgKey, payload: bytes, *words: str) -> bytes:
    place = key.home / "payload"
    place.write_bytes(payload)
    return key.run("--sign", *words, "--output", "-", place)


def claim(kind: str = "atomic container signature", **more: object) -> bytes:
    identity = {"docker-reference": NAME}
    critical = {"type": kind, "image": {"docker-manifest-digest": sha256(MANIFEST)}, "identity": identity}
    return json.dumps({"critical": critical | more, "optional": {}}).encode()


def twice(key: GpgKey) -> bytes:
    return signed(key, claim()) + signed(key, claim("something else"))


def trailing(key: GpgKey) -> bytes:
    return signed(key, claim()) + b"more"


def detached(key: GpgKey) -> bytes:
    return signed(key, claim(), "--detach-sign")


def unsigned(key: GpgKey) -> bytes:
    place = key.home / "payload"
    place.write_bytes(claim())
    return key.run("--store", "--output", "-", place)


def bare(_key: GpgKey) -> bytes:
    return claim()


def weak(key: GpgKey) -> bytes:
    return signed(key, claim(), "--digest-algo", "SHA1", "--allow-weak-digest-algos")


def cosign(key: GpgKey) -> bytes:
    return signed(key, claim("cosign container image signature"))


def no_json(key: GpgKey) -> bytes:
    return signed(key, b"web is fine")


def two_digests(key: GpgKey) -> bytes:
    return signed(key, claim().replace(b'"image":', b'"image": {"docker-manifest-digest": "sha256:0"}, "image":', 1))


@pytest.mark.parametrize("make", [detached, unsigned, bare, weak, cosign, no_json, two_digests])
def test_what_only_looks_like_it_is_refused(key: GpgKey, keyring: Keyring, make: Callable[[GpgKey], bytes]) -> None:
    assert verify(signed(key, claim()), keyring)
    with pytest.raises((ForgedError, FormError)):
        verify(make(key), keyring)


def test_a_key_that_is_out_of_date_signs_nothing(tmp_path: Path) -> None:
    with gpg_key(tmp_path / "home", "old@example.org", lasting="1d", time="20200101T000000!") as old:
        made, keyring = signed(old, claim()), parse_keyring(old.exported())
        with pytest.raises(ForgedError):
            verify(made, keyring)


@pytest.mark.parametrize("make", [twice, trailing])
def test_what_follows_a_signed_message_says_nothing(
    key: GpgKey, keyring: Keyring, make: Callable[[GpgKey], bytes]
) -> None:
    """Gpgv reads one message; what it gives out is what its signature is over."""
    assert open_message(make(key), keyring)[1] == claim()


def test_armor_changes_nothing(key: GpgKey, keyring: Keyring) -> None:
    assert parse_keyring(key.exported("--armor")) == keyring
