"""Holes that are written out: as many as honest files have, and not what one line of a shell can state."""

import os
from pathlib import Path

import pytest

from bundler.bundles.files import MOST, WrittenOut
from bundler.errors import BundlerError
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.tarballs import directory, file, tarball

VAST = 4 << 40


def test_holes_are_counted_over_all_files() -> None:
    holes = WrittenOut("here", "do that")
    holes.add(b"a", MOST // 2 + 7, 7)
    holes.add(b"b", MOST // 2, 0)
    holes.add(b"c", 5, 4096)  # the last block of a file is not full
    with pytest.raises(BundlerError, match=r"here: d has 2 bytes, 1 byte of it on disk") as raised:
        holes.add(b"d", 2, 1)
    assert raised.value.hint == "do that"


@pytest.fixture
def with_a_vast_file(tmp_path: Path) -> Path:
    image = sample(tarball(directory("srv"), file("srv/data", b"x")), Cmd=["/x"])
    layout = write_folder(tmp_path / "layout", layout_files({"1": image}))
    bundler("build", f"oci:{layout}:1", "-o", tmp_path / "web")
    os.truncate(tmp_path / "web/rootfs/srv/data", VAST)
    return tmp_path / "web"


@pytest.mark.root
def test_a_kit_does_not_write_them_out(with_a_vast_file: Path, tmp_path: Path) -> None:
    done = call_bundler("pack", with_a_vast_file, "--as-is", "--kit", "-o", tmp_path / "kit")
    assert (done.returncode, done.stdout) == (1, "")
    assert "srv/data has 4 TiB" in done.stderr
    assert not (tmp_path / "kit").exists()


@pytest.mark.root
def test_nothing_reads_them_to_see_that_a_file_has_another_size(with_a_vast_file: Path, tmp_path: Path) -> None:
    """It would take an hour."""
    for command in (("verify", with_a_vast_file), ("pack", with_a_vast_file, "-o", tmp_path / "web.tar.zst")):
        assert call_bundler(*command).returncode == 6
    os.truncate(with_a_vast_file / "rootfs/srv/data", 1)
    os.truncate(with_a_vast_file / "etc/hosts", VAST)
    assert "etc/hosts" in call_bundler("verify", with_a_vast_file).stdout


@pytest.mark.root
@pytest.mark.tool("umoci")
def test_a_layer_does_not_hold_them(with_a_vast_file: Path, tmp_path: Path) -> None:
    done = call_bundler("repack", with_a_vast_file, f"oci:{tmp_path / 'layout'}:new")
    assert (done.returncode, done.stdout) == (1, "")
    assert "srv/data has 4 TiB" in done.stderr
    assert "in a volume" in done.stderr
