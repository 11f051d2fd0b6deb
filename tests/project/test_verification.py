"""A file that bundles of a project share is read once, and held against what each of them says of it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.packing.project_entries import ProjectEntries
from bundler.project.verification import ProjectVerification
from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.root

SIZE = 8 << 20
SERVICES = ("app", "db", "web")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    content = b"".join(number.to_bytes(4, "big") for number in range(SIZE // 4))
    write_archive(folder / "image.tar", layout_files({"1": sample(tarball(file("data", content)), Cmd=["/data"])}))
    services = "".join(f"  {name}: {{image: ./image.tar}}\n" for name in SERVICES)
    (folder / "compose.yaml").write_text(f"services:\n{services}")
    bundler("project", "compose.yaml", "--rootfs", "erofs", "--quiet", "-o", "shop", cwd=folder)
    return folder / "shop"


def verified(shop: Path) -> list[tuple[str, str]]:
    return [(change.path, change.what) for change in ProjectVerification(shop).changes()]


def packed(shop: Path, hint: str | None = "as it was built") -> None:
    for _entry, content in ProjectEntries(shop, hint):
        for _piece in content:
            pass


def bytes_read(do: Callable[[], object]) -> int:
    def so_far() -> int:
        return int(Path("/proc/self/io").read_text().partition("rchar: ")[2].partition("\n")[0])

    before = so_far()
    do()
    return so_far() - before


def test_one_image_of_all_is_read_once_to_be_verified(built: Path) -> None:
    assert len({(built / name / "rootfs.erofs").stat().st_ino for name in SERVICES}) == 1
    assert SIZE <= bytes_read(lambda: verified(built)) < 2 * SIZE


@pytest.mark.parametrize("hint", ["as it was built", None])
def test_one_image_of_all_is_read_once_to_be_packed_and_once_to_be_verified(built: Path, hint: str | None) -> None:
    assert bytes_read(lambda: packed(built, hint)) < 3 * SIZE


def test_each_bundle_is_still_held_against_its_own_record(built: Path, tmp_path: Path) -> None:
    """One that has another file, another name of another image, or the same image altered for all."""
    shop = tmp_path / "shop"
    subprocess.run(["cp", "-a", built, shop], check=True)
    assert len({(shop / name / "rootfs.erofs").stat().st_ino for name in SERVICES}) == 1
    image, content = shop / "db/rootfs.erofs", (shop / "db/rootfs.erofs").read_bytes()
    image.unlink()
    image.write_bytes(content[:-1] + b"x")
    image.chmod(0o444)
    assert verified(shop) == [("db/rootfs.erofs", "changed")]
    for name in ("app", "web"):
        (shop / name / "rootfs.erofs").unlink()
        os.link(image, shop / name / "rootfs.erofs")
    assert verified(shop) == [(f"{name}/rootfs.erofs", "changed") for name in SERVICES]
