"""Signatures by SSH keys: ssh-keygen makes and verifies them, and what they say of themselves is looked at before."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.errors import BundlerError
from bundler.trust.encoding import ForgedError, FormError, MalformedError
from bundler.trust.ssh_keygen import sign_by_ssh, verify_by_ssh
from bundler.trust.sshsig import BEGIN, check_ssh_signature, parse_ssh_key
from tests.support.signing_keys import SSH, SSH_SECRET

pytestmark = pytest.mark.tool("ssh-keygen")
MESSAGE = b"what is signed\n"


def make_key(folder: Path, kind: str, *words: str) -> tuple[Path, bytes]:
    path = folder / f"a-{kind}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", *words, "-f", path], check=True)
    return path, path.with_name(path.name + ".pub").read_bytes()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(SSH_SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def message(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "message").write_bytes(MESSAGE)
    descriptor = os.open(tmp_path / "message", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_a_key_signs_is_verified(tmp_path: Path, message: int, kind: str) -> None:
    path, public = make_key(tmp_path, kind, *(["-b", "2048"] if kind == "rsa" else []))
    signature = sign_by_ssh(path, message)
    verify_by_ssh(parse_ssh_key(public), signature, message)
    (tmp_path / "message").write_bytes(MESSAGE.upper())
    with pytest.raises(ForgedError, match="is not what its key has signed"):
        verify_by_ssh(parse_ssh_key(public), signature, message)


def test_ssh_keygen_verifies_what_is_signed(secret: Path, message: int, tmp_path: Path) -> None:
    (tmp_path / "sig").write_bytes(sign_by_ssh(secret, message))
    (tmp_path / "allowed").write_bytes(b"someone " + SSH)
    words = ["ssh-keygen", "-Y", "verify", "-n", "file", "-I", "someone", "-f", "allowed", "-s", "sig"]
    assert subprocess.run(words, cwd=tmp_path, input=MESSAGE, capture_output=True, check=False).returncode == 0


def test_every_byte_of_a_signature_counts(secret: Path, message: int) -> None:
    """What is in front of the signature proper is compared here; a sample of the rest is left to ssh-keygen."""
    signature, key = sign_by_ssh(secret, message), parse_ssh_key(SSH)
    passed = []
    for place in range(len(signature)):
        changed = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        try:
            check_ssh_signature(changed, key)
        except (FormError, ForgedError):
            continue
        passed.append(changed)
    assert len(passed) < 100
    for changed in passed[:: len(passed) // 3]:
        with pytest.raises(ForgedError):
            verify_by_ssh(key, changed, message)


def test_a_signature_by_another_key_or_for_another_purpose_is_none(tmp_path: Path, secret: Path, message: int) -> None:
    _, other = make_key(tmp_path, "ed25519")
    with pytest.raises(ForgedError, match="by another key"):
        check_ssh_signature(sign_by_ssh(secret, message), parse_ssh_key(other))
    words = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f"]
    for_git = subprocess.run([*words, secret], input=MESSAGE, capture_output=True, check=True).stdout
    with pytest.raises(ForgedError, match="for another purpose"):
        check_ssh_signature(for_git, parse_ssh_key(SSH))


def test_a_key_with_a_password_is_left_to_the_agent(tmp_path: Path, message: int) -> None:
    path = tmp_path / "secret"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "password", "-f", path], check=True)
    with pytest.raises(BundlerError, match="cannot sign") as caught:
        sign_by_ssh(path, message)
    assert "ssh-add" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("line", "words"),
    {
        "two lines": (SSH + SSH, "several lines"),
        "another kind": (SSH.replace(b"ssh-ed25519 ", b"ssh-rsa "), "another kind"),
        "no key": (b"ssh-ed25519 \n", "no key"),
        "no base64": (b"ssh-ed25519 !!!\n", "base64"),
        "nothing": (b"", "several lines"),
    }.values(),
)
def test_what_is_no_key_is_told(line: bytes, words: str) -> None:
    with pytest.raises(FormError, match=words):
        parse_ssh_key(line)


def test_a_signature_without_an_end_is_damaged() -> None:
    with pytest.raises(MalformedError):
        check_ssh_signature(BEGIN, parse_ssh_key(SSH))
