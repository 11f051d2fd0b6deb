"""A packed bundle is hostile until it was unpacked and verified."""

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.rules import OldVolumes
from bundler.errors import DifferenceError, ImageError, LayerError, RequestError
from bundler.limits import DEFAULTS
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.tarballs import Member, directory, file, hard_link, symlink, tarball

pytestmark = pytest.mark.root
BUNDLE = [file("config.json", "{}"), directory("rootfs")]


def unpacked(folder: Path, members: Iterable[Member | bytes], *, as_is: bool = True) -> Path:
    (folder / "b.tar").write_bytes(tarball(*members))
    unpack(folder / "b.tar", folder / "bundle", as_is=as_is)
    return folder / "bundle"


REFUSED = {
    "a name that climbs": file("../x", "x"),
    "a hard link that climbs": hard_link("x", "../b.tar"),
    "a hard link out of the rootfs": hard_link("rootfs/x", "config.json"),
    "a hard link into the rootfs": hard_link("config", "rootfs/f"),
    "a hard link through a symlink": hard_link("volumes/up/rootfs/x", "volumes/up/config.json"),
    "an owner that does not exist": file("x", owner=((1 << 32) - 1, 0)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_leads_out_of_its_place_is_refused(tmp_path: Path, name: str) -> None:
    around = [directory("volumes"), symlink("volumes/up", ".."), file("rootfs/f", "x")]
    with pytest.raises(LayerError):
        unpacked(tmp_path, [*BUNDLE, *around, REFUSED[name]])
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]


def test_a_symlink_is_not_followed_out_of_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    members = [*BUNDLE, symlink("volumes", str(tmp_path / "outside")), file("volumes/x", "x")]
    with pytest.raises(LayerError, match="below a symlink"):
        unpacked(tmp_path, members)
    assert list((tmp_path / "outside").iterdir()) == []


def test_nobody_else_gets_into_the_bundle_whatever_it_says(tmp_path: Path) -> None:
    bundle = unpacked(tmp_path, [directory("./", 0o7777), *BUNDLE])
    assert bundle.stat().st_mode & 0o7777 == 0o710


def test_what_holds_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds no bundle"):
        unpacked(tmp_path, [file("f", "x")])


def test_what_bundler_has_not_built_is_only_unpacked_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(DifferenceError, match=r"bundler\.json"):
        unpacked(tmp_path, BUNDLE, as_is=False)
    assert unpacked(tmp_path, BUNDLE).is_dir()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_a_file_that_was_damaged_is_refused(tmp_path: Path, suffix: str) -> None:
    packed = pack(Bundle.open(make_bundle(tmp_path / "made/b", *MEMBERS)), tmp_path / f"b{suffix}").path
    whole = packed.read_bytes()
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 64]) + whole[middle + 1 :]
    cut = [whole[:middle], whole[:-1500], whole[:-600]]
    for broken in cut if suffix == ".tar" else [*cut, changed]:  # a plain archive has no checksum of content
        packed.write_bytes(broken)
        with pytest.raises(ImageError):
            unpack(packed, tmp_path / "again")
        assert sorted(path.name for path in tmp_path.iterdir()) == [packed.name, "made"]


def test_limits_hold(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(tarball(*BUNDLE, file("zeros", bytes(1 << 20)))))
    for limit in ("unpacked-size=1m", "entries=2", "path-length=8"):
        with pytest.raises(LayerError):
            unpack(tmp_path / "b.tar.gz", tmp_path / "b", as_is=True, limits=DEFAULTS.changed((limit,)))
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("made", ["mkdir", "mkfifo", "missing"])
def test_what_is_no_file_is_refused(tmp_path: Path, made: str) -> None:
    path = tmp_path / "b.tar"
    {"mkdir": os.mkdir, "mkfifo": os.mkfifo, "missing": lambda _path: None}[made](path)
    with pytest.raises(RequestError):
        unpack(path, tmp_path / "b")


def test_a_bundle_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    packed = pack(Bundle.open(make_bundle(tmp_path / "made/b", *MEMBERS)), tmp_path / "b.tar").path
    unpack(packed, tmp_path / "again")
    with pytest.raises(RequestError, match="exists already"):
        unpack(packed, tmp_path / "again")
    (tmp_path / "again/config.json").write_text("{}")
    unpack(packed, tmp_path / "again", replace=True, volumes=OldVolumes.DISCARDED)
    assert (tmp_path / "again/config.json").read_text() != "{}"
