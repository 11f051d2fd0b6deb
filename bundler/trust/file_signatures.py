"""Signatures beside a file, FILE.minisig or FILE.sig: made, found, and verified with a trusted key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from bundler.errors import DifferenceError, printable
from bundler.input_files import InputError, read_named
from bundler.trust import minisign
from bundler.trust.encoding import ForgedError, FormError
from bundler.trust.keys import Signed, SigningKey, TrustedKey, Verify
from bundler.trust.minisign import PublicKey
from bundler.trust.ssh_keygen import sign_by_ssh, verify_by_ssh
from bundler.trust.sshsig import BEGIN

LARGEST: Final = 64 << 10
"""Bytes of a signature's file."""
_MINISIG: Final = ".minisig"
_SIG: Final = ".sig"  # signify's name for it, and that of ssh-keygen
SUFFIXES: Final = (_MINISIG, _SIG)


def signature_place(file: Path, key: SigningKey) -> Path:
    """The path of the signature of `file` by the key."""
    return file.with_name(file.name + (_SIG if key.secret is None else _MINISIG))


def suffix_of(signature: bytes) -> str:
    """The end of the name of a signature's file, told by the signature's content."""
    return _SIG if signature.startswith(BEGIN) else _MINISIG


def sign_file(made: Path, name: str, key: SigningKey) -> bytes:
    """Sign the file `made`, which will be called `name`; gives the content of the signature's file. BundlerError."""
    descriptor = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if key.secret is None:
            return sign_by_ssh(key.path, descriptor)
        with _mapped(descriptor) as message:
            return minisign.sign(key.secret, message, b"file:" + _one_line(name))
    finally:
        os.close(descriptor)


def verify_file(descriptor: int, file: Path, trusted: TrustedKey) -> Signed:
    """Raise DifferenceError unless the signature beside `file` is the key's, over what is open at `descriptor`.

    The caller then has to read the file through `descriptor`: at its path, another file may have taken its place.
    Raises ToolError if the library or the program that verifies it is missing.
    """
    label = printable(str(file))
    place, content = _signature_of(file, trusted)
    signature_label = printable(str(place))
    try:
        if not isinstance(trusted.key, PublicKey):
            verify_by_ssh(trusted.key, content, descriptor)
            return Signed(trusted.label, None)
        signature = minisign.parse_signature(content)
        with _mapped(descriptor) as message:
            minisign.verify(trusted.key, signature, message)
        comment = None if signature.comment is None else printable(signature.comment)
        return Signed(trusted.key.name, comment)
    except FormError as error:
        raise DifferenceError(f"{signature_label} {error}", hint=f"copy {label} and its signature again") from None
    except ForgedError as error:
        raise DifferenceError(
            f"{label} {error} ({signature_label})", hint="do not use it unless you know why"
        ) from None


def verifier(trusted: TrustedKey | None) -> Verify | None:
    """`verify_file` with that key, to be called by the module that opens the file; None without a key.

    So that module, which workers load, does not load what starts programs.
    """
    return None if trusted is None else partial(verify_file, trusted=trusted)


def _signature_of(file: Path, trusted: TrustedKey) -> tuple[Path, bytes]:
    """The signature's file and its content. Raises DifferenceError where there is none for a key of this kind."""
    suffixes = SUFFIXES if isinstance(trusted.key, PublicKey) else (_SIG,)
    places = [file.with_name(file.name + suffix) for suffix in suffixes]
    place = next((each for each in places if os.path.lexists(each)), None)
    if place is None:
        what = f"{printable(str(file))} has no signature: there is no {printable(places[0].name)} beside it"
        raise DifferenceError(what, hint="carry both files; bundler pack --sign KEY (or delta) writes both")
    try:
        return place, read_named(place, LARGEST, pipe=False)
    except InputError as error:
        raise DifferenceError(f"{printable(str(place))} {error}") from None


@contextmanager
def _mapped(descriptor: int) -> Iterator[bytes | mmap]:
    """The bytes of an open file, mapped: a signature is over all of them, and reads them twice."""
    if os.fstat(descriptor).st_size == 0:
        yield b""
        return
    with mmap(descriptor, 0, access=ACCESS_READ) as mapped:
        yield mapped


def _one_line(name: str) -> bytes:
    return printable(name).encode()
