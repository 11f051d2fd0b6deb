"""Projects, and images of file systems: what makes the newer one of the older gives every byte of its pack."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bundler.bundles.replacement.rules import OldVolumes
from bundler.deltas.applying import apply
from bundler.deltas.writing import delta
from bundler.errors import DifferenceError, RequestError
from bundler.packing.packing import pack
from bundler.upkeep.verification import verify
from tests.support.built_projects import build_shop
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.tarballs import file

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two projects: the services of the newer one have their root filesystems in images."""
    old, new = (
        build_shop(tmp_path_factory.mktemp(name), rootfs=rootfs) for name, rootfs in (("a", None), ("b", "erofs"))
    )
    return old, new


def test_a_project_becomes_another_whatever_it_is_in(shops: tuple[Path, Path], tmp_path: Path) -> None:
    for number, (old, new) in enumerate((shops, shops[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        packed = [pack(side, folder / f"{name}.tar").path for side, name in ((old, "old"), (new, "new"))]
        delta(old, new, folder / "d")
        assert delta(packed[0], packed[1], folder / "e").path.read_bytes() == (folder / "d").read_bytes()
        for base, name in ((old, "out"), (packed[0], "other")):
            apply(folder / "d", base, folder / name)
            assert list(verify(folder / name).changes) == []
            apply(folder / "d", base, folder / f"{name}.tar")
            for made in (pack(folder / name, folder / f"{name}.again.tar").path, folder / f"{name}.tar"):
                assert made.read_bytes() == packed[1].read_bytes()


def test_a_project_in_use_becomes_the_newer_one_and_keeps_its_data(shops: tuple[Path, Path], tmp_path: Path) -> None:
    delta(*shops, tmp_path / "d")
    subprocess.run(["cp", "-a", shops[0], tmp_path / "shop"], check=True)
    volume = next(path for path in sorted((tmp_path / "shop/volumes").iterdir()) if path.is_dir())
    (volume / "data").write_text("of years")
    apply(tmp_path / "d", tmp_path / "shop", tmp_path / "shop", replace=True, volumes=OldVolumes.KEPT)
    assert (tmp_path / "shop/volumes" / volume.name / "data").read_text() == "of years"
    assert list(verify(tmp_path / "shop").changes) == []
    assert (tmp_path / "shop/project.json").read_bytes() == (shops[1] / "project.json").read_bytes()


def test_another_project_and_one_that_was_changed_are_refused(shops: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = shops
    delta(old, new, tmp_path / "d")
    with pytest.raises(RequestError, match="is already what"):
        apply(tmp_path / "d", new, tmp_path / "out")
    shutil.copytree(old, tmp_path / "shop", symlinks=True)
    record = next((tmp_path / "shop").glob("*/config.json"))
    record.write_bytes(record.read_bytes() + b"\n")
    with pytest.raises(DifferenceError, match=r"config\.json differs"):
        apply(tmp_path / "d", tmp_path / "shop", tmp_path / "out")
    bundle = make_bundle(tmp_path / "bundle/b", *MEMBERS)
    with pytest.raises(RequestError, match=r"is a project, and .* is a bundle"):
        delta(old, bundle, tmp_path / "e")
    with pytest.raises(RequestError, match=r"is a bundle, and .*/d was made from a project"):
        apply(tmp_path / "d", bundle, tmp_path / "out")
    delta(old / "db", new / "db", tmp_path / "f")
    with pytest.raises(RequestError, match=r"is a project, and .*/f was made from a bundle"):
        apply(tmp_path / "f", old, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "d", "f", "shop"]


@pytest.mark.tool("mksquashfs")
@pytest.mark.tool("mkfs.erofs")
def test_an_image_of_a_file_system_is_a_side_as_every_other(tmp_path: Path) -> None:
    old = make_bundle(tmp_path / "old/b", *MEMBERS)
    new = make_bundle(tmp_path / "new/b", *MEMBERS[:5], file("more", "x" * 100_000))
    wanted = delta(old, new, tmp_path / "d").path.read_bytes()
    for suffix in (".squashfs", ".erofs"):
        images = [pack(side, tmp_path / f"{side.parent.name}{suffix}").path for side in (old, new)]
        assert delta(images[0], new, tmp_path / f"d{suffix}").path.read_bytes() == wanted
        assert delta(old, images[1], tmp_path / f"e{suffix}").path.read_bytes() == wanted
        apply(tmp_path / "d", images[0], tmp_path / f"out{suffix}.tar")
        assert (tmp_path / f"out{suffix}.tar").read_bytes() == pack(
            new, tmp_path / "new.tar", replace=True
        ).path.read_bytes()
