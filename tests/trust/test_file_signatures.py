"""A packed bundle and its signature: whoever has not the right ones gets nothing, and exit code 6."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import bundler as bundler_api
from bundler.errors import RequestError
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY, SIGNIFY_SECRET, SSH, SSH_SECRET

KEYS = {
    "minisign": (MINISIGN, MINISIGN_SECRET, "web.tar.zst.minisig"),
    "signify": (SIGNIFY, SIGNIFY_SECRET, "web.tar.zst.minisig"),
    "ssh": (SSH, SSH_SECRET, "web.tar.zst.sig"),
}
KINDS = ["minisign", "signify", pytest.param("ssh", marks=pytest.mark.tool("ssh-keygen"))]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, packed and signed by each kind of key in a folder of its own, with all keys beside it."""
    folder = tmp_path_factory.mktemp("signed")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    bundler("build", "image.tar", "--rootless", "-o", "bundle", cwd=folder)
    for kind in KEYS:
        (folder / kind).mkdir()
        for name, (public, secret, _) in KEYS.items():
            (folder / kind / f"{name}.pub").write_bytes(public)
            (folder / kind / f"{name}.sec").write_bytes(secret)
            (folder / kind / f"{name}.sec").chmod(0o600)
    return folder


@pytest.fixture
def folder(signed: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    kind: str = request.node.callspec.params["kind"]
    there = signed / kind
    if not (there / "web.tar.zst").exists():
        bundler("pack", signed / "bundle", "-o", "web.tar.zst", "--sign", f"{kind}.sec", cwd=there)
    shutil.copytree(there, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_is_verified_and_unpacked(folder: Path, kind: str) -> None:
    assert (folder / KEYS[kind][2]).is_file()
    done = call_bundler("verify", "web.tar.zst", "--key", f"{kind}.pub", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert "signed by the key" in done.stderr
    bundler("unpack", "web.tar.zst", "--key", f"{kind}.pub", "-o", "web", cwd=folder)
    assert (folder / "web/config.json").is_file()
    report = json.loads(bundler("verify", "web.tar.zst", "--key", f"{kind}.pub", "--json", cwd=folder))
    assert report["signed"].get("comment") == (None if kind == "ssh" else "file:web.tar.zst")


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def swap_keys(folder: Path, kind: str) -> None:
    other = next(name for name in KEYS if name != kind)
    shutil.copy(folder / f"{other}.pub", folder / f"{kind}.pub")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FAULTS: dict[str, Callable[[Path, str], object]] = {
    "the first byte": lambda folder, _: flip(folder / "web.tar.zst", 0),
    "the last byte": lambda folder, _: flip(folder / "web.tar.zst", -1),
    "a byte less": lambda folder, _: (folder / "web.tar.zst").write_bytes((folder / "web.tar.zst").read_bytes()[:-1]),
    "nothing left": lambda folder, _: (folder / "web.tar.zst").write_bytes(b""),
    "no signature": lambda folder, kind: (folder / KEYS[kind][2]).unlink(),
    "an empty signature": lambda folder, kind: (folder / KEYS[kind][2]).write_bytes(b""),
    "a folder for a signature": lambda folder, kind: make_folder(folder / KEYS[kind][2]),
    "a byte of the signature": lambda folder, kind: flip(folder / KEYS[kind][2], 100),
    "the end of the signature": lambda folder, kind: flip(folder / KEYS[kind][2], -3),
    "another key": swap_keys,
    "a byte of the key": lambda folder, kind: flip(folder / f"{kind}.pub", 70),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_made_of_what_is_not_signed(folder: Path, kind: str, fault: str) -> None:
    FAULTS[fault](folder, kind)
    for words in (["verify", "web.tar.zst"], ["unpack", "web.tar.zst", "--as-is", "-o", "web"]):
        done = call_bundler(*words, "--key", f"{kind}.pub", cwd=folder)
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert "web.tar.zst" in done.stderr or f"{kind}.pub is damaged" in done.stderr
    assert not (folder / "web").exists()


@pytest.mark.parametrize("kind", ["minisign"])
def test_where_nothing_can_verify_it_nothing_is_done(folder: Path, kind: str) -> None:
    """A module that is no library takes the place of the one that is: as if it were not installed."""
    (folder / "hidden/cryptography").mkdir(parents=True)
    for words in (["verify", "web.tar.zst"], ["unpack", "web.tar.zst", "-o", "web"]):
        hidden = {"PYTHONPATH": str(folder / "hidden")}
        (folder / "hidden/cryptography/__init__.py").write_text("raise ImportError\n")
        done = call_bundler(*words, "--key", "minisign.pub", cwd=folder, env=hidden)
        assert done.returncode == 5, done.stderr
        assert "pip install 'oci-bundler[trust]'" in done.stderr
    assert not (folder / "web").exists()


@pytest.mark.parametrize("kind", ["ssh"])
def test_without_ssh_keygen_nothing_is_done(folder: Path, kind: str) -> None:
    (folder / "bin").mkdir()
    done = call_bundler("verify", "web.tar.zst", "--key", "ssh.pub", cwd=folder, env={"PATH": str(folder / "bin")})
    assert done.returncode == 5, done.stderr
    assert "openssh-client" in done.stderr


@pytest.mark.parametrize("kind", ["minisign"])
def test_the_same_pack_has_the_same_signature(folder: Path, signed: Path, kind: str) -> None:
    bundler("pack", signed / "bundle", "-o", "again/web.tar.zst", "--sign", "minisign.sec", cwd=_made(folder, "again"))
    for name in ("web.tar.zst", "web.tar.zst.minisig"):
        assert (folder / "again" / name).read_bytes() == (folder / name).read_bytes()


def _made(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder


@pytest.mark.parametrize("kind", ["minisign"])
def test_an_old_signature_is_replaced_with_the_pack_alone(folder: Path, signed: Path, kind: str) -> None:
    words: list[str | Path] = ["pack", signed / "bundle", "-o", "web.tar.zst", "--sign", "signify.sec"]
    refused = call_bundler(*words, cwd=folder)
    assert (refused.returncode, "exists already" in refused.stderr) == (2, True)
    (folder / "web.tar.zst").unlink()
    refused = call_bundler(*words, cwd=folder)
    assert (refused.returncode, "web.tar.zst.minisig exists already" in refused.stderr) == (2, True)
    bundler(*words, "--force", cwd=folder)
    bundler("verify", "web.tar.zst", "--key", "signify.pub", cwd=folder)


EXCHANGE = """\
import os
while True:
    for target in ("web", "web.tar.zst"):
        os.symlink(target, "next")
        os.replace("next", "here.tar.zst")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["minisign"])
def test_a_directory_that_takes_the_place_of_the_file_is_not_taken_for_what_was_signed(folder: Path, kind: str) -> None:
    """Another process exchanges the two all the time: what is verified is what was opened, or nothing is."""
    trusted = bundler_api.load_trusted_key(folder / f"{kind}.pub")
    bundler("unpack", "web.tar.zst", "-o", "web", cwd=folder)
    shutil.copy(folder / KEYS[kind][2], folder / "here.tar.zst.minisig")
    with subprocess.Popen([sys.executable, "-c", EXCHANGE], cwd=folder) as other:
        try:
            for _ in range(1000):
                with suppress(RequestError):  # it was a directory, or not there yet
                    assert bundler_api.verify(folder / "here.tar.zst", trusted=trusted).signed is not None
        finally:
            other.kill()
