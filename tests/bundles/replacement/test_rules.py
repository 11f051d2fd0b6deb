"""--force replaces bundles only, and nothing that their users would miss."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.replacement.rules import OldVolumes, carried_folders, check_destination
from bundler.bundles.write import encode, write_file
from bundler.errors import RequestError

KEPT, DISCARDED, REFUSED = OldVolumes.KEPT, OldVolumes.DISCARDED, OldVolumes.REFUSED


def make_bundle(path: Path, **folders: str | None) -> Path:
    """A bundle whose folders are called as in `folders`, `__` for each slash, and filled from there in the rootfs."""
    names = {name.replace("__", "/"): seed for name, seed in folders.items()}
    recorded = {
        "format": 2,
        "manifest": "sha256:0",
        "folders": names,
        "hooks": {"hooks/start": "sha256:1"},
        "documents": {"more": ""},
    }
    for name in ("rootfs", "etc", "hooks", *names):
        (path / name).mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "rootfs.mtree", "etc/hosts", "hooks/start", "more"):
        write_file(path / name, b"{}")
    write_file(path / "bundler.json", encode(recorded))
    return path


def test_a_free_destination_is_fine(tmp_path: Path) -> None:
    check_destination(tmp_path / "free", replace=False)
    check_destination(tmp_path / "free", replace=True)


@pytest.mark.parametrize("kind", ["bundle", "empty"])
def test_force_replaces_bundles_and_empty_directories(tmp_path: Path, kind: str) -> None:
    make_bundle(tmp_path / "bundle", volumes__data=None, images__a=None, shm=None, mine=None)
    (tmp_path / "empty").mkdir()
    check_destination(tmp_path / kind, replace=True)
    with pytest.raises(RequestError, match="exists already"):
        check_destination(tmp_path / kind, replace=False)


def linked(path: Path) -> None:
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


NO_BUNDLES: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text(""),
    "a link to a bundle": lambda path: linked(make_bundle(path)),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a home": lambda path: write_file(path / "letters", b"dear"),
    "a project with config.json": lambda path: write_file(path / "config.json", b"{}"),
    "a bundle of another program": lambda path: (make_bundle(path) / "bundler.json").unlink(),
    "a bundle with a .git": lambda path: (make_bundle(path) / ".git").mkdir(),
    "a bundle with a note": lambda path: (make_bundle(path) / "NOTES").touch(),
    "a bundle with a hook of its user": lambda path: (make_bundle(path) / "hooks/mine").touch(),
    "a bundle whose rootfs is a link": lambda path: linked(make_bundle(path) / "rootfs"),
}


@pytest.mark.parametrize("kind", NO_BUNDLES)
def test_force_replaces_nothing_else(tmp_path: Path, kind: str) -> None:
    NO_BUNDLES[kind](tmp_path / "place")
    with pytest.raises(RequestError, match="--force replaces bundles only"):
        check_destination(tmp_path / "place", replace=True, volumes=DISCARDED)
    with pytest.raises(RequestError, match="exists already"):
        check_destination(tmp_path / "place", replace=False)


def test_the_first_thing_that_no_bundle_has_is_named(tmp_path: Path) -> None:
    (make_bundle(tmp_path / "b") / ".git").mkdir()
    with pytest.raises(RequestError, match=r"holds \.git, which no bundle has"):
        check_destination(tmp_path / "b", replace=True)


@pytest.mark.parametrize("place", [".", "..", "/", "a/.."])
def test_a_place_that_no_bundle_can_be_moved_to_is_refused_at_once(place: str) -> None:
    with pytest.raises(RequestError, match="cannot be a bundle's place"):
        check_destination(Path(place), replace=True)


@pytest.mark.root
@pytest.mark.tool("mount")
def test_what_something_is_mounted_in_is_not_replaced(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "a b", shm=None)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", bundle / "shm"], check=True)
    try:
        with pytest.raises(RequestError, match=r"something is mounted at .*a b/shm"):
            check_destination(bundle, replace=True)
    finally:
        subprocess.run(["umount", bundle / "shm"], check=True)
    check_destination(bundle, replace=True)


def seeded(path: Path) -> Path:
    """A bundle whose volume has what its rootfs has, times included."""
    bundle = make_bundle(path, volumes__data="/srv/data")
    for root in (bundle / "rootfs/srv/data", bundle / "volumes/data"):
        write_file(root / "sub/file", b"content")
        (root / "link").symlink_to("sub/file")
        os.link(root / "sub/file", root / "other")
        for name in ("sub/file", "link"):
            os.utime(root / name, (5, 5), follow_symlinks=False)
    return bundle


def test_a_volume_that_is_as_it_was_filled_holds_no_data(tmp_path: Path) -> None:
    bundle = seeded(tmp_path / "b")
    os.utime(bundle / "volumes/data/sub")
    check_destination(bundle, replace=True)


def changed_content(data: Path) -> None:
    (data / "sub/file").write_text("CONTENT")
    os.utime(data / "sub/file", (5, 5))


def changed_target(data: Path) -> None:
    (data / "link").unlink()
    (data / "link").symlink_to("sub")
    os.utime(data / "link", (5, 5), follow_symlinks=False)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda data: (data / "new").touch(),
    "a new directory": lambda data: (data / "new").mkdir(),
    "no longer a file": lambda data: (data / "other").unlink(),
    "other content": changed_content,
    "another time": lambda data: os.utime(data / "sub/file", (6, 6)),
    "another mode": lambda data: (data / "sub/file").chmod(0o600),
    "another target": changed_target,
    "a link in its place": linked,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_volume_that_was_changed_is_not_replaced_unasked(tmp_path: Path, change: str) -> None:
    bundle = seeded(tmp_path / "b")
    CHANGES[change](bundle / "volumes/data")
    with pytest.raises(RequestError, match="there is data in volumes/data") as refused:
        check_destination(bundle, replace=True)
    assert "--keep-volumes" in str(refused.value.hint)
    assert "--discard-volumes" in str(refused.value.hint)
    check_destination(bundle, replace=True, volumes=DISCARDED)
    check_destination(bundle, replace=True, volumes=KEPT)


@pytest.mark.parametrize("folder", ["volumes/data", "volumes/data/sub", "volumes/forgotten", "mine", "deep/mine"])
def test_every_folder_that_a_container_writes_to_counts(tmp_path: Path, folder: str) -> None:
    bundle = make_bundle(tmp_path / "b", volumes__data=None, volumes__data__sub=None, mine=None, deep__mine=None)
    check_destination(bundle, replace=True)
    write_file(bundle / folder / "file", b"")
    with pytest.raises(RequestError, match=f"there is data in {folder.partition('/sub')[0].partition('/mine')[0]}"):
        check_destination(bundle, replace=True)


def test_folders_that_hold_something_and_have_a_place_are_carried_over(tmp_path: Path) -> None:
    old = make_bundle(tmp_path / "old", volumes__a=None, volumes__b="/b", volumes__empty=None, mine=None)
    new = make_bundle(tmp_path / "new", volumes__a="/a", volumes__b__sub=None, volumes__c=None, mine=None)
    for name in ("volumes/a/f", "volumes/b/f", "mine/f"):
        write_file(old / name, b"")
    assert carried_folders(old, new, KEPT) == ["mine", "volumes/a", "volumes/b"]
    assert carried_folders(old, new, DISCARDED) == []


def test_data_that_has_no_place_is_removed_only_if_asked(tmp_path: Path) -> None:
    old, new = (
        make_bundle(tmp_path / "old", volumes__a=None, volumes__b=None),
        make_bundle(tmp_path / "new", volumes__b=None),
    )
    for name in ("a", "b"):
        write_file(old / f"volumes/{name}/f", b"")
    with pytest.raises(RequestError, match="data in volumes/a, and the new bundle has no place for it"):
        carried_folders(old, new, KEPT)
    assert carried_folders(old, new, KEPT | DISCARDED) == ["volumes/b"]
