"""Keys, signatures and signed documents of any bytes: they are read, or refused in words, and nothing else happens."""

import base64
import json
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.trust.cosign_signatures import verify_bundle, verify_payload
from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.image_keys import ImageKey, parse_image_key
from bundler.trust.keyring import parse_keyring
from bundler.trust.minisign import parse_public_key, parse_secret_key, parse_signature, sign
from bundler.trust.sshsig import BEGIN, END, check_ssh_signature, parse_ssh_key
from tests.support.image_signatures import DIGEST, payload_of, statement_of
from tests.support.signing_keys import GPG, MINISIGN, MINISIGN_SECRET, PEM, SIGNIFY_SECRET, SSH

# What comes behind a signature is read only if that is the key's: so it is, here.
GULLIBLE: Final = ImageKey("any", "", "", lambda _signature, _message: True)
SIGNED_BY_SSH: Final = b"SSHSIG\0\0\0\1\0\0\0\4keys\0\0\0\4file\0\0\0\0\0\0\0\6sha512\0\0\0\4sign"


def in_ssh_armor(content: bytes) -> bytes:
    return BEGIN + base64.b64encode(content) + b"\n" + END


def in_bundle(statement: bytes) -> bytes:
    envelope = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": "AAAA"}],
    }
    media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
    material = {"publicKey": {"hint": ""}}
    document = {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(document).encode()


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "a public key": (parse_public_key, MINISIGN),
    "a secret key of minisign": (parse_secret_key, MINISIGN_SECRET),
    "a secret key of signify": (parse_secret_key, SIGNIFY_SECRET),
    "a signature of minisign": (parse_signature, sign(parse_secret_key(MINISIGN_SECRET), b"", b"c")),
    "a key of SSH": (parse_ssh_key, SSH),
    "a signature by SSH": (
        lambda content: check_ssh_signature(in_ssh_armor(content), parse_ssh_key(SSH)),
        SIGNED_BY_SSH,
    ),
    "a keyring": (parse_keyring, GPG),
    "a key in PEM": (parse_image_key, PEM),
    "a bundle": (lambda content: verify_bundle(content, GULLIBLE, DIGEST), in_bundle(statement_of())),
    "a statement": (lambda content: verify_bundle(in_bundle(content), GULLIBLE, DIGEST), statement_of()),
    "a payload": (lambda content: verify_payload(content, "AAAA", GULLIBLE, DIGEST), payload_of()),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [b"", b"\r", b" ", b"\n", b"\0", b"\xff", b"null", b"{}", b"[]"])
def test_next_to_nothing_is_refused(reader: str, content: bytes) -> None:
    with pytest.raises((FormError, ForgedError)):
        READERS[reader][0](content)


@pytest.mark.parametrize("reader", READERS)
@given(
    place=st.integers(0, 600),
    removed=st.integers(0, 40),
    added=st.binary(max_size=8) | st.sampled_from([b"\n", b'"', b"null", b"[]", b"{", b"\xff\xff\xff\xff", b"="]),
)
def test_any_bytes_are_read_or_refused(reader: str, place: int, removed: int, added: bytes) -> None:
    read, content = READERS[reader]
    place %= len(content) + 1
    try:
        read(content[:place] + added + content[place + removed :])
    except (FormError, ForgedError) as error:
        assert str(error)  # noqa: PT017 -- any of the two
