"""The same image gives the same rootfs.erofs, wherever it was read from, whoever builds it, where and when."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundles.test_rootfs_image import LAYERS
from tests.integration.test_determinism import CIRCUMSTANCES
from tests.support.command import bundler, call_bundler
from tests.support.image_files import (
    archive_of,
    directory_files,
    docker_files,
    layout_files,
    legacy_files,
    sample,
    write_folder,
)
from tests.support.registry import registry
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.root
HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
# Large enough to be read by processes of their own.
IMAGE = sample(*LAYERS, tarball(*(file(f"large/{number}", bytes([number]) * 100_000) for number in range(60))))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


PLACES: dict[str, Callable[[Path], str]] = {
    "docker-archive": lambda at: f"docker-archive:{written(at, archive_of(docker_files({'t:1': IMAGE})))}",
    "docker-archive of gzip": lambda at: (
        f"docker-archive:{written(at, archive_of(docker_files({'t:1': IMAGE}, 'gzip')))}"
    ),
    "an old docker's": lambda at: f"docker-archive:{written(at, archive_of(legacy_files({'t:1': IMAGE})))}",
    "oci-archive of zstd": lambda at: f"oci-archive:{written(at, archive_of(layout_files({'1': IMAGE}, 'zstd')))}",
    "layout of gzip": lambda at: f"oci:{write_folder(at, layout_files({'1': IMAGE}))}:1",
    "layout of plain tar": lambda at: f"oci:{write_folder(at, layout_files({'1': IMAGE}, 'none'))}:1",
    "directory": lambda at: f"dir:{write_folder(at, directory_files(IMAGE))}",
}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("usual")
    bundler("build", PLACES["docker-archive"](folder / "image"), "--rootfs", "erofs", "-o", folder / "b")
    return (folder / "b/rootfs.erofs").read_bytes()


@pytest.mark.parametrize("place", PLACES)
def test_it_does_not_matter_where_the_image_was(usual: bytes, tmp_path: Path, place: str) -> None:
    bundler("build", PLACES[place](tmp_path / "image"), "--rootfs", "erofs", "-o", tmp_path / "b")
    assert (tmp_path / "b/rootfs.erofs").read_bytes() == usual


@pytest.mark.tool("docker-registry", "skopeo")
def test_a_registry_makes_no_difference(usual: bytes, tmp_path: Path) -> None:
    layout = write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))
    with registry(tmp_path / "registry") as served:
        name = served.push(f"oci:{layout}:1", "t/image:1")
        bundler("build", name, "--tls-verify=false", "--rootfs", "erofs", "-o", tmp_path / "b")
    assert (tmp_path / "b/rootfs.erofs").read_bytes() == usual


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_image_is_the_same_with(usual: bytes, tmp_path: Path, circumstance: str) -> None:
    image = PLACES["docker-archive"](tmp_path / "image")
    done = call_bundler("build", image, "--rootfs", "erofs", "-o", tmp_path / "b", **CIRCUMSTANCES[circumstance])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b/rootfs.erofs").read_bytes() == usual


def test_the_image_of_hello_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """Where the format or the mount points are to change, so does this."""
    bundler("build", f"docker-archive:{HELLO}", "--rootfs", "erofs", "-o", tmp_path / "b")
    digest = hashlib.sha256((tmp_path / "b/rootfs.erofs").read_bytes()).hexdigest()
    assert digest == "45d8eb14abef1922eb86ccfdcff02ce66119ff98ed7f74d0f6d5f7aba9a62de0"
