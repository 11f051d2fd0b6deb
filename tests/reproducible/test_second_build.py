"""A second build is made under other circumstances, and what it makes is compared."""

from pathlib import Path
from typing import Any

import pytest

from bundler import pipeline
from bundler.bundles.replacement.rules import OldVolumes
from bundler.bundles.replacement.stage import Stage
from bundler.errors import BundlerError, DifferenceError
from bundler.reproducible.second_build import check_reproducible
from bundler.request import BuildRequest
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import directory, file, tarball

pytestmark = pytest.mark.root


@pytest.fixture
def image(tmp_path: Path) -> Path:
    layer = tarball(directory("etc"), file("etc/motd", b"hello\n", mtime=5))
    return write_archive(tmp_path / "image.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))


def build(image: Path, *words: str, **more: Any) -> Path:
    def compare(stage: Stage) -> None:
        check_reproducible(stage, [*words, "--", str(image)])

    request = BuildRequest(image=str(image))
    return pipeline.build(request, image.parent / "bundle", check=compare, **more).path


def test_the_same_image_gives_the_same_bundle(image: Path) -> None:
    assert build(image).is_dir()
    assert sorted(path.name for path in image.parent.iterdir()) == ["bundle", "image.tar"]


def test_a_bundle_that_comes_out_different_is_not_published(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text('umask: "0027"\n')
    with pytest.raises(DifferenceError, match=r"config\.json has /process/user/umask in one of them only"):
        build(image, f"--overrides={other}")
    assert not (tmp_path / "bundle").exists()


def test_folders_that_are_carried_over_are_no_difference(image: Path) -> None:
    write_archive(image, layout_files({"1": sample(tarball(file("v/x", b"x")), Cmd=["sh"], Volumes={"/v": {}})}))
    build(image)
    assert build(image, replace=True, volumes=OldVolumes.KEPT).is_dir()


def test_why_the_second_build_failed_is_told(image: Path) -> None:
    with pytest.raises(BundlerError, match=r"the second build failed: .*missing\.yaml"):
        build(image, "--overrides=missing.yaml")


@pytest.mark.parametrize("folders", ["image_volumes: bind", "volumes: [a:/x]", "ipc: shareable"])
def test_empty_folders_of_a_bundle_have_the_time_of_no_build(image: Path, tmp_path: Path, folders: str) -> None:
    (tmp_path / "o.yaml").write_text(folders)
    layer = tarball(file("f", b"x"))
    write_archive(image, layout_files({"1": sample(layer, Cmd=["sh"], Volumes={"/v": {}})}))
    request = BuildRequest(image=str(image), overrides=[str(tmp_path / "o.yaml")])
    bundle = pipeline.build(request, tmp_path / "bundle").path
    below = [path for path in bundle.rglob("*") if not path.is_relative_to(bundle / "rootfs")]
    assert {path.name: path.stat().st_mtime for path in below} == {path.name: 0 for path in below}
