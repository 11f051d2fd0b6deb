"""What several end-to-end tests share: images that take long to make, and a daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler import data
from tests.support.debian import debian_layout
from tests.support.docker import Docker, docker_daemon
from tests.support.docker_save import FORMATS
from tests.support.golden_images import NAMES, golden_image
from tests.support.service_images import service_archive


@pytest.fixture(scope="session")
def debian(cache: Path) -> Path:
    """An OCI layout with the image `debian`, of gzip layers."""
    return debian_layout(cache)


@pytest.fixture(scope="session")
def golden_archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One archive of all five golden images in each format of `docker save`."""
    directory = tmp_path_factory.mktemp("golden")
    images = [golden_image(name) for name in NAMES]
    archives = {name: directory / f"{name}.tar" for name in FORMATS}
    for name, save in FORMATS.items():
        archives[name].write_bytes(save(images))
    return archives


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    with docker_daemon() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def services(docker: Docker, debian: Path, cache: Path) -> Path:
    """The archive of the images `services/NAME:1`, which the daemon knows, too."""
    archive = service_archive(debian, cache)
    docker("load", "--input", archive)
    return archive


@pytest.fixture
def documents_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user may not be able to get to this checkout: what was read once is read from memory."""
    contents: dict[str, bytes] = {}
    read = data.read

    def remembered(name: str) -> bytes:
        if name not in contents:
            contents[name] = read(name)
        return contents[name]

    monkeypatch.setattr(data, "read", remembered)
