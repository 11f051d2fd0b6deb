"""What a layer has to say of changes, and what running has left behind."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import BundlerError, DifferenceError
from bundler.repack.changed_paths import ChangedPaths, check_names, find_changed_paths, rootfs_changes
from bundler.rootfs.tree import Tree
from tests.support.bundles import make_bundle
from tests.support.tarballs import directory, file, hard_link, symlink

pytestmark = pytest.mark.root
S = 10**9


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(
        tmp_path / "b",
        directory(".", mtime=S),
        directory("d", mtime=S),
        file("d/a", b"a", mtime=S),
        directory("d/e", mtime=S),
        file("d/e/f", b"f", mtime=S),
        file("one", b"1", mtime=S),
        hard_link("one-more", "one"),
        file("two", b"2", mtime=S),
        hard_link("two-more", "two"),
        symlink("link", "d", mtime=S),
    )


def changed_paths(bundle: Path, *destinations: str) -> ChangedPaths:
    changes = rootfs_changes(Verification(Bundle.open(bundle)), "b")
    with Tree(bundle / "rootfs") as tree:
        return find_changed_paths(changes, tree, tree, destinations)


def dated(root: Path, *names: str) -> None:
    """As if nothing had happened in these directories."""
    for name in names:
        os.utime(root / name, ns=(S, S))


def remove_all(root: Path) -> None:
    (root / "d/e/f").unlink()
    (root / "d/e").rmdir()
    dated(root, "d")


def replace_by_file(root: Path) -> None:
    remove_all(root)
    (root / "d/e").write_text("a file")
    dated(root, "d")


def swap_links(root: Path) -> None:
    (root / "one-more").unlink()
    (root / "two-more").unlink()
    os.link(root / "one", root / "two-more")
    os.link(root / "two", root / "one-more")
    dated(root, ".")


@pytest.mark.parametrize(
    ("change", "there", "gone"),
    [
        (lambda _root: None, [], []),
        (remove_all, [], [b"d/e"]),
        (replace_by_file, [b"d/e"], []),
        (swap_links, [b"one", b"one-more", b"two", b"two-more"], []),
        (lambda root: (root / "d/a").chmod(0o600), [b"d/a"], []),
        (lambda root: os.utime(root / "d/e", (2, 2)), [b"d/e"], []),
        (lambda root: os.utime(root / "link", (2, 2), follow_symlinks=False), [b"link"], []),
    ],
)
def test_a_layer_says_what_happened(
    bundle: Path, change: Callable[[Path], object], there: list[bytes], gone: list[bytes]
) -> None:
    change(bundle / "rootfs")
    assert changed_paths(bundle) == ChangedPaths(there, gone)


def test_empty_mount_points_are_left_out_with_the_times_they_have_changed(bundle: Path) -> None:
    root = bundle / "rootfs"
    (root / "new/deep").mkdir(parents=True)
    (root / "new/deep/file").touch()
    (root / "d/e/proc").mkdir()
    assert not changed_paths(bundle, "/new/deep/file", "/link/e/proc", "/absent", "/d/a", "../..", "")
    assert changed_paths(bundle, "/new/deep", "/link/e/proc").there == [b"", b"new", b"new/deep", b"new/deep/file"]
    (root / "new/deep/file").write_text("content")
    assert changed_paths(bundle, "/new/deep/file", "/link/e/proc").there == [b"", b"new", b"new/deep", b"new/deep/file"]


def test_a_directory_counts_in_which_something_else_happened_too(bundle: Path) -> None:
    (bundle / "rootfs/d/mounted").touch()
    (bundle / "rootfs/d/a").unlink()
    assert changed_paths(bundle, "/d/mounted") == ChangedPaths([b"d"], [b"d/a"])


def test_a_socket_is_of_the_process_that_listens_on_it(bundle: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(bundle / "rootfs/s"))
    dated(bundle / "rootfs", ".")
    assert not changed_paths(bundle)


def test_without_the_manifest_of_the_build_nothing_can_be_told(bundle: Path) -> None:
    (bundle / "rootfs.mtree").write_text("#mtree\n")
    with pytest.raises(DifferenceError, match=r"rootfs\.mtree"):
        changed_paths(bundle)


@pytest.mark.parametrize("paths", [ChangedPaths([b"d/.wh.x"], []), ChangedPaths([], [b".wh.x"])])
def test_a_name_that_means_something_else_in_a_layer_is_refused(paths: ChangedPaths) -> None:
    with pytest.raises(BundlerError, match=r"\.wh\."):
        check_names(paths, "b")
