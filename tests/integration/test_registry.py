"""A Debian image by way of a registry: open, and behind TLS and a password."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.registry import Registry, registry
from tests.support.tree import Node, differences, tree

TOOLS = ("debootstrap", "umoci", "skopeo", "setfattr", "setcap", "docker-registry", "openssl")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]


@pytest.fixture(scope="module")
def open_registry(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("open") / "registry") as served:
        served.push(f"oci:{debian}:debian", "team/debian:1")
        served.push(f"oci:{debian}:debian", "team/debian:docker", "--format", "v2s2")
        served.push(f"oci:{debian}:debian", "team/debian:zstd", "--dest-compress-format", "zstd")
        yield served


@pytest.fixture(scope="module")
def guarded_registry(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("guarded") / "registry", password=True, tls=True) as served:
        served.push(f"oci:{debian}:debian", "team/debian:1")
        yield served


@pytest.fixture(scope="module")
def from_layout(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the same image without a registry."""
    directory = tmp_path_factory.mktemp("layout") / "bundle"
    bundler("build", f"oci:{debian}:debian", "--output", directory)
    return directory


@pytest.fixture(scope="module")
def nodes(from_layout: Path) -> dict[str, Node]:
    return tree(from_layout / "rootfs")


@pytest.mark.parametrize("tag", ["1", "docker", "zstd"])
def test_a_pulled_image_gives_the_bundle_of_the_pushed_one(
    open_registry: Registry, from_layout: Path, nodes: dict[str, Node], tmp_path: Path, tag: str
) -> None:
    image = f"docker://{open_registry.host}/team/debian:{tag}"
    bundler("build", image, "--tls-verify=false", "--output", tmp_path / "bundle")
    assert differences(tree(tmp_path / "bundle/rootfs"), nodes) == {}
    for document in ("config.json", "bundler.json"):
        assert (tmp_path / "bundle" / document).read_bytes() == (from_layout / document).read_bytes()


def test_a_name_without_a_transport_is_a_registrys(open_registry: Registry) -> None:
    image = f"{open_registry.host}/team/debian:1"
    described = json.loads(bundler("inspect", "--json", "--tls-verify=false", image))
    assert described["platform"].startswith("linux/")
    by_digest = f"{open_registry.host}/team/debian@{described['digest']}"
    assert json.loads(bundler("inspect", "--json", "--tls-verify=false", by_digest))["id"] == described["id"]


def test_tls_and_a_password_are_those_of_skopeo(
    guarded_registry: Registry, nodes: dict[str, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded_registry.certificate))
    image = f"docker://{guarded_registry.host}/team/debian:1"
    authfile = guarded_registry.authfile(tmp_path / "auth.json")
    bundler("build", image, "--authfile", authfile, "--output", tmp_path / "bundle")
    assert differences(tree(tmp_path / "bundle/rootfs"), nodes) == {}


def test_who_may_not_pull_is_told_so(
    guarded_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"docker://{guarded_registry.host}/team/debian:1"
    untrusted = call_bundler("build", image, "--output", tmp_path / "bundle")
    assert "certificate" in untrusted.stderr
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded_registry.certificate))
    nameless = call_bundler("build", image, "--output", tmp_path / "bundle")
    assert "authenti" in nameless.stderr or "password" in nameless.stderr or "log in" in nameless.stderr
    assert {untrusted.returncode, nameless.returncode} <= {3, 5}
    assert list(tmp_path.iterdir()) == []


def test_offline_does_not_ask_the_registry(open_registry: Registry, tmp_path: Path) -> None:
    image = f"docker://{open_registry.host}/team/debian:1"
    done = call_bundler("build", image, "--offline", "--output", tmp_path / "bundle")
    assert done.returncode in (2, 3)
    assert "offline" in done.stderr
