"""An erofs image is read as it was written, holds nothing of what was removed, and no mutation of it leads out."""

import os
import random
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.archives.entry import Entry
from bundler.archives.filesystems import erofs_blocks
from bundler.archives.filesystems.crc32c import crc32c
from bundler.archives.filesystems.erofs import Erofs
from bundler.archives.filesystems.erofs_directory import directory_blocks, directory_size, with_dots
from bundler.archives.filesystems.erofs_writer import ErofsWriter, InodeAttributes, encode_xattrs
from bundler.archives.filesystems.file_system import FileSystemReader
from bundler.archives.stream import DamagedError
from bundler.errors import LayerError
from tests.support.erofs_images import image_of
from tests.support.layers import layer
from tests.support.tarballs import Member, directory, file, hard_link, sparse, symlink, whiteout

BLOCK = 4096
SECRET = b"SECRET" * 1000
REMOVED = [
    layer(directory("d"), file("d/whole", SECRET), file("tail", SECRET[:999]), file("b", b"b"), symlink("s", "SECRET")),
    layer(whiteout("d"), whiteout("s"), file("tail", b"new"), hard_link("c", "b")),
]


def read(image: Path) -> list[tuple[Entry, bytes]]:
    with image.open("rb") as stream:
        reader = FileSystemReader(Erofs(stream.fileno(), lambda _count: None))
        return [(entry, b"".join(reader.content())) for entry in reader]


@contextmanager
def writing(file: Path) -> Iterator[ErofsWriter]:
    with file.open("x+b") as stream:
        yield ErofsWriter(stream.fileno())


def test_the_checksum_is_the_castagnoli_one() -> None:
    assert crc32c(b"123456789") ^ 0xFFFFFFFF == 0xE3069283


def test_a_socket_can_be_in_an_image(tmp_path: Path) -> None:
    """No layer has one."""
    with writing(tmp_path / "i") as writer:
        socket = writer.add_node(InodeAttributes(stat.S_IFSOCK | 0o600, 1, 2, 3))
        entries = [(b".", 36, 2), (b"..", 36, 2), (b"s", socket, 6)]
        place = writer.reserve_directory(directory_size([name for name, _, _ in entries]), 0, is_root=True)
        writer.write_directory(place, InodeAttributes(stat.S_IFDIR | 0o755, 0, 0, 0), entries)
        writer.finish(place)
    with pytest.raises(DamagedError, match="of an unknown kind"):
        read(tmp_path / "i")


def test_what_was_removed_is_zeros_in_the_image(tmp_path: Path) -> None:
    image = image_of(tmp_path / "i", REMOVED)
    assert b"SECRET" not in image.read_bytes()
    assert [(entry.name, content) for entry, content in read(image)] == [
        (b".", b""),
        (b"b", b"b"),
        (b"c", b""),
        (b"tail", b"new"),
    ]


def test_without_holes_the_bytes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_holes = image_of(tmp_path / "holes", REMOVED)
    monkeypatch.setattr(erofs_blocks.Blocks, "_punch", lambda _blocks, _address, _size: False)
    assert image_of(tmp_path / "zeros", REMOVED).read_bytes() == with_holes.read_bytes()


@pytest.mark.root
def test_a_file_system_that_knows_no_holes_gets_zeros(tmp_path: Path) -> None:
    with_holes = image_of(tmp_path / "holes", REMOVED).read_bytes()
    (tmp_path / "ramfs").mkdir()
    subprocess.run(["mount", "-t", "ramfs", "none", tmp_path / "ramfs"], check=True)
    try:
        assert image_of(tmp_path / "ramfs/zeros", REMOVED).read_bytes() == with_holes
    finally:
        subprocess.run(["umount", tmp_path / "ramfs"], check=True)


def test_a_hole_takes_no_room(tmp_path: Path) -> None:
    large = layer(file("large", b"x" * (4 << 20)))
    status = image_of(tmp_path / "i", [large, layer(whiteout("large"))]).stat()
    assert status.st_size > 4 << 20
    assert status.st_blocks * 512 < 1 << 20


def test_small_files_share_blocks(tmp_path: Path) -> None:
    sizes = [number * 7919 % 4000 for number in range(1000)]
    image = image_of(tmp_path / "i", [layer(*(file(f"{n:04d}", b"x" * size) for n, size in enumerate(sizes)))])
    assert image.stat().st_size < 1.1 * (sum(sizes) + 1000 * 100)


def test_names_fill_blocks_in_order() -> None:
    names = with_dots([b"%0*d" % (1 + number % 250, number) for number in range(3000)] + [b"!", b"~"])
    blocks = list(directory_blocks([(name, 7, 1) for name in names]))
    assert names.index(b".") == 1
    assert {len(block) for block in blocks[:-1]} == {BLOCK}
    assert sum(map(len, blocks)) == directory_size(names)


@pytest.mark.parametrize(
    "xattrs",
    [{b"user.a": b"x" * 65536}, {b"user.%d" % number: b"x" * 65000 for number in range(5)}],
    ids=["a value", "all together"],
)
def test_attributes_that_have_no_room_are_refused(xattrs: dict[bytes, bytes]) -> None:
    with pytest.raises(OSError, match="Argument list too long"):
        encode_xattrs(xattrs)


def test_a_root_with_too_many_attributes_is_refused(tmp_path: Path) -> None:
    root = directory(".", xattrs={"user.a": b"x" * 3000})
    with pytest.raises(LayerError, match="the root directory has too many extended attributes"):
        image_of(tmp_path / "i", [layer(root)])


def test_attributes_larger_than_a_block_are_kept(tmp_path: Path) -> None:
    xattrs = {"user.a": b"x" * 9000, "user.b": b"y" * 100}
    image = image_of(tmp_path / "i", [layer(file("f", b"content", xattrs=xattrs), file("g", b"z"))])
    assert read(image)[1][0].xattrs == {name.encode(): value for name, value in xattrs.items()}
    assert [content for _, content in read(image)] == [b"", b"content", b"z"]


@pytest.mark.slow
def test_mutated_images_are_read_or_damaged(tmp_path: Path) -> None:
    names: list[Member | bytes] = [
        directory("d", xattrs={"user.d": b"1"}),
        file("d/f", b"x" * 5000),
        hard_link("l", "d/f"),
        symlink("s", "d"),
        sparse([(100 * BLOCK, b"in a chunk"), (900 * BLOCK, b"z")], 1 << 23, "holes"),
    ]
    whole = image_of(tmp_path / "i", [layer(*names, *(file(f"d/{n}", b"y" * n) for n in range(40)))]).read_bytes()
    chance = random.Random(15)  # noqa: S311 -- the same each time
    places = [at for at in range(1024, len(whole)) if whole[at - 8 : at + 8].strip(b"\0")]
    damaged = 0
    for number in range(2000):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            content[chance.choice(places)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        mutated = tmp_path / "mutated"
        mutated.write_bytes(content[: chance.randrange(len(content))] if number % 10 == 0 else content)
        try:
            read(mutated)
        except DamagedError:
            damaged += 1
    assert 0 < damaged < 2000


def test_the_bytes_depend_on_the_layers_alone(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        first = image_of(tmp_path / "a", REMOVED).read_bytes()
    finally:
        os.umask(before)
    assert image_of(tmp_path / "b", REMOVED).read_bytes() == first
