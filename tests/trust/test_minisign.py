"""Keys and signatures of minisign and signify: what these programs made is read, and every change is seen."""

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.trust import minisign
from bundler.trust.encoding import ForgedError, FormError, MalformedError
from bundler.trust.minisign import PasswordError, parse_public_key, parse_secret_key, parse_signature, sign, verify
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY, SIGNIFY_SECRET

MESSAGE = b"what is signed\n"
PAIRS = {"minisign": (MINISIGN, MINISIGN_SECRET), "signify": (SIGNIFY, SIGNIFY_SECRET)}


def is_refused(key: bytes, signature: bytes, message: bytes = MESSAGE) -> bool:
    try:
        verify(parse_public_key(key), parse_signature(signature), message)
    except (FormError, ForgedError):
        return True
    return False


def changed_at(content: bytes, place: int) -> list[bytes]:
    """With one byte changed in two ways, one of which is another letter."""
    others = {content[place] ^ 1, ord("B") if content[place] != ord("B") else ord("C")}
    return [content[:place] + bytes([other]) + content[place + 1 :] for other in others]


@pytest.mark.parametrize("program", PAIRS)
def test_what_is_signed_is_verified(program: str) -> None:
    public, secret = PAIRS[program]
    signature = sign(parse_secret_key(secret), MESSAGE, b"file:f")
    assert not is_refused(public, signature)
    assert sign(parse_secret_key(secret), MESSAGE, b"file:f") == signature
    assert parse_signature(signature).comment == b"file:f"


@pytest.mark.parametrize("program", PAIRS)
def test_every_byte_of_a_signature_counts_but_those_of_the_untrusted_comment(program: str) -> None:
    public, secret = PAIRS[program]
    signature = sign(parse_secret_key(secret), MESSAGE, b"file:f")
    comment = range(len(minisign.COMMENT), signature.index(b"\n"))
    for place in set(range(len(signature))) - set(comment):
        for changed in changed_at(signature, place):
            assert is_refused(public, changed), (place, changed)


@pytest.mark.parametrize("program", PAIRS)
def test_every_byte_of_a_message_and_of_a_key_counts(program: str) -> None:
    public, secret = PAIRS[program]
    signature = sign(parse_secret_key(secret), MESSAGE, b"file:f")
    for place in range(len(MESSAGE)):
        for changed in changed_at(MESSAGE, place):
            assert is_refused(public, signature, changed)
    for place in range(public.index(b"\n"), len(public) - 1):
        for changed in changed_at(public, place):
            assert is_refused(changed, signature), (place, changed)


def test_a_secret_key_that_was_damaged_signs_nothing() -> None:
    """Where it lies in the key: all of the seed, and of the public part that is in it, too."""
    for secret in (MINISIGN_SECRET, SIGNIFY_SECRET):
        end = len(secret) - 1 - (44 if secret is MINISIGN_SECRET else 0)  # letters of an empty checksum
        for place in range(end - 84, end):
            for changed in changed_at(secret, place):
                with pytest.raises(MalformedError):
                    parse_secret_key(changed)


def test_a_signature_of_two_lines_is_one_without_a_comment() -> None:
    signature = sign(parse_secret_key(SIGNIFY_SECRET), MESSAGE, b"file:f")
    short = b"".join(signature.splitlines(keepends=True)[:2])
    assert not is_refused(SIGNIFY, short)
    assert parse_signature(short).comment is None


@pytest.mark.parametrize("lines", [1, 3, 5])
def test_a_signature_of_another_number_of_lines_is_none(lines: int) -> None:
    signature = sign(parse_secret_key(SIGNIFY_SECRET), MESSAGE, b"file:f")
    with pytest.raises(FormError):
        parse_signature(b"".join([*signature.splitlines(keepends=True), b"more\n"][:lines]))


