from pathlib import Path

import pytest

from bundler.errors import ImageError, RequestError
from bundler.images.digest import Digest
from tests.support.compressors import OF_LAYERS
from tests.support.image_files import (
    Files,
    digits,
    directory_files,
    manifest_of,
    multi_directory_files,
    sample,
    write_folder,
)
from tests.support.opened import layer_contents, opened

ONE = sample()
RAW, STORED = manifest_of(ONE, docker=True)
FILES = directory_files(ONE)


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize("compression", OF_LAYERS)
def test_a_folder_that_skopeo_wrote_is_read(tmp_path: Path, compression: str, *, docker: bool) -> None:
    folder = write_folder(tmp_path / "image", directory_files(ONE, compression, docker=docker))
    for reference in (f"dir:{folder}", folder):
        with opened(reference, tmp_path / "w") as image:
            assert (image.transport, image.name, image.file_name) == ("dir", "", "image")
            assert image.id == Digest.of(ONE.config)
            assert image.manifest == manifest_of(ONE, compression, docker=docker)[0]
            assert tuple(layer_contents(image)) == ONE.layers


def test_a_copy_of_all_platforms_has_each_manifest_in_a_file_of_its_own(tmp_path: Path) -> None:
    arm = sample(architecture="arm64")
    folder = write_folder(tmp_path / "image", multi_directory_files([ONE, arm]))
    with opened(f"dir:{folder}", tmp_path / "w", platform="arm64") as found:
        assert found.id == Digest.of(arm.config)
        assert tuple(layer_contents(found)) == arm.layers


def test_there_is_nothing_to_choose(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "image", FILES)
    with pytest.raises(RequestError, match="nothing to choose"), opened(f"{folder}:1", tmp_path / "w"):
        pass


LAYER = digits(STORED[0])
BROKEN: dict[str, tuple[Files, str]] = {
    "no version": ({name: content for name, content in FILES.items() if name != "version"}, "version does not exist"),
    "another version": (FILES | {"version": b"Directory Transport Version: 2.0\n"}, "does not say that skopeo wrote"),
    "a changed config": (FILES | {digits(ONE.config): ONE.config.replace(b"linux", b"Linux")}, "its digest is"),
    "a layer that is missing": ({name: content for name, content in FILES.items() if name != LAYER}, "is missing"),
    "a layer of another size": (FILES | {LAYER: b"x"}, "1 bytes, but"),
    "a manifest that is none": (FILES | {"manifest.json": b"[]"}, "expected an object"),
}


@pytest.mark.parametrize(("files", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_is_refused(tmp_path: Path, files: Files, says: str) -> None:
    folder = write_folder(tmp_path / "image", files)
    with pytest.raises(ImageError) as raised, opened(f"dir:{folder}", tmp_path / "w"):
        pass
    assert says in raised.value.what


def test_a_changed_layer_is_refused_when_it_is_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "image", FILES | {LAYER: STORED[0][:-1] + b"x"})
    with opened(folder, tmp_path / "w") as image, pytest.raises(ImageError, match="its digest is"):
        layer_contents(image)
