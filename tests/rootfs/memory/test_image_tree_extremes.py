"""What few images have, in an image of a file system: the most names, links, attributes, the earliest and latest times.

Where a disk has no room for it, what the kernel shows is held against the listing.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rootfs.memory.test_image_tree import ACL, CAPABLE, CASES, DEFAULT_ACL, Listing, layers_of
from tests.support.erofs_images import complaints, image_of, mounted, seen_by_bundler, seen_by_the_kernel
from tests.support.layers import layer, unpacked
from tests.support.tarballs import Member, character_device, directory, fifo, file, hard_link, symlink
from tests.support.tree import differences, link_counts, tree

pytestmark = pytest.mark.root
S = 10**9
BLOCK = 4096
LONG = [f"{number:04d}".ljust(255, "n") for number in range(1000)]
TIMES = [-(1 << 31) * S, -S - 1, -1, 0, 1, 999_999_999, (1 << 31) * S - 1, (1 << 32) * S + 5, ((1 << 33) + 7) * S + 7]
IDS = [65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 2]


def attributes_of_all_sizes() -> Iterator[Member]:
    """Of files in blocks, in their inode's block, of none; the names of attributes as long as can be."""
    for size in (0, 1, 60, 3000, BLOCK - 64, BLOCK, 2 * BLOCK + 1):
        for length in (1, 2, 3, 4, 100, 254, 900, 3000):
            yield file(f"{size}-{length}", b"c" * size, xattrs={"user.v": b"v" * length})
    yield file("names", b"x", xattrs={f"user.{'n' * length}": b"v" for length in (1, 2, 3, 4, 5, 248, 249, 250)})
    yield file("many", b"x", xattrs={f"trusted.{number:03d}": bytes([number]) * number for number in range(1, 60)})


def attributes_of_all_types() -> Iterator[Member]:
    both = {**ACL, **CAPABLE, "user.a": b"\0\xff"}
    yield directory("d", 0o2755, xattrs={**DEFAULT_ACL, **ACL, "user.d": b"1", "trusted.d": b"\0"}, owner=(1, 2))
    yield file("d/f", b"x", 0o755, xattrs=both)
    for number, size in enumerate((0, 1, BLOCK - 130, BLOCK, BLOCK + 1)):
        yield file(f"d/{number}", b"x" * size, 0o640, xattrs=ACL)
    yield symlink("d/l", "t" * 3000, xattrs={"trusted.l": b"l" * 900})
    yield fifo("d/p", xattrs={"trusted.p": b"p"})
    yield character_device("d/c", 255, (1 << 20) - 1, mode=0o7777, xattrs={"trusted.c": b"c", **ACL})