def test_a_large_file_is_hashed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minisign, "LARGEST_LEGACY", len(MESSAGE) - 1)
    signature = sign(parse_secret_key(MINISIGN_SECRET), MESSAGE, b"file:f")
    assert parse_signature(signature).prehashed
    assert not is_refused(MINISIGN, signature)
    assert is_refused(MINISIGN, signature, MESSAGE + b"x")


def test_a_signature_over_a_hash_is_none_over_the_file() -> None:
    """The other algorithm, by its name alone, makes no signature of one."""
    lines = sign(parse_secret_key(MINISIGN_SECRET), MESSAGE, b"c").splitlines()
    lines[1] = b64encode(b"ED" + b64decode(lines[1])[2:])
    assert is_refused(MINISIGN, b"\n".join(lines) + b"\n")


def test_another_key_is_told_by_its_number() -> None:
    signature = sign(parse_secret_key(SIGNIFY_SECRET), MESSAGE, b"")
    with pytest.raises(ForgedError, match=f"by another key: .*, and not {parse_public_key(MINISIGN).name}"):
        verify(parse_public_key(MINISIGN), parse_signature(signature), MESSAGE)


WRONG: dict[str, tuple[Callable[[bytes], object], bytes, type[FormError], str]] = {
    "secret for public": (parse_public_key, MINISIGN_SECRET, FormError, "is a secret key"),
    "secret of signify for public": (parse_public_key, SIGNIFY_SECRET, FormError, "is a secret key"),
    "public for secret": (parse_secret_key, MINISIGN, FormError, "is a public key"),
    "with a password": (parse_secret_key, MINISIGN_SECRET.replace(b"RWQAAEIy", b"RWRTY0Iy"), PasswordError, "password"),
    "cut off": (parse_public_key, MINISIGN[:-6] + b"\n", MalformedError, "is damaged"),
    "no comment": (parse_public_key, MINISIGN.partition(b"\n")[2], FormError, "untrusted comment"),
    "empty": (parse_public_key, b"", FormError, "untrusted comment"),
    "two keys": (parse_public_key, MINISIGN + MINISIGN, FormError, "is damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_such_key_is_told(case: str) -> None:
    parse, content, kind, words = WRONG[case]
    with pytest.raises(kind, match=words):
        parse(content)


def run(*words: str | Path, cwd: Path) -> int:
    return subprocess.run(words, cwd=cwd, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "m.pub": MINISIGN,
        "m.key": MINISIGN_SECRET,
        "s.pub": SIGNIFY,
        "s.sec": SIGNIFY_SECRET,
        "f": MESSAGE,
        "other": MESSAGE + b"x",
    }.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.tool("minisign", "signify-openbsd")
@pytest.mark.parametrize("key", ["m", "s"])
def test_minisign_and_signify_verify_what_bundler_signs(folder: Path, key: str) -> None:
    secret = {"m": MINISIGN_SECRET, "s": SIGNIFY_SECRET}[key]
    (folder / "f.minisig").write_bytes(sign(parse_secret_key(secret), MESSAGE, b"file:f"))
    for name, code in {"f": 0, "other": 1}.items():
        minisigned = run("minisign", "-V", "-p", f"{key}.pub", "-x", "f.minisig", "-m", name, cwd=folder)
        signified = run("signify-openbsd", "-V", "-p", f"{key}.pub", "-x", "f.minisig", "-m", name, cwd=folder)
        assert (minisigned, signified) == (code, code)


@pytest.mark.tool("minisign", "signify-openbsd")
@pytest.mark.parametrize(
    "words",
    [
        "minisign -S -l -s m.key -m f -x f.sig",
        "minisign -S -s m.key -m f -x f.sig -t free&text",
        "signify-openbsd -S -s s.sec -m f -x f.sig",
    ],
)
def test_what_minisign_and_signify_sign_is_verified(folder: Path, words: str) -> None:
    assert run(*words.split(), cwd=folder) == 0
    signature = (folder / "f.sig").read_bytes()
    key = MINISIGN if words.startswith("minisign") else SIGNIFY
    assert not is_refused(key, signature)
    assert is_refused(key, signature, MESSAGE + b"x")
