"""New files and directories are not put where what was built would not be what was built any more."""

import os
from pathlib import Path

import pytest

from bundler.bundles.replacement.places import check_folder_name, check_place
from bundler.errors import RequestError
from tests.support.command import bundler, call_bundler

HELLO = Path(__file__).parents[3] / "testdata/hello-amd64.tar"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    text = f"services: {{web: {{image: {HELLO}, volumes: ['rows:/rows', /own]}}}}\nvolumes: {{rows: }}\n"
    (folder / "compose.yaml").write_text(text)
    bundler("project", "compose.yaml", "--quiet", "-o", "shop", cwd=folder)
    return folder / "shop"


@pytest.mark.root
@pytest.mark.parametrize("line", ["upgrade shop/web {image}", "unit shop -o shop"])
def test_a_project_stays_what_was_built(shop: Path, line: str) -> None:
    there = sorted(path.name for path in shop.iterdir())
    refused = call_bundler(*line.format(image=HELLO).split(), cwd=shop.parent)
    assert (refused.returncode, "lies in the project shop" in refused.stderr) == (2, True), refused.stderr
    assert "hint" in refused.stderr
    assert " -o . " not in call_bundler("build", HELLO, "-o", "new", cwd=shop).stderr
    assert sorted(path.name for path in shop.iterdir()) == there
    bundler("verify", shop)


@pytest.mark.root
@pytest.mark.parametrize("place", ["volumes/rows/new", "web/volumes/own/new", "../new"])
def test_what_a_volume_holds_is_data(shop: Path, place: str) -> None:
    check_place(shop / place)


@pytest.mark.root
@pytest.mark.parametrize("place", ["new", "web", "volumes", "web/new", "web/rootfs/new", "web/etc/hosts"])
def test_all_else_is_known(shop: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "link").symlink_to(shop)
    for folder in (shop, tmp_path / "link"):
        with pytest.raises(RequestError, match="lies in the"):
            check_place(folder / place)


def test_a_project_of_another_program_is_none(tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text('{"name": "app", "targets": {}}')
    check_place(tmp_path / "new")
    (tmp_path / "project.json").unlink()
    os.mkfifo(tmp_path / "project.json")
    check_place(tmp_path / "new")


@pytest.mark.parametrize("name", ["web.tar", "web.tar.zst", "web.tgz", "web.tar.xz", "web.sqfs", "web.erofs"])
def test_a_directory_is_not_called_as_a_file_unless_it_is_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="is the name of a file"):
        check_folder_name(tmp_path / name)
    (tmp_path / name).mkdir()
    check_folder_name(tmp_path / name)


@pytest.mark.parametrize("name", ["web", "web.1", "tar", "web.tar.old", "web.zst"])
def test_another_name_is_one_of_a_directory(tmp_path: Path, name: str) -> None:
    check_folder_name(tmp_path / name)
