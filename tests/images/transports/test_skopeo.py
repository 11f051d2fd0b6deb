"""Images in a real registry, fetched by the real skopeo."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError, ToolError
from bundler.images.digest import Digest
from bundler.images.transports.access import Access
from bundler.progress import Meter
from tests.support.image_files import (
    Sample,
    directory_files,
    legacy_files,
    manifest_of,
    multi_directory_files,
    sample,
    write_archive,
    write_folder,
)
from tests.support.opened import layer_contents, opened
from tests.support.registry import Registry, registry

pytestmark = [pytest.mark.tool("skopeo"), pytest.mark.tool("docker-registry")]

ONE = sample()
ARM = sample(architecture="arm64")
INSECURE = Access(tls_verify=False)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("plain") / "registry") as served:
        yield served


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """With a password and TLS."""
    with registry(tmp_path_factory.mktemp("guarded") / "registry", password=True, tls=True) as served:
        yield served


def push(served: Registry, tmp_path: Path, image: Sample, name: str, compression: str = "gzip", *, docker: bool) -> str:
    folder = write_folder(tmp_path / name.replace(":", "-"), directory_files(image, compression, docker=docker))
    return served.push(f"dir:{folder}", name, "--preserve-digests")


class Bars:
    """Progress that remembers what was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int | None, list[int]]] = []

    def measure(self, label: str, total: int | None) -> AbstractContextManager[Meter]:
        @contextmanager
        def measured() -> Iterator[Meter]:
            counts: list[int] = []
            self.shown.append((label, total, counts))
            yield counts.append

        return measured()


@pytest.mark.parametrize(
    ("compression", "docker"),
    [("gzip", True), ("gzip", False), ("zstd", False), ("none", False)],
    ids=["Docker gzip", "OCI gzip", "OCI zstd", "OCI uncompressed"],
)
def test_documents_and_layers_are_those_of_the_registry(
    plain: Registry, tmp_path: Path, compression: str, *, docker: bool
) -> None:
    name = push(plain, tmp_path, ONE, f"one:{compression}-{docker}".lower(), compression, docker=docker)
    manifest, stored = manifest_of(ONE, compression, docker=docker)
    with opened(name, tmp_path / "w", access=INSECURE) as image:
        assert image.id == Digest.of(ONE.config)
        assert image.image_config.raw == ONE.config
        assert image.manifest == manifest
        assert image.manifest_digest == Digest.of(manifest)
        assert [layer.blob.digest for layer in image.layers] == [Digest.of(content) for content in stored]
        assert (image.transport, image.name) == ("docker", name.removeprefix("docker://"))
        assert tuple(layer_contents(image)) == ONE.layers


def test_layers_are_fetched_once_and_only_when_they_are_read(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "lazy:1", docker=True)
    bars = Bars()
    with opened(name, tmp_path / "w", access=INSECURE, progress=bars) as image:
        assert list((tmp_path / "w").iterdir()) == []
        assert bars.shown == []
        assert layer_contents(image, bars) == layer_contents(image, bars)
        ((_, total, counts),) = bars.shown
        assert total == sum(layer.blob.size for layer in image.layers)
        assert sum(counts) == total


def test_a_tag_that_moves_meanwhile_does_not_mix_two_images(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "moving:1", docker=True)
    with opened(name, tmp_path / "w", access=INSECURE) as image:
        (tmp_path / "other").mkdir()
        push(plain, tmp_path / "other", sample(b"".join(ONE.layers), Cmd=["other"]), "moving:1", docker=True)
        assert tuple(layer_contents(image)) == ONE.layers


@pytest.mark.parametrize("tag", ["", ":1", ":moved"], ids=["digest alone", "tag and digest", "gone tag and digest"])
def test_a_digest_pins_the_image_whatever_its_tag(plain: Registry, tmp_path: Path, tag: str) -> None:
    push(plain, tmp_path, ONE, "pinned:1", docker=True)
    digest = Digest.of(manifest_of(ONE, docker=True)[0])
    with opened(f"docker://{plain.host}/pinned{tag}@{digest}", tmp_path / "w", access=INSECURE) as image:
        assert image.manifest_digest == digest
        assert tuple(layer_contents(image)) == ONE.layers


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize(("platform", "chosen"), [(None, ONE), ("arm64", ARM)])
def test_the_platform_is_chosen_in_an_index(
    plain: Registry, tmp_path: Path, platform: str | None, chosen: Sample, *, docker: bool
) -> None:
    folder = write_folder(tmp_path / "all", multi_directory_files([ONE, ARM], docker=docker))
    name = plain.push(f"dir:{folder}", f"index:{docker}".lower(), "--all", "--preserve-digests")
    with opened(name, tmp_path / "w", platform=platform, access=INSECURE) as image:
        assert image.id == Digest.of(chosen.config)
        assert image.manifest == manifest_of(chosen, docker=docker)[0]
        assert tuple(layer_contents(image)) == chosen.layers


