"""What somebody has changed in a bundle is found, as mtree(8) would find it."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.bundles.write import encode, write_file
from bundler.errors import RequestError
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import choose_owners
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.bundles import make_bundle
from tests.support.layers import layer
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import character_device, directory, fifo, file, hard_link, symlink

pytestmark = pytest.mark.root
S = 10**9
NO_CONFIG = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MEMBERS = [
    directory(".", mtime=S),
    directory("etc", mtime=S),
    file("etc/motd", b"hello\n", mtime=S, xattrs={"user.note": b"1"}),
    hard_link("etc/other", "etc/motd"),
    file("etc-old", mtime=S),
    file("a b*", b"x", mtime=S),
    symlink("l", "etc", mtime=S),
    fifo("p", mtime=S),
    character_device("null", 1, 3, mtime=S),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    bundle = tmp_path / "bundle"
    (bundle / "rootfs").mkdir(parents=True)
    (bundle / "config.json").touch()
    with Inventory(tmp_path) as inventory:
        unpack([layer(*MEMBERS)], bundle / "rootfs", inventory=inventory)
        manifest = write_manifest(inventory, bundle / "rootfs.mtree")
    (bundle / "bundler.json").write_bytes(encode({"format": 2, "config": NO_CONFIG, "manifest": f"sha256:{manifest}"}))
    return bundle


def changes(bundle: Path) -> list[Change]:
    return list(Verification(Bundle.open(bundle)).changes())


def keep_times(path: Path, change: Callable[[], object]) -> None:
    status = path.stat()
    change()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_was_built_is_the_same(bundle: Path) -> None:
    assert changes(bundle) == []


def test_content_of_the_same_size_and_time_is_told_by_its_digest(bundle: Path) -> None:
    motd = bundle / "rootfs/a b*"
    keep_times(motd, lambda: motd.write_bytes(b"y"))
    (change,) = changes(bundle)
    assert (change.path, change.what, list(change.keywords)) == (r"./a\040b\052", "changed", ["sha256digest"])


def replace_by_fifo(root: Path) -> None:
    (root / "etc-old").unlink()
    os.mkfifo(root / "etc-old")
    (root / "etc-old").chmod(0o644)


CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "a new file": (lambda root: (root / "etc/new").touch(), {"./etc": "time", "./etc/new": "extra"}),
    "a file less": (lambda root: (root / "etc-old").unlink(), {".": "time", "./etc-old": "missing"}),
    "a mode": (lambda root: (root / "etc-old").chmod(0o4755), {"./etc-old": "mode"}),
    "an owner": (lambda root: os.chown(root / "etc-old", 7, 8), {"./etc-old": "uid gid"}),
    "an owner of a link": (lambda root: os.lchown(root / "l", 7, 0), {"./l": "uid"}),
    "a size": (lambda root: (root / "etc-old").write_text("x"), {"./etc-old": "size time"}),
    "a time": (lambda root: os.utime(root / "etc-old", ns=(0, 2 * S)), {"./etc-old": "time"}),
    "an attribute": (
        lambda root: os.setxattr(root / "etc-old", "user.new", b"\1"),
        {"./etc-old": "xattr.user.new"},
    ),
    "an attribute less": (
        lambda root: os.removexattr(root / "etc/motd", "user.note"),
        {"./etc/motd": "xattr.user.note", "./etc/other": "xattr.user.note"},
    ),
    "another name": (
        lambda root: os.link(root / "etc-old", root / "z"),
        {".": "time", "./etc-old": "nlink", "./z": "extra"},
    ),
    "a fifo that nobody writes to": (
        replace_by_fifo,
        {".": "time", "./etc-old": "type size time"},
    ),
    "a file of terabytes": (lambda root: os.truncate(root / "etc-old", 1 << 43), {"./etc-old": "size time"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_told(bundle: Path, name: str) -> None:
    change, expected = CHANGES[name]
    change(bundle / "rootfs")
    told = {found.path: " ".join(found.keywords) or found.what for found in changes(bundle)}
    assert told == expected


@pytest.mark.tool("mtree")
@pytest.mark.parametrize("name", [name for name in CHANGES if not re.search("attribute|terabytes", name)])
def test_the_program_mtree_tells_the_same_files(bundle: Path, name: str) -> None:
    CHANGES[name][0](bundle / "rootfs")
    command: list[str | Path] = ["mtree", "-f", bundle / "rootfs.mtree", "-p", bundle / "rootfs"]
    said = subprocess.run(command, capture_output=True, check=False).stdout.decode()
    names = re.findall(r"^(?:missing: |extra: )?([^\s:]+)(?=:|$)", said, re.MULTILINE)
    assert {name.removeprefix("./") for name in names} == {found.path.removeprefix("./") for found in changes(bundle)}


def test_what_the_container_made_of_a_link_is_not_followed(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/motd").write_text("x")
    (bundle / "rootfs/etc").rename(tmp_path / "moved")
    (bundle / "rootfs/etc").symlink_to(tmp_path / "outside")
    told = {change.path: change.what for change in changes(bundle)}
    assert told == {".": "changed", "./etc": "changed", "./etc/motd": "missing", "./etc/other": "missing"}


@pytest.mark.parametrize("name", ["config.json", "rootfs.mtree"])
def test_a_document_that_was_changed_is_told(bundle: Path, name: str) -> None:
    with (bundle / name).open("ab") as document:
        document.write(b"\n")
    assert changes(bundle) == [Change(name, "changed")]


def carry(bundle: Path, content: bytes) -> Path:
    """A hook that the bundle was built with."""
    recorded = json.loads((bundle / "bundler.json").read_bytes())
    recorded["files"] = {"hooks/up": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    (bundle / "bundler.json").write_bytes(encode(recorded))
    write_file(bundle / "hooks/up", content, executable=True)
    return bundle / "hooks/up"


def test_a_hook_that_was_changed_is_told(bundle: Path) -> None:
    hook = carry(bundle, b"#!/bin/sh\n")
    assert changes(bundle) == []
    hook.write_bytes(b"#!/bin/bash\n")
    (bundle / "hooks/more").touch()
    assert changes(bundle) == [Change("hooks/more", "extra"), Change("hooks/up", "changed")]
    hook.unlink()
    assert changes(bundle) == [Change("hooks/more", "extra"), Change("hooks/up", "missing")]
    hook.symlink_to("/bin/sh")
    assert Change("hooks/up", "changed") in changes(bundle)


def test_hooks_from_another_place_are_told(bundle: Path, tmp_path: Path) -> None:
    carry(bundle, b"")
    (bundle / "hooks").rename(tmp_path / "elsewhere")
    (bundle / "hooks").symlink_to(tmp_path / "elsewhere")
    assert changes(bundle) == [Change("hooks", "changed"), Change("hooks/up", "missing")]


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), lambda _path: None])
def test_a_bundle_without_bundler_json_cannot_be_verified(bundle: Path, put: Callable[[Path], object]) -> None:
    (bundle / "bundler.json").unlink()
    put(bundle / "bundler.json")
    with pytest.raises(RequestError):
        changes(bundle)


def test_a_bundle_without_a_manifest_cannot_be_verified(bundle: Path) -> None:
    (bundle / "bundler.json").write_text('{"format": 2}')
    with pytest.raises(RequestError, match=r"knows no rootfs\.mtree"):
        changes(bundle)


def test_what_a_user_may_not_read_is_counted_and_not_a_change() -> None:
    members = [directory("closed", 0), file("closed/f", b"x"), file("secret", b"x", 0), file("open", b"x")]
    with folder_of_a_user() as shared:
        folder = shared / "bundle"

        def work() -> tuple[list[Change], int]:
            (folder / "rootfs").mkdir(parents=True)
            (folder / "config.json").touch()
            with Inventory(folder, owned=False) as inventory:
                owners = choose_owners(([], []), rootless=True)
                unpack([layer(*members)], folder / "rootfs", owners=owners, inventory=inventory)
                manifest = write_manifest(inventory, folder / "rootfs.mtree")
            recorded = {"format": 2, "config": NO_CONFIG, "manifest": f"sha256:{manifest}"}
            (folder / "bundler.json").write_bytes(encode(recorded))
            verification = Verification(Bundle.open(folder))
            return list(verification.changes()), verification.unread

        assert as_user(work) == ([], 2)


def test_a_large_rootfs_is_verified_in_parts(tmp_path: Path) -> None:
    names = [f"{number % 7}/{number:05d}" for number in range(3000)]
    members = [directory(".", mtime=S), *(directory(f"{number}", mtime=S) for number in range(7))]
    bundle = make_bundle(tmp_path / "made/b", *members, *(file(name, name.encode(), mtime=S) for name in names))
    assert (bundle / "rootfs.mtree").stat().st_size > 4 * (1 << 16)
    assert changes(bundle) == []
    (bundle / "rootfs/0/00000").unlink()
    (bundle / "rootfs/6/02995").write_bytes(b"6/02996")
    (bundle / "rootfs/zz").mkdir()
    (bundle / "rootfs/zz/z").touch()
    found = {change.path: change.what for change in changes(bundle)}
    assert found == {
        ".": "changed",
        "./0": "changed",
        "./0/00000": "missing",
        "./6/02995": "changed",
        "./zz": "extra",
        "./zz/z": "extra",
    }


@pytest.mark.parametrize(
    ("path", "why"),
    [("missing", "there is no such directory"), ("folder", "it has no bundler.json")],
)
def test_what_is_no_bundle_is_told_by_its_name(tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(RequestError, match=f"{path} is not a bundle: {why}"):
        Verification(Bundle.open(tmp_path / path))
