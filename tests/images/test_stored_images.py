"""Images of podman's storage and of a Docker daemon, real ones of our own."""

import subprocess
from pathlib import Path

import pytest

from bundler.errors import ImageError, ToolError
from bundler.images.digest import Digest
from tests.support.docker import docker_daemon
from tests.support.image_files import directory_files, legacy_files, sample, write_archive, write_folder
from tests.support.opened import layer_contents, opened

pytestmark = [pytest.mark.tool("skopeo"), pytest.mark.root]

ONE = sample()


def test_an_image_of_podmans_storage_is_read_by_name_and_by_id(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "image", directory_files(ONE))
    storage = f"[vfs@{tmp_path}/root+{tmp_path}/run]"
    stored = f"containers-storage:{storage}localhost/a/one:1"
    subprocess.run(["skopeo", "copy", "--quiet", f"dir:{folder}", stored], check=True)
    for number, reference in enumerate((stored, f"containers-storage:{storage}@{Digest.of(ONE.config).encoded}")):
        with opened(reference, tmp_path / f"w{number}") as image:
            assert image.id == Digest.of(ONE.config)
            assert (image.transport, image.manifest, image.manifest_digest) == ("containers-storage", None, None)
            assert image.name == ("" if number else "localhost/a/one:1")
            assert tuple(layer_contents(image)) == ONE.layers


def test_an_image_that_podman_does_not_have_is_an_image_error(tmp_path: Path) -> None:
    reference = f"containers-storage:[vfs@{tmp_path}/root+{tmp_path}/run]localhost/gone:1"
    with pytest.raises(ImageError, match="not found"), opened(reference, tmp_path / "w"):
        pass


@pytest.mark.tool("dockerd")
def test_an_image_of_the_docker_daemon_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_archive(tmp_path / "image.tar", legacy_files({"a/one:latest": ONE}))
    with docker_daemon() as docker:
        docker("load", "--input", archive)
        monkeypatch.setenv("DOCKER_HOST", docker.host)
        for name in ("a/one", "a/one:latest", "docker.io/a/one:latest"):
            with opened(f"docker-daemon:{name}", tmp_path / name.replace("/", "-").replace(":", "-")) as image:
                assert image.id == Digest.of(ONE.config)
                assert (image.transport, image.name) == ("docker-daemon", "docker.io/a/one:latest")
                assert tuple(layer_contents(image)) == ONE.layers
        with pytest.raises(ImageError, match="not found"), opened("docker-daemon:a/gone", tmp_path / "w"):
            pass


def test_a_daemon_that_does_not_answer_is_a_tool_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(ToolError, match="no Docker daemon answers"), opened("docker-daemon:a/one", tmp_path / "w"):
        pass