def test_a_platform_that_the_image_is_not_for_is_an_error(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "single:1", docker=True)
    with (
        pytest.raises(ImageError, match="is for linux/amd64, not for linux/arm64"),
        opened(name, tmp_path / "w", platform="arm64", access=INSECURE),
    ):
        pass


def test_the_image_id_is_that_of_the_archive_it_came_from(plain: Registry, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "image.tar", legacy_files({"one:1": ONE}))
    name = plain.push(f"docker-archive:{archive}", "from-archive:1")
    with opened(archive, tmp_path / "w") as saved, opened(name, tmp_path / "v", access=INSECURE) as pushed:
        assert saved.id == pushed.id
        assert layer_contents(saved) == layer_contents(pushed)


def test_a_password_and_a_certificate_are_skopeos_own_matter(
    guarded: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = push(guarded, tmp_path, ONE, "secret:1", docker=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.certificate))
    access = Access(authfile=guarded.authfile(tmp_path / "auth.json"))
    with opened(name, tmp_path / "w", access=access) as image:
        assert tuple(layer_contents(image)) == ONE.layers


def failure(name: str, workspace: Path, access: Access) -> BundlerError:
    with pytest.raises(BundlerError) as raised, opened(name, workspace, access=access) as image:
        layer_contents(image)
    return raised.value


def test_what_the_registry_refuses_is_explained(guarded: Registry, plain: Registry, tmp_path: Path) -> None:
    auth = guarded.authfile(tmp_path / "auth.json")
    secret = f"docker://{guarded.host}/secret:1"
    closed = failure(secret, tmp_path / "w", INSECURE)
    assert isinstance(closed, ImageError)
    assert "wants a login" in closed.what
    assert "--authfile" in (closed.hint or "")
    untrusted = failure(secret, tmp_path / "w", Access(authfile=auth))
    assert isinstance(untrusted, ToolError)
    assert "certificate is not trusted" in untrusted.what
    speaks_http = failure(f"docker://{plain.host}/one:1", tmp_path / "w", Access())
    assert speaks_http.hint == "allow that with --tls-verify=false"
    for name in ("one:gone", "gone", f"one@sha256:{'0' * 64}"):
        absent = failure(f"docker://{plain.host}/{name}", tmp_path / "w", INSECURE)
        assert isinstance(absent, ImageError)
        assert absent.what.endswith(": not found")
    nobody = failure("docker://127.0.0.1:1/a", tmp_path / "w", INSECURE)
    assert isinstance(nobody, ToolError)
    assert "nothing listens there" in nobody.what


def test_a_policy_rules_what_may_be_fetched(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "judged:1", docker=True)
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "reject"}]}))
    rejected = failure(name, tmp_path / "w", Access(tls_verify=False, policy=policy))
    assert isinstance(rejected, ImageError)
    assert rejected.what.endswith(": the policy rejects it")


def test_without_a_policy_nothing_is_fetched(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "lawless:1", docker=True)
    lawless = failure(name, tmp_path / "w", Access(tls_verify=False, policy=tmp_path / "gone.json"))
    assert isinstance(lawless, ToolError)
    assert "no signature policy" in lawless.what
    assert "--policy FILE" in (lawless.hint or "")


def test_a_workspace_may_have_any_name(plain: Registry, tmp_path: Path) -> None:
    name = push(plain, tmp_path, ONE, "odd:1", docker=True)
    with opened(name, tmp_path / "a:b @c", access=INSECURE) as image:
        assert tuple(layer_contents(image)) == ONE.layers


def test_a_blob_that_the_registry_swapped_or_lost_is_refused(tmp_path: Path) -> None:
    with registry(tmp_path / "registry") as served:
        name = push(served, tmp_path, ONE, "swapped:1", docker=True)
        layer = Digest.of(manifest_of(ONE, docker=True)[1][0])
        stored = tmp_path / f"registry/storage/docker/registry/v2/blobs/sha256/{layer.encoded[:2]}/{layer.encoded}/data"
        stored.write_bytes(os.urandom(stored.stat().st_size))
        swapped = failure(name, tmp_path / "w", INSECURE)
        assert isinstance(swapped, ImageError)
        assert swapped.what.endswith(": what came is not what its digest names")
        stored.unlink()
        gone = failure(name, tmp_path / "v", INSECURE)
        assert isinstance(gone, ImageError), gone.what
