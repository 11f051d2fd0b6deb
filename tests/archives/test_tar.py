"""Tar archives of every dialect, and broken ones."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.entry import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
)
from bundler.archives.stream import DamagedError
from bundler.archives.tar import TarReader
from tests.support.tar_reading import names, read
from tests.support.tarballs import (
    END,
    Member,
    block_device,
    character_device,
    directory,
    extension,
    fifo,
    file,
    hard_link,
    header,
    octal,
    padded,
    pax_header,
    symlink,
    tarball,
    with_checksum,
)

LISTING = tarball(
    directory("etc", 0o755, mtime=5 * 10**9),
    file("etc/motd", b"hello", 0o4755, owner=(33, 44)),
    symlink("lib", "usr/lib"),
    hard_link("etc/issue", "etc/motd"),
    character_device("dev/null", 1, 3),
    block_device("dev/sda", 8, 0),
    fifo("run/fifo"),
)


def test_a_listing_is_read_as_it_was_written() -> None:
    found = read(LISTING)
    assert [(entry.name, entry.kind, entry.mode) for entry, _ in found] == [
        (b"etc", DIRECTORY, 0o755),
        (b"etc/motd", REGULAR, 0o4755),
        (b"lib", SYMLINK, 0o777),
        (b"etc/issue", HARD_LINK, 0o644),
        (b"dev/null", CHARACTER_DEVICE, 0o644),
        (b"dev/sda", BLOCK_DEVICE, 0o644),
        (b"run/fifo", FIFO, 0o644),
    ]
    motd, content = found[1]
    assert (content, motd.size, motd.stored_size, motd.uid, motd.gid) == (b"hello", 5, 5, 33, 44)
    assert found[0][0].mtime == found[0][0].atime == 5 * 10**9
    assert [entry.link_name for entry, _ in found[2:4]] == [b"usr/lib", b"etc/motd"]
    assert [entry.device for entry, _ in found[4:6]] == [(1, 3), (8, 0)]


def test_the_offset_is_where_the_content_is() -> None:
    archive = tarball(file("a", b"first"), file("b" * 200, b"second"), pax_header({}, b"g"), file("c", b"x" * 3000))
    for entry, content in read(archive):
        assert archive[entry.offset : entry.offset + entry.stored_size] == content


def test_content_that_nobody_reads_is_skipped() -> None:
    archive = tarball(file("big", b"x" * 3_000_000), file("last", b"end"))
    reader = TarReader(io.BytesIO(archive))
    for entry in reader:
        if entry.name == b"big":
            assert next(reader.content())[:1] == b"x"
        else:
            assert b"".join(reader.content()) == b"end"


def test_a_seekable_archive_is_skipped_without_reading() -> None:
    archive = io.BytesIO(tarball(file("big", b"x" * 3_000_000), file("last", b"end")))
    skipped: list[int] = []

    def skip(count: int) -> None:
        skipped.append(count)
        archive.seek(count, io.SEEK_CUR)

    assert [(entry.name, entry.offset) for entry in TarReader(archive, skip)] == [(b"big", 512), (b"last", 3_001_344)]
    assert sum(skipped) > 2_000_000


def test_pieces_of_content_are_bounded() -> None:
    reader = TarReader(io.BytesIO(tarball(file("big", bytes(5_000_000)))))
    for _ in reader:
        assert max(len(piece) for piece in reader.content()) <= 1 << 20


@pytest.mark.parametrize("most", [1, 100, 511, 513])
def test_bytes_may_come_in_any_pieces(most: int) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, most))

    assert [entry.name for entry in TarReader(Dribble(LISTING))] == names(LISTING)


def test_a_ustar_prefix_stands_before_the_name() -> None:
    assert names(header("file", prefix=b"deep/directory") + END) == [b"deep/directory/file"]


def test_a_star_prefix_ends_before_its_times() -> None:
    assert names(header("file", prefix=b"d" * 131 + b"00000000000 ", tail=b"tar\0") + END) == [b"d" * 131 + b"/file"]


@pytest.mark.parametrize("magic", [b"", b"ustar  \0"], ids=["v7", "GNU"])
def test_only_posix_headers_have_a_prefix(magic: bytes) -> None:
    assert names(header("file", prefix=b"00000000000\0", magic=magic) + END) == [b"file"]


def test_a_name_may_fill_its_field() -> None:
    assert names(header("n" * 100) + END) == [b"n" * 100]


def test_gnu_long_names_are_for_the_next_entry_only() -> None:
    long = extension(b"L", b"long" * 50 + b"\0") + extension(b"K", b"target" * 50 + b"\0") + header("x", b"2")
    first, second = (entry for entry, _ in read(long + header("y") + END))
    assert (first.name, first.link_name) == (b"long" * 50, b"target" * 50)
    assert (second.name, second.link_name) == (b"y", b"")


def test_a_v7_directory_ends_with_a_slash() -> None:
    directory, plain = (entry for entry, _ in read(header("dir/", b"\0", magic=b"") + header("file", b"\0") + END))
    assert (directory.kind, plain.kind) == (DIRECTORY, REGULAR)


def test_names_are_bytes_of_any_kind() -> None:
    assert names(tarball(file(b"\xff\xfe"), file("\u00e4" * 60))) == [b"\xff\xfe", "\u00e4".encode() * 60]


def test_a_contiguous_file_is_a_regular_file() -> None:
    ((entry, content),) = read(tarball(Member(name="c", kind=b"7", content=b"content")))
    assert (entry.kind, content) == (REGULAR, b"content")


def test_a_gnu_dump_directory_is_a_directory_whose_content_is_skipped() -> None:
    found = read(header("dir", b"D", size=600) + padded(b"Ya\0" * 200) + bytes(file("after")) + END)
    assert [(entry.name, entry.kind) for entry, _ in found] == [(b"dir", DIRECTORY), (b"after", REGULAR)]


def test_a_volume_label_is_no_entry() -> None:
    assert names(header("label", b"V") + bytes(file("after")) + END) == [b"after"]


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_what_has_no_content_has_none_whatever_its_size_says(kind: bytes) -> None:
    archive = header("odd", kind, size=1 << 40) + bytes(file("after")) + END
    assert [(entry.name, entry.stored_size) for entry, _ in read(archive)] == [(b"odd", 0), (b"after", 0)]


@pytest.mark.parametrize("kind", [b"M", b"N", b"X", b"Z", b"8", b"\xff"])
def test_unknown_types_are_refused(kind: bytes) -> None:
    with pytest.raises(DamagedError, match="unsupported type"):
        read(header("odd", kind) + END)


@pytest.mark.parametrize("end", [b"", bytes(512), END, bytes(10240), END + b"junk"])
def test_an_archive_may_end_like_this(end: bytes) -> None:
    assert names(tarball(file("a", b"content"), end=end)) == [b"a"]


def test_an_empty_archive_has_no_entries() -> None:
    assert names(b"") == names(END) == []


def test_the_last_padding_may_be_missing() -> None:
    assert names(tarball(file("a", b"content"), end=b"")[: 512 + 7]) == [b"a"]


@pytest.mark.parametrize(
    "archive",
    [
        tarball(file("a", b"content"))[:100],
        tarball(file("a", b"content"))[:515],
        tarball(file("a", b"content"), end=bytes(512) + b"junk".ljust(512)),
        tarball(file("a"), end=bytes(100)),
        extension(b"L", b"n" * 600)[:700],
        extension(b"L", b"name\0") + END,
        pax_header({"path": "name"}) + END,
        b"<html>this is no archive</html>".ljust(1024),
    ],
    ids=[
        "inside a header",
        "inside content",
        "after a block of zeros",
        "inside a block of zeros",
        "inside a long name",
        "after a long name",
        "after PAX records",
        "no archive",
    ],
)
def test_an_archive_may_not_end_like_this(archive: bytes) -> None:
    with pytest.raises(DamagedError):
        names(archive)


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
@pytest.mark.parametrize("size", [b"\x80" + bytes(7) + b"\x7f\xff\xff\xff", octal((1 << 20) + 1, 12)])
def test_huge_extensions_are_refused_before_they_are_read(kind: bytes, size: bytes) -> None:
    with pytest.raises(DamagedError, match="larger than 1 MiB"):
        names(header("extension", kind, size=size) + bytes(2_000_000))


@given(st.binary(max_size=1500))
def test_no_bytes_do_worse_than_damaged(content: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(content)


@given(st.binary(max_size=600), st.sampled_from([b"0", b"S", b"x", b"g", b"L", b"K", b"D"]))
def test_no_header_with_a_right_checksum_does_worse_than_damaged(content: bytes, kind: bytes) -> None:
    block = content[:156].ljust(156, b"\0") + kind + content[157:512].ljust(355, b"\0")
    with contextlib.suppress(DamagedError):
        read(with_checksum(block) + content + END)
