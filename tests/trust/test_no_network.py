"""Nothing that verifies a signature asks anyone: no socket of the network is opened."""

import subprocess
from pathlib import Path

import pytest

from tests.support.command import bundler, installed
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SSH, SSH_SECRET
from tests.support.strace import listing

pytestmark = pytest.mark.tool("strace", "ssh-keygen")
KEYS = {"minisign": (MINISIGN, MINISIGN_SECRET), "ssh": (SSH, SSH_SECRET)}


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_is_verified_without_a_socket(tmp_path: Path, kind: str) -> None:
    public, secret = KEYS[kind]
    (tmp_path / "key.pub").write_bytes(public)
    (tmp_path / "key").write_bytes(secret)
    (tmp_path / "key").chmod(0o600)
    write_archive(tmp_path / "image.tar", layout_files({"1": sample()}))
    bundler("build", "image.tar", "--rootless", "-o", "web", cwd=tmp_path)
    bundler("pack", "web", "-o", "web.tar", "--sign", "key", cwd=tmp_path)
    words = [*listing("socket", tmp_path / "calls"), installed(), "verify", "web.tar", "--key", "key.pub"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    calls = (tmp_path / "calls").read_text()
    assert "+++ exited with 0 +++" in calls
    assert "AF_INET" not in calls
