"""A packed bundle is verified as the directory is that comes out of it, and nothing is unpacked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archives.entry import REGULAR, Entry
from bundler.archives.tar import TarReader
from bundler.archives.tar_writer import END, encode_entry, padding
from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.comparison import Change
from bundler.bundles.write import write_file
from bundler.errors import BundlerError, DifferenceError, ImageError
from bundler.limits import DEFAULTS
from bundler.packing.packed import open_packed
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from bundler.packing.verification import PackedVerification
from tests.support.bundles import MEMBERS, S, make_bundle
from tests.support.tarballs import directory, file, hard_link, symlink

pytestmark = pytest.mark.root
SUFFIXES = [
    ".tar",
    ".tar.gz",
    ".tar.zst",
    pytest.param(".squashfs", marks=pytest.mark.tool("mksquashfs")),
    pytest.param(".erofs", marks=pytest.mark.tool("mkfs.erofs")),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    further = [hard_link("etc/third", "etc/motd"), symlink("far", "x", mtime=S), hard_link("far-too", "far")]
    return make_bundle(tmp_path / "made/b", *MEMBERS, *further)


def changes(packed: Path) -> list[Change]:
    with open_packed(packed, DEFAULTS) as opened:
        return list(PackedVerification(opened).changes())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_packed_is_the_same(bundle: Path, tmp_path: Path, suffix: str) -> None:
    assert changes(pack(Bundle.open(bundle), tmp_path / f"b{suffix}").path) == []


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "etc/shadow").write_bytes(b"y"),
    "a file more": lambda root: (root / "etc/z").touch(),
    "a file less": lambda root: (root / "zeros").unlink(),
    "another type": lambda root: replace(root / "p", os.mkdir),
    "an owner": lambda root: os.chown(root / "etc", 1, 2),
    "an attribute": lambda root: os.setxattr(root / "etc/motd", "user.note", b"y"),
    "another name": lambda root: os.link(root / "su", root / "z"),
    "a name less": lambda root: (root / "etc/other").unlink(),
    "the content of several names": lambda root: (root / "etc/motd").write_bytes(b"HELLO\n"),
    "a target": lambda root: replace(root / "l", lambda path: path.symlink_to("elsewhere")),
    "config.json": lambda root: (root.parent / "config.json").write_text("{}"),
    "rootfs.mtree": lambda root: (root.parent / "rootfs.mtree").write_text("#mtree\n"),
    "a hook": lambda root: write_file(root.parent / "hooks/up", b""),
    "hooks that are a link": lambda root: (root.parent / "hooks").symlink_to("rootfs"),
}


@pytest.mark.tool("mksquashfs", "mkfs.erofs")
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("suffix", [".tar", ".squashfs", ".erofs"])
def test_each_change_is_told_as_for_the_directory(bundle: Path, tmp_path: Path, name: str, suffix: str) -> None:
    CHANGES[name](bundle / "rootfs")
    packed = pack(Bundle.open(bundle), tmp_path / f"b{suffix}", as_is=True).path
    found = changes(packed)
    assert found
    expected = {(change.path, change.what) for change in Verification(Bundle.open(bundle)).changes()}
    told = {(change.path, change.what) for change in found}
    # How many names a file has is told once, with the first of them.
    assert told <= expected if "name" in name else told == expected
    with pytest.raises(DifferenceError):
        unpack(packed, tmp_path / "again")


def rewritten(packed: Path, order: Callable[[list[bytes]], list[bytes]]) -> Path:
    """The archive with its entries in another order, or others among them."""
    entries = []
    with packed.open("rb") as stream:
        reader = TarReader(stream)
        for entry in reader:
            head = encode_entry(entry)
            content = b"".join(map(bytes, reader.content()))
            entries.append(head + content + padding(len(content)))
    packed.write_bytes(b"".join(order(entries)) + END)
    return packed


LIES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a name twice": lambda entries: [*entries, entries[-1]],
    "a document twice": lambda entries: [*entries, entries[2]],
    "another order": lambda entries: [*entries[:4], *reversed(entries[4:])],
    "no directory above": lambda entries: [entry for entry in entries if not entry.startswith(b"./rootfs/etc/\0")],
    "no root": lambda entries: entries[1:],
    "something below a symlink": lambda entries: [*entries[:-1], bytes(symlink("z", "rootfs")), bytes(file("z/a"))],
    "a name that leads out": lambda entries: [*entries, bytes(file("../../z"))],
}


@pytest.mark.parametrize("name", LIES)
def test_an_archive_that_would_be_unpacked_as_something_else_is_refused(
    bundle: Path, tmp_path: Path, name: str
) -> None:
    packed = rewritten(pack(Bundle.open(bundle), tmp_path / "b.tar").path, LIES[name])
    with pytest.raises(ImageError, match=r"b\.tar"):
        changes(packed)


def test_a_link_that_becomes_another_target_is_told(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "made/b", directory(".", mtime=S), file("a", b"a", mtime=S), hard_link("b", "a"))

    def retarget(entries: list[bytes]) -> list[bytes]:
        return [bytes(hard_link("./rootfs/b", "./config.json")) if b"rootfs/b" in one[:99] else one for one in entries]

    found = changes(rewritten(pack(Bundle.open(made), tmp_path / "b.tar").path, retarget))
    assert {change.path for change in found} == {"./a", "./b"}


def sparse(name: bytes, content: bytes) -> bytes:
    """A file of which an archive has the content as that of a file with holes."""
    entry = Entry(name, REGULAR, 0o644, 0, 0, len(content), len(content), 0, 0, 0, b"", sparse=((0, len(content)),))
    return encode_entry(entry) + content + padding(len(content))


@pytest.mark.parametrize("written", ["another spelling", "a file with holes"])
@pytest.mark.parametrize("name", ["rootfs.mtree", "config.json"])
def test_a_document_that_is_not_read_proves_nothing(bundle: Path, tmp_path: Path, name: str, written: str) -> None:
    (bundle / "rootfs/etc/shadow").write_bytes(b"y")
    content = (bundle / name).read_bytes()
    other = (
        bytes(file(f".//{name}", content)) if written == "another spelling" else sparse(f"./{name}".encode(), content)
    )

    def hide(entries: list[bytes]) -> list[bytes]:
        return [other if one.startswith(f"./{name}\0".encode()) else one for one in entries]

    packed = rewritten(pack(Bundle.open(bundle), tmp_path / "b.tar", as_is=True).path, hide)
    assert name in {change.path for change in changes(packed)}


@pytest.mark.parametrize("content", [b"", b"noise" * 300, b"\x28\xb5\x2f\xfd" + bytes(40), b"hsqs" + bytes(200)])
def test_what_is_no_packed_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(content)
    with pytest.raises(BundlerError, match=r"b\.tar"):
        changes(tmp_path / "b.tar")


def test_a_file_that_was_cut_off_is_refused(bundle: Path, tmp_path: Path) -> None:
    packed = pack(Bundle.open(bundle), tmp_path / "b.tar.zst").path
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(BundlerError, match=r"b\.tar\.zst"):
        changes(packed)
