"""A rootfs of which some files are left out, or tamed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.images.layer import LocalLayer
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.layers import layer
from tests.support.tarballs import block_device, character_device, directory, file, hard_link, symlink, whiteout
from tests.support.tree import tree

pytestmark = pytest.mark.root


def unpacked(root: Path, selection: Selection, *layers: LocalLayer, unpacker: str = "native") -> dict[str, str]:
    """What is there, as path -> type and mode."""
    root.mkdir()
    unpack(layers, root, selection=selection, unpacker=unpacker)
    return {path: f"{node.type} {node.mode}" for path, node in tree(root).items() if path != "."}


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("/usr/share/doc", {"usr", "usr/share", "usr/share/x.pyc", "usr/y.pyc"}),
        ("/usr/share/doc/", {"usr", "usr/share", "usr/share/x.pyc", "usr/y.pyc"}),
        ("/usr/share/*", {"usr", "usr/share", "usr/y.pyc"}),
        ("*.pyc", {"usr", "usr/share", "usr/share/doc", "usr/share/doc/a"}),
        ("/share", {"usr", "usr/share", "usr/share/doc", "usr/share/doc/a", "usr/share/x.pyc", "usr/y.pyc"}),
    ],
)
def test_what_a_pattern_names_is_left_out_with_all_below_it(tmp_path: Path, pattern: str, left: set[str]) -> None:
    content = [directory("usr"), directory("usr/share"), directory("usr/share/doc"), file("usr/share/doc/a", b"a")]
    lower = [*content, file("usr/share/x.pyc", b"x"), file("usr/y.pyc", b"y")]

    assert set(unpacked(tmp_path / "r", Selection(exclude=(pattern,)), layer(*lower))) == left


def test_a_file_that_is_left_out_still_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    lower = layer(directory("etc"), symlink("etc/motd", "elsewhere"))
    upper = layer(file("etc/motd", b"new"))

    assert set(unpacked(tmp_path / "r", Selection(exclude=("/etc/motd",)), lower, upper)) == {"etc"}


def test_whiteouts_hold_among_what_is_selected(tmp_path: Path) -> None:
    lower = layer(directory("d"), file("d/keep", b"1"), file("d/gone", b"2"), file("d/out", b"3"))

    found = unpacked(tmp_path / "r", Selection(exclude=("/d/out",)), lower, layer(whiteout("d/gone")))

    assert set(found) == {"d", "d/keep"}


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("create", {"null": "character device 0666", "disk": "block device 0660"}),
        ("skip", {}),
        ("placeholder", {"null": "file 0666", "disk": "file 0660"}),
    ],
)
def test_devices_are_made_or_skipped_or_stand_as_empty_files(
    tmp_path: Path, devices: str, expected: dict[str, str]
) -> None:
    content = layer(character_device("null", 1, 3, mode=0o666), block_device("disk", 8, 0, mode=0o660))

    assert unpacked(tmp_path / "r", Selection(devices=devices), content) == expected


def test_no_file_keeps_setuid_but_directories_keep_setgid(tmp_path: Path) -> None:
    content = layer(directory("mail", 0o2775), file("su", b"x", mode=0o6755), hard_link("ln", "su"))

    found = unpacked(tmp_path / "r", Selection(strip_setuid=True), content)

    assert found == {"mail": "directory 2775", "su": "file 0755", "ln": "file 0755"}


def test_umoci_cannot_leave_files_out(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="umoci unpacks all files"):
        unpacked(tmp_path / "r", Selection(devices="skip"), layer(file("a", b"")), unpacker="umoci")


@given(st.lists(st.text(min_size=1), max_size=3), st.binary(max_size=30))
def test_any_pattern_and_any_path_give_an_answer(patterns: list[str], path: bytes) -> None:
    assert Selection(exclude=tuple(patterns)).excludes(path.strip(b"/")) in (True, False)
