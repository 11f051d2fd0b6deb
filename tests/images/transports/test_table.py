from pathlib import Path

import pytest

from bundler.errors import ImageError, RequestError
from bundler.images.transports.access import Access
from tests.support.image_files import docker_files, layout_files, sample, write_archive, write_folder
from tests.support.opened import opened

ONE = sample()


def test_the_image_id_is_the_same_from_every_file_format(tmp_path: Path) -> None:
    docker = write_archive(tmp_path / "docker.tar", docker_files({"one:1": ONE}))
    layout = write_folder(tmp_path / "layout", layout_files({"1": ONE}))
    ids = set()
    for reference in (docker, f"oci-archive:{docker}", layout):
        with opened(reference, tmp_path / "w") as image:
            ids.add(image.id)
    assert len(ids) == 1


def test_an_archive_that_is_both_is_a_docker_archive(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "docker.tar", docker_files({"one:1": ONE}))
    with opened(archive, tmp_path / "w") as image:
        assert image.transport == "docker-archive"


def test_a_path_may_hold_colons(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a:b.tar", docker_files({"one:1": ONE}))
    with opened(f"{archive}:one:1", tmp_path / "w") as image:
        assert image.name == "one:1"


def test_a_folder_is_called_by_its_real_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "nginx", layout_files({"1": ONE}))
    monkeypatch.chdir(tmp_path / "nginx")
    with opened(".", tmp_path / "w") as image:
        assert image.file_name == "nginx"


@pytest.mark.parametrize("reference", ["docker://nginx", "nginx", "quay.io/a/b:1", "docker-daemon:nginx:1"])
def test_offline_forbids_registries_and_daemons(tmp_path: Path, reference: str) -> None:
    with pytest.raises(RequestError, match="--offline"), opened(reference, tmp_path / "w", access=Access(offline=True)):
        pass


def test_offline_allows_files(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "docker.tar", docker_files({"one:1": ONE}))
    with opened(archive, tmp_path / "w", access=Access(offline=True)) as image:
        assert image.name == "one:1"


def test_a_folder_that_is_no_image_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ImageError, match="neither an OCI layout nor a folder that skopeo wrote"),
        opened(tmp_path, tmp_path / "w"),
    ):
        pass


@pytest.mark.parametrize("reference", ["oci:{}/gone", "dir:{}/gone", "docker-archive:{}/gone", "{}/gone", "{}/gone:1"])
def test_a_path_that_is_not_there_is_an_error(tmp_path: Path, reference: str) -> None:
    with pytest.raises(ImageError) as raised, opened(reference.format(tmp_path), tmp_path / "w"):
        pass
    assert raised.value.what.startswith(f"{tmp_path}/gone")
