"""A bundle becomes one file, which says all of it and nothing of the machine."""

import io
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from bundler.archives.holes import find_content
from bundler.bundles.bundle import Bundle
from bundler.errors import BundlerError, DifferenceError, RequestError
from bundler.packing import file_entries, packing, tar_file
from bundler.packing.packing import Packed
from bundler.packing.unpacking import unpack
from bundler.rootfs.owners import choose_owners
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tar_reading import names, read
from tests.support.tarballs import directory, file
from tests.support.tree import differences, tree

pytestmark = pytest.mark.root
FORMATS = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"]
IMAGES = [
    pytest.param(".squashfs", marks=pytest.mark.tool("mksquashfs")),
    pytest.param(".erofs", marks=pytest.mark.tool("mkfs.erofs")),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "made/bundle", *MEMBERS)


def pack(bundle: Path, output: Path, **options: bool) -> Packed:
    return packing.pack(Bundle.open(bundle), output, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [*FORMATS, *IMAGES])
def test_what_was_packed_is_unpacked(bundle: Path, tmp_path: Path, suffix: str) -> None:
    packed = pack(bundle, tmp_path / f"b{suffix}")
    unpack(packed.path, tmp_path / "again")
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}
    assert packed.size == packed.path.stat().st_size
    again = pack(tmp_path / "again", tmp_path / f"c{suffix}")
    assert (again.sha256, again.path.read_bytes()) == (packed.sha256, packed.path.read_bytes())