LISTINGS: dict[str, Listing] = {
    "times": [
        *(file(f"f{number}", b"x", mtime=time) for number, time in enumerate(TIMES)),
        *(directory(f"d{number}", mtime=time) for number, time in enumerate(TIMES)),
        *(symlink(f"l{number}", "x", mtime=time) for number, time in enumerate(TIMES)),
    ],
    "owners": [
        *(file(f"f{uid}-{gid}", b"x", 0o6755, owner=(uid, gid)) for uid in IDS for gid in IDS),
        directory("d", 0o7777, owner=(IDS[-1], IDS[-2])),
        symlink("l", "x", owner=(IDS[-2], IDS[-1])),
        fifo("p", mode=0, owner=(IDS[1], IDS[1])),
    ],
    "attributes of all sizes": [*attributes_of_all_sizes()],
    "attributes of all types": [*attributes_of_all_types()],
    "names of 255 bytes, over many blocks": [
        *(file(f"d/{name}") for name in LONG),
        *(directory(f"d/{name}x") for name in ("a" * 254, "z" * 254)),
        file("/".join(name[:250] for name in LONG[:15])),
    ],
    "hard links of each type": [
        *(symlink("l", "x"), hard_link("l2", "l"), fifo("p"), hard_link("p2", "p")),
        *(character_device("c", 1, 3), hard_link("c2", "c"), file("f"), hard_link("d/f2", "f")),
    ],
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_extremes_are_what_they_are_on_disk(tmp_path: Path, listing: Listing) -> None:
    layers = layers_of([listing])
    on_disk = tree(unpacked(tmp_path / "root", *layers))
    image = image_of(tmp_path / "image", layers)
    assert differences(on_disk, seen_by_bundler(image)) == {}
    assert differences(on_disk, seen_by_the_kernel(image)) == {}
    assert complaints(image) == ""


@pytest.mark.parametrize("listings", [*CASES.values(), *([listing] for listing in LISTINGS.values())])
def test_every_file_has_as_many_names_as_on_disk(tmp_path: Path, listings: list[Listing]) -> None:
    layers = layers_of(listings)
    with mounted(image_of(tmp_path / "image", layers)) as where:
        assert link_counts(where) == link_counts(unpacked(tmp_path / "root", *layers))


@pytest.mark.slow
def test_a_file_can_have_more_names_than_a_disk_allows(tmp_path: Path) -> None:
    names = [f"{number:06d}" for number in range(1 << 16, (1 << 17) + 10)]
    image = image_of(tmp_path / "image", [layer(file("first", b"x"), *(hard_link(name, "first") for name in names))])
    with mounted(image) as where:
        assert sorted(os.listdir(where)) == [*names, "first"]  # noqa: PTH208 -- names are enough
        statuses = [(where / name).stat() for name in ("first", *names)]
        assert {status.st_ino for status in statuses} == {statuses[0].st_ino}
        assert {status.st_nlink for status in statuses} == {len(statuses)}
    assert {node.same_as for node in seen_by_bundler(image).values()} == {".", names[0]}
    assert complaints(image) == ""


@pytest.mark.slow
def test_a_folder_can_hold_more_files_than_16_bits_count(tmp_path: Path) -> None:
    """All names are found, which the kernel looks for by halves."""
    names = [f"{number * 7919 % 66_003:06d}" for number in range(66_000)]
    image = image_of(tmp_path / "image", [layer(*(file(f"d/{name}", name.encode()) for name in names))])
    with mounted(image) as where:
        assert sorted(os.listdir(where / "d")) == sorted(names)  # noqa: PTH208 -- names are enough
        assert all(os.stat(where / "d" / name).st_size == len(name) for name in names)  # noqa: PTH116 -- many
        assert not (where / "d/0").exists()
        for name in names[::997]:
            assert (where / "d" / name).read_text() == name
    assert complaints(image) == ""


def test_attributes_can_be_as_large_as_the_kernel_reads_them(tmp_path: Path) -> None:
    """More than a disk's block. None are kept in common, so each file has its own."""
    sizes = [BLOCK - 1, BLOCK, BLOCK + 1, 30_000, 65_535]
    members = [file(f"{size}", b"content", xattrs={"user.v": b"v" * size, "user.w": b"w"}) for size in sizes]
    image = image_of(tmp_path / "image", [layer(*members)])
    for nodes in (seen_by_bundler(image), seen_by_the_kernel(image)):
        for size in sizes:
            assert nodes[f"{size}"].xattrs == {"user.v": b"v" * size, "user.w": b"w"}
            assert nodes[f"{size}"].size == len(b"content")
    assert complaints(image) == ""


def test_times_that_no_disk_keeps_are_in_the_image(tmp_path: Path) -> None:
    times = [-(1 << 40) * S - 5, (1 << 35) * S + 5]
    members = [file(f"{number}", b"x", mtime=time) for number, time in enumerate(times)]
    image = image_of(tmp_path / "image", [layer(*members)])
    for nodes in (seen_by_bundler(image), seen_by_the_kernel(image)):
        assert [nodes[f"{number}"].mtime_ns for number in range(len(times))] == times
