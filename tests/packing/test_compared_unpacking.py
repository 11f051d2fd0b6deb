"""What is unpacked is compared with its manifest while it is made: nothing gets by, in whatever order it comes."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import DifferenceError
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.tarballs import END, character_device, directory, file, hard_link, symlink

pytestmark = pytest.mark.root
Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A packed bundle in parts, by name: each is an entry with its content."""
    folder = tmp_path_factory.mktemp("packed")
    content = pack(Bundle.open(make_bundle(folder / "b", *MEMBERS)), folder / "b.tar").path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
    ends = [*(member.offset for member in members[1:]), len(content) - len(END)]
    return {member.name: content[member.offset : end] for member, end in zip(members, ends, strict=True)}


def unpacked(parts: Parts, folder: Path) -> Path:
    (folder / "b.tar").write_bytes(b"".join(parts.values()) + END)
    unpack(folder / "b.tar", folder / "out")
    return folder / "out"


def last(parts: Parts, *names: str) -> Parts:
    return {name: part for name, part in parts.items() if name not in names} | {name: parts[name] for name in names}


MANIFEST = "./rootfs.mtree"
ACCEPTED: dict[str, Callable[[Parts], Parts]] = {
    "as packed": lambda parts: parts,
    "the manifest last": lambda parts: last(parts, MANIFEST),
    "a file behind all others": lambda parts: last(parts, "./rootfs/zeros"),
    "the root filesystem last": lambda parts: last(parts, *(name for name in parts if name.startswith("./rootfs"))),
}
OTHER = bytes(file("./rootfs/su", b"y", mode=0o6755, owner=(3_000_000, 3_000_000), mtime=10**9))
ANOTHERS = bytes(file("./rootfs/su", b"x", mode=0o6755, owner=(1, 1), mtime=10**9))
NEW = bytes(file("./rootfs/zzz", b"x"))
REFUSED: dict[str, Callable[[Parts], Parts]] = {
    "another content": lambda parts: parts | {"./rootfs/su": OTHER},
    "another content, with the manifest last": lambda parts: last(parts | {"./rootfs/su": OTHER}, MANIFEST),
    "another owner": lambda parts: parts | {"./rootfs/su": ANOTHERS},
    "another kind": lambda parts: parts | {"./rootfs/su": bytes(symlink("./rootfs/su", "x"))},
    "another device": lambda parts: parts | {"./rootfs/dev/null": bytes(character_device("./rootfs/dev/null", 1, 5))},
    "another mode of the root": lambda parts: parts | {"./rootfs": bytes(directory("./rootfs", 0o700))},
    "a file less": lambda parts: {name: part for name, part in parts.items() if name != "./rootfs/su"},
    "a name less": lambda parts: {name: part for name, part in parts.items() if name != "./rootfs/etc/other"},
    "a file more": lambda parts: parts | {"new": NEW},
    "a file more, by another spelling": lambda parts: parts | {"new": bytes(file("./volumes/../rootfs/zzz", b"x"))},
    "a file more, by a third spelling": lambda parts: parts | {"new": bytes(file("rootfs//zzz", b"x"))},
    "a name more": lambda parts: parts | {"new": bytes(hard_link("./rootfs/zzz", "./rootfs/su"))},
    "another manifest": lambda parts: parts | {MANIFEST: bytes(file(MANIFEST, b"#mtree\n"))},
    "a manifest that is none": lambda parts: parts | {MANIFEST: bytes(file(MANIFEST, b"#mtree\n\xff" * 99))},
    "no manifest": lambda parts: {name: part for name, part in parts.items() if name != MANIFEST},
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_order_of_what_is_whole_does_not_matter(parts: Parts, tmp_path: Path, name: str) -> None:
    bundle = unpacked(ACCEPTED[name](parts), tmp_path)
    assert list(Verification(Bundle.open(bundle)).changes()) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_differs_is_refused(parts: Parts, tmp_path: Path, name: str) -> None:
    with pytest.raises(DifferenceError):
        unpacked(REFUSED[name](parts), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]