@pytest.mark.tool("tar", "zstd")
@pytest.mark.parametrize("suffix", FORMATS)
def test_plain_tar_opens_it(bundle: Path, tmp_path: Path, suffix: str) -> None:
    packed = pack(bundle, tmp_path / f"b{suffix}").path
    (tmp_path / "again").mkdir()
    option = "--zstd" if suffix.endswith("zst") else "--auto-compress"
    command: list[str | Path] = ["tar", option, "--xattrs", "--xattrs-include=*", "-xpf", packed, "-C"]
    done = subprocess.run([*command, tmp_path / "again"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}


def test_the_zeros_of_a_file_take_no_room(bundle: Path, tmp_path: Path) -> None:
    assert pack(bundle, tmp_path / "b.tar").size < 1 << 20
    unpack(tmp_path / "b.tar", tmp_path / "again")
    assert (tmp_path / "again/rootfs/zeros").stat().st_blocks * 512 < 1 << 20


def touch_all(bundle: Path) -> None:
    for name in ("config.json", "bundler.json", "rootfs.mtree", "etc/hosts", "etc", "volumes", "."):
        os.utime(bundle / name)


def fill_holes(bundle: Path) -> None:
    path = bundle / "rootfs/zeros"
    status = path.stat()
    with path.open("r+b") as stream:
        content = stream.read()
        stream.seek(0)
        stream.write(content)
    os.utime(path, ns=(0, status.st_mtime_ns))


def read_all(bundle: Path) -> None:
    for path in bundle.rglob("*"):
        if not path.is_fifo() and not path.is_char_device():
            os.utime(path, ns=(5, path.lstat().st_mtime_ns), follow_symlinks=False)


def bind_socket(bundle: Path) -> None:
    folder = os.open(bundle / "volumes/cache", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{folder}/s")  # the name of a socket has at most 107 bytes
    os.close(folder)


@pytest.mark.parametrize("change", [touch_all, fill_holes, read_all, bind_socket])
def test_what_is_only_the_machines_does_not_show(bundle: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    before = pack(bundle, tmp_path / "a.tar")
    times = (bundle / "volumes/cache").stat().st_mtime_ns
    change(bundle)
    os.utime(bundle / "volumes/cache", ns=(0, times))
    assert pack(bundle, tmp_path / "b.tar").sha256 == before.sha256


def test_neither_the_place_nor_the_umask_shows(bundle: Path, tmp_path: Path) -> None:
    before = pack(bundle, tmp_path / "a.tar")
    moved = bundle.rename(tmp_path / "moved")
    mask = os.umask(0o077)
    try:
        assert pack(moved, tmp_path / "b.tar").sha256 == before.sha256
    finally:
        os.umask(mask)
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600


def test_documents_come_first_and_the_others_are_sorted(bundle: Path, tmp_path: Path) -> None:
    found = names(pack(bundle, tmp_path / "b.tar").path.read_bytes())
    keys = [name.removeprefix(b"./").rstrip(b"/").split(b"/") for name in found]
    assert found[:4] == [b"./", b"./bundler.json", b"./config.json", b"./rootfs.mtree"]
    assert keys[4:] == sorted(keys[4:])


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda bundle: (bundle / "rootfs/etc/motd").write_text("HELLO\n"),
    "a file more": lambda bundle: (bundle / "rootfs/z").touch(),
    "a file less": lambda bundle: (bundle / "rootfs/zeros").unlink(),
    "a mode": lambda bundle: (bundle / "rootfs/su").chmod(0o755),
    "another name": lambda bundle: os.link(bundle / "rootfs/su", bundle / "rootfs/z"),
    "an attribute": lambda bundle: os.setxattr(bundle / "rootfs/su", "user.new", b"x"),
    "config.json": lambda bundle: (bundle / "config.json").write_text("{}"),
    "rootfs.mtree": lambda bundle: (bundle / "rootfs.mtree").write_text("#mtree\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_bundle_that_was_changed_is_packed_only_as_it_is(bundle: Path, tmp_path: Path, name: str) -> None:
    CHANGES[name](bundle)
    for document in ("config.json", "rootfs.mtree"):
        os.utime(bundle / document, (0, 0))
    with pytest.raises(DifferenceError, match="is not what was built"):
        pack(bundle, tmp_path / "b.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
    pack(bundle, tmp_path / "b.tar", as_is=True)
    with pytest.raises(DifferenceError, match=r"b\.tar"):
        unpack(tmp_path / "b.tar", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    unpack(tmp_path / "b.tar", tmp_path / "again", as_is=True)
    assert differences(tree(bundle), tree(tmp_path / "again")) == {}


def test_a_volume_may_have_changed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "volumes/cache/more").write_text("x")
    unpack(pack(bundle, tmp_path / "b.tar").path, tmp_path / "again")
    assert (tmp_path / "again/volumes/cache/more").read_text() == "x"


def test_what_is_there_is_replaced_only_by_force(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_text("old")
    with pytest.raises(RequestError, match="exists already"):
        pack(bundle, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_text() == "old"
    pack(bundle, tmp_path / "b.tar", replace=True)
    assert read((tmp_path / "b.tar").read_bytes())
    (tmp_path / "d.tar").mkdir()
    with pytest.raises(RequestError, match="is not a file"):
        pack(bundle, tmp_path / "d.tar", replace=True)


@pytest.mark.parametrize("name", ["b", "b.zip", "tar", "b.tar.xz"])
def test_a_name_that_says_no_format_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="does not say the format"):
        pack(bundle, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "level"), [("b.tar", 1), ("b.tar.gz", 10), ("b.tar.zst", 0), ("b.tar.zst", 23), ("b.erofs", 1)]
)
def test_a_level_that_the_format_has_not_got_is_refused(bundle: Path, tmp_path: Path, name: str, level: int) -> None:
    with pytest.raises(RequestError, match="--level"):
        packing.pack(Bundle.open(bundle), tmp_path / name, level=level)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(RequestError, match="is not a bundle"):
        pack(tmp_path / "d", tmp_path / "b.tar")


@pytest.mark.parametrize("place", ["b.tar", "rootfs/etc/b.tar", "volumes/../b.tar"])
def test_a_bundle_is_not_packed_into_itself(bundle: Path, place: str) -> None:
    with pytest.raises(RequestError, match="lies in the bundle"):
        pack(bundle, bundle / place, as_is=True)


def test_a_bundle_may_be_reached_through_a_symlink(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    assert pack(tmp_path / "link", tmp_path / "b.tar").sha256 == pack(bundle, tmp_path / "c.tar").sha256


def test_a_full_disk_leaves_nothing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_full(*_: object, **__: object) -> io.FileIO:
        return io.FileIO("/dev/full", "wb")

    monkeypatch.setattr(tar_file, "open", open_full, raising=False)
    with pytest.raises(BundlerError, match=r"b\.tar: no space left"):
        pack(bundle, tmp_path / "b.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_a_file_that_shrinks_meanwhile_is_told(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_content

    def shrink(descriptor: int, size: int) -> object:
        if size == 6:
            os.truncate(bundle / "rootfs/etc/motd", 1)
        return real(descriptor, size)

    monkeypatch.setattr(file_entries, "find_content", shrink)
    monkeypatch.setattr(tar_file, "processors", lambda: 1)  # no other process, which would know nothing of this
    with pytest.raises(BundlerError, match="motd was changed while it was packed"):
        pack(bundle, tmp_path / "b.tar")


def test_an_attribute_that_tar_cannot_hold_is_told(bundle: Path, tmp_path: Path) -> None:
    os.setxattr(bundle / "volumes/cache", "user.a=b", b"x")
    with pytest.raises(BundlerError, match=r"\./volumes/cache/ cannot be packed: an extended attribute has = in"):
        pack(bundle, tmp_path / "b.tar")


def test_a_rootless_bundle_has_no_owners_and_is_unpacked_by_anybody() -> None:
    members = [directory("closed", 0), file("closed/f", b"x", owner=(7, 8)), file("secret", b"x", 0)]
    with folder_of_a_user() as folder:

        def work() -> tuple[str, str]:
            bundle = make_bundle(folder / "made/b", *members, owners=choose_owners(([], []), rootless=True))
            first = pack(bundle, folder / "b.tar.zst")
            unpack(first.path, folder / "again")
            return first.sha256, pack(folder / "again", folder / "c.tar.zst").sha256

        first, second = as_user(work)
        assert first == second
        archive = zstandard.decompress((folder / "b.tar.zst").read_bytes(), max_output_size=1 << 20)
        assert {(entry.uid, entry.gid) for entry, _ in read(archive)} == {(0, 0)}


def for_all_to_read(packed: Path, folder: Path) -> Path:
    copy = folder / packed.name
    copy.write_bytes(packed.read_bytes())
    copy.chmod(0o644)
    return copy


def test_a_bundle_of_several_owners_is_not_for_an_ordinary_user(bundle: Path) -> None:
    with folder_of_a_user() as folder:
        packed = for_all_to_read(pack(bundle, bundle.parent / "b.tar").path, folder)
        with pytest.raises(BundlerError, match="belongs to another user"):
            as_user(lambda: unpack(packed, folder / "again"))
        plain = make_bundle(bundle.parent / "plain", file("f", b"x"))
        packed = for_all_to_read(pack(plain, bundle.parent / "c.tar").path, folder)
        with pytest.raises(BundlerError, match="belong to root"):
            as_user(lambda: unpack(packed, folder / "again"))
        assert not (folder / "again").exists()


def test_a_command_that_is_proposed_can_be_given_to_a_shell(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "$(touch gone)", *MEMBERS)
    (bundle / "rootfs/new").touch()
    with pytest.raises(DifferenceError) as refused:
        pack(bundle, tmp_path / "b.tar")
    assert refused.value.hint is not None
    assert f"`bundler verify '{bundle}'`" in refused.value.hint
