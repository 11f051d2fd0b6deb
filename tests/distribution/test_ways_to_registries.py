"""Certificates and logins on the way to a registry, and a way that ends early."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import sha256
from tests.support.pushed import PLAIN, asked, counting, names
from tests.support.registry import Registry, registry
from tests.support.relay import Relay

pytestmark = pytest.mark.tool("docker-registry", "skopeo")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("guarded") / "registry", password=True, tls=True) as there:
        yield there


@pytest.mark.tool("openssl")
def test_a_registry_with_a_password_and_a_certificate(guarded: Registry, shop: Path, tmp_path: Path) -> None:
    name, trusted = f"docker://{guarded.host}/web:1", {"SSL_CERT_FILE": str(guarded.certificate)}
    login = ("--authfile", guarded.authfile(tmp_path / "auth.json"))

    unknown = call_bundler("push", "old", name, *login, cwd=shop)
    assert (unknown.returncode, "certificate is not trusted" in unknown.stderr) == (5, True)
    denied = call_bundler("push", "old", name, cwd=shop, env=trusted)
    assert (denied.returncode, "wants a login" in denied.stderr) == (3, True)
    for words in (("push", "old", name), ("pull", name, "-o", tmp_path / "web")):
        done = call_bundler(*words, *login, cwd=shop, env=trusted)
        assert done.returncode == 0, done.stderr
    bundler("verify", tmp_path / "web")


def test_a_push_that_was_cut_off_goes_on(shop: Path, name: str, served: Registry, log: Path) -> None:
    """The signature went before; what is sent again is the packed file, which was under way."""
    with closing(Relay(served.host, 1 << 19, cuts=1)) as relay:
        words = ("push", "old", f"{name.replace(served.host, relay.host)}:1", "--sign", "web.key", PLAIN)
        cut = call_bundler(*words, "--retries", "0", cwd=shop)
        assert (cut.returncode, "connection broke off" in cut.stderr) == (5, True), cut.stderr
        assert call_bundler("pull", f"{name}:1", "-o", shop / "no", PLAIN).returncode == 3
        with counting(log) as sent:
            assert call_bundler(*words, cwd=shop).returncode == 0
    assert [line.split()[0] for line in sent] == ["POST", "PATCH", "PUT", "PUT"]
    assert sent[-1] == "PUT 1"


@pytest.mark.root
def test_a_full_disk_is_told_by_what_chooses_another(shop: Path, name: str, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], check=True)
    try:
        done = call_bundler("push", "old", f"{name}:1", PLAIN, cwd=shop, env={"TMPDIR": str(small)})
        assert (done.returncode, names(small)) == (1, [])
    finally:
        subprocess.run(["umount", small], check=True)
    assert "no space left" in done.stderr
    assert "with TMPDIR" in done.stderr


def test_a_push_goes_on_by_itself(shop: Path, name: str, served: Registry) -> None:
    with closing(Relay(served.host, 1 << 19, cuts=1)) as relay:
        done = call_bundler("push", "old", f"{name.replace(served.host, relay.host)}:1", PLAIN, cwd=shop)
    assert (done.returncode, "try 2 of 4" in done.stderr) == (0, True), done.stderr
    digest = sha256((shop / "old.tar.zst").read_bytes())
    assert json.loads(asked(name, "manifests/1"))["layers"][0]["digest"] == digest
