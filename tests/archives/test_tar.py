"""Tar archives of every dialect, and broken ones."""

import contextlib
import io
import subprocess
import tarfile
from pathlib import Path

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
    Entry,
)
from bundler.archives.stream import DamagedError
from bundler.archives.tar import TarReader
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
    pax_record,
    symlink,
    tarball,
    with_checksum,
)


def read(archive: bytes) -> list[tuple[Entry, bytes]]:
    reader = TarReader(io.BytesIO(archive))
    return [(entry, b"".join(reader.content())) for entry in reader]


def only(archive: bytes) -> Entry:
    (found,) = read(archive)
    return found[0]


def names(archive: bytes) -> list[bytes]:
    return [entry.name for entry in TarReader(io.BytesIO(archive))]


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


# --- names ---


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


# --- types ---


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


# --- numbers ---


@pytest.mark.parametrize(
    ("field", "number"),
    [
        (b"0000644\0", 0o644),
        (b"    644 ", 0o644),
        (b"644\0junk", 0o644),
        (bytes(8), 0),
        (b"        ", 0),
        (b"\x80\0\0\0\0\0\x12\x34", 0x1234),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
    ],
    ids=["octal", "spaces", "junk after NUL", "NULs", "only spaces", "base 256", "negative"],
)
def test_numbers_come_in_these_forms(field: bytes, number: int) -> None:
    assert only(header("n", uid=field) + END).uid == number


@pytest.mark.parametrize("field", [b"0x1f\0", b"12_3\0", b"+644\0", b"-1\0", b"0o17\0", b"689\0"])
def test_other_forms_are_refused(field: bytes) -> None:
    with pytest.raises(DamagedError):
        read(header("n", uid=field) + END)


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\x80\x7f" + b"\xff" * 10, b"\x80\0\0\0\x80" + bytes(7)])
def test_negative_and_absurd_sizes_are_refused(size: bytes) -> None:
    with pytest.raises(DamagedError):
        read(header("n", size=size) + END)


def test_a_size_of_8_gib_and_more_is_read() -> None:
    reader = TarReader(io.BytesIO(header("n", size=1 << 35)))
    assert next(iter(reader)).size == 1 << 35
    with pytest.raises(DamagedError, match="ends inside a file"):
        list(reader.content())


def test_signed_checksums_of_old_writers_are_right_too() -> None:
    block = header(b"\xff\xfe")
    signed = sum(byte - 256 if byte > 127 else byte for byte in block[:148] + b" " * 8 + block[156:])
    assert names(block[:148] + b"%06o\0 " % signed + block[156:] + END) == [b"\xff\xfe"]


@pytest.mark.parametrize("position", [0, 99, 124, 150, 156, 300, 511])
def test_a_flipped_bit_is_found(position: int) -> None:
    block = bytearray(header("name", size=0, tail=b"\1"))
    block[position] ^= 1
    with pytest.raises(DamagedError, match="checksum at offset 512"):
        read(bytes(file("first")) + bytes(block) + END)


# --- PAX ---


def test_pax_records_replace_what_the_header_says() -> None:
    records = {
        "path": "p" * 300,
        "linkpath": "l" * 300,
        "uid": "5000000",
        "gid": "6000000",
        "mtime": "1700000000.123456789",
        "atime": "1.5",
        "comment": "nothing",
        "SCHILY.xattr.user.name": b"\0\xffvalue=\n",
    }
    entry = only(tarball(symlink("n", "t", pax=records)))
    assert (entry.name, entry.link_name) == (b"p" * 300, b"l" * 300)
    assert (entry.uid, entry.gid, entry.mtime, entry.atime) == (5000000, 6000000, 1700000000123456789, 1500000000)
    assert entry.xattrs == {b"user.name": b"\0\xffvalue=\n"}


def test_a_pax_size_is_the_size_of_the_content() -> None:
    archive = pax_header({"size": "5"}) + header("n", size=0) + padded(b"hello") + END
    ((entry, content),) = read(archive)
    assert (entry.size, content) == (5, b"hello")


def test_records_are_for_the_next_entry_only() -> None:
    first, second = (entry for entry, _ in read(tarball(file("a", pax={"uid": "7"}), file("b"))))
    assert (first.uid, second.uid) == (7, 0)


def test_a_global_header_is_for_all_that_follow_until_taken_back() -> None:
    found = read(
        tarball(
            file("before"),
            pax_header({"uid": "7", "comment": "a commit"}, b"g"),
            file("a"),
            file("b", pax={"uid": "8"}),
            file("c", pax={"uid": ""}),
            pax_header({"uid": ""}, b"g"),
            file("after"),
        )
    )
    assert [entry.uid for entry, _ in found] == [0, 7, 8, 0, 0]


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("0", 0),
        ("1", 10**9),
        ("1.", 10**9),
        ("1.5", 1_500_000_000),
        ("1.000000001", 1_000_000_001),
        ("1.0000000019999", 1_000_000_001),
        ("-1.5", -1_500_000_000),
        ("1700000000.999999999", 1_700_000_000_999_999_999),
    ],
)
def test_times_are_exact(written: str, nanoseconds: int) -> None:
    assert only(tarball(file("n", pax={"mtime": written}))).mtime == nanoseconds


@pytest.mark.parametrize("written", ["x", "1.x", "1e9", "--1", "+1", ".5", "1.-5", "9" * 30, "9" * 5000, "nan"])
def test_other_times_are_refused(written: str) -> None:
    with pytest.raises(DamagedError):
        read(tarball(file("n", pax={"mtime": written})))


@pytest.mark.parametrize(
    "records",
    [
        b"x path=a\n",
        b"99 path=a\n",
        b"7 path=a\n",
        b"0 path=a\n",
        b"-9 path=a\n",
        b" 9 path=a\n",
        b"+9 path=a\n",
        b"6 path\n",
        b"5 =a\n",
        b"11 pa\0th=a\n",
        b"path=a\n",
        b"99999999999999 path=a\n",
        b"\0" * 20,
        b"9" * 5000,
    ],
)
def test_malformed_records_are_refused(records: bytes) -> None:
    with pytest.raises(DamagedError):
        read(extension(b"x", records) + header("n") + END)


@pytest.mark.parametrize("key", ["path", "linkpath"])
def test_a_nul_in_a_name_is_refused(key: str) -> None:
    with pytest.raises(DamagedError, match="NUL"):
        read(tarball(file("n", pax={key: b"etc/passwd\0.txt"})))


@pytest.mark.parametrize("key", ["uid", "gid", "size"])
@pytest.mark.parametrize("value", ["-1", "1.5", "0x10", "9" * 19, "9" * 100, "1_0", "\u0661"])
def test_pax_numbers_are_plain_and_of_63_bits(key: str, value: str) -> None:
    with pytest.raises(DamagedError):
        read(tarball(file("n", pax={key: value})))


# --- sparse files ---


def contents(entry: Entry, stored: bytes) -> bytes:
    """The file that a sparse entry stands for."""
    assert entry.sparse is not None
    whole = bytearray(entry.size)
    source = io.BytesIO(stored)
    for start, length in entry.sparse:
        whole[start : start + length] = source.read(length)
    return bytes(whole)


EXPECTED = bytes(1000) + b"one" + bytes(997) + b"two" + bytes(500)


def old_sparse(pairs: list[tuple[int, int]], size: int, stored: bytes) -> bytes:
    """GNU's old format: four pairs in the header, 21 in each block that follows."""
    fields = [octal(start, 12) + octal(length, 12) for start, length in pairs]
    block = bytearray(header("s", b"S", size=len(stored), magic=b"ustar  \0"))
    block[386:482] = b"".join(fields[:4]).ljust(96, b"\0")
    block[482] = len(fields) > 4
    block[483:495] = octal(size, 12)
    blocks = b""
    for at in range(4, len(fields), 21):
        blocks += b"".join(fields[at : at + 21]).ljust(504, b"\0") + bytes([at + 21 < len(fields)]) + bytes(7)
    return with_checksum(bytes(block)) + blocks + padded(stored)


def numbered_sparse(lines: bytes, size: int, stored: bytes) -> bytes:
    """GNU's PAX format 1.0: the map is decimal lines before the content."""
    records = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(size),
        "GNU.sparse.name": "s",
    }
    content = padded(lines) + stored
    return pax_header(records) + header("GNUSparseFile.0/s", size=len(content)) + padded(content)


PAIRS = [(1000, 3), (2000, 3), (2503, 0)]
SPARSE = {
    "old": old_sparse(PAIRS, 2503, b"onetwo"),
    "0.0": pax_header(
        [("GNU.sparse.size", "2503"), ("GNU.sparse.numblocks", "3")]
        + [
            record
            for start, length in PAIRS
            for record in (("GNU.sparse.offset", str(start)), ("GNU.sparse.numbytes", str(length)))
        ]
    )
    + bytes(file("s", b"onetwo")),
    "0.1": pax_header({"GNU.sparse.size": "2503", "GNU.sparse.map": "1000,3,2000,3,2503,0", "GNU.sparse.name": "s"})
    + bytes(file("GNUSparseFile.0/s", b"onetwo")),
    "1.0": numbered_sparse(b"3\n1000\n3\n2000\n3\n2503\n0\n", 2503, b"onetwo"),
}


@pytest.mark.parametrize("dialect", SPARSE)
def test_sparse_files_of_each_format_mean_the_same(dialect: str) -> None:
    archive = SPARSE[dialect] + bytes(file("after", b"next")) + END
    (entry, stored), (after, following) = read(archive)
    assert (entry.name, entry.size, entry.stored_size) == (b"s", 2503, 6)
    assert entry.sparse == ((1000, 3), (2000, 3))
    assert contents(entry, stored) == EXPECTED
    assert archive[entry.offset : entry.offset + 6] == b"onetwo"
    assert (after.name, following) == (b"after", b"next")


def test_an_old_map_may_go_on_for_many_blocks() -> None:
    pairs = [(number * 10, 1) for number in range(100)]
    ((entry, stored),) = read(old_sparse(pairs, 1000, b"x" * 100) + END)
    assert contents(entry, stored) == b"x\0\0\0\0\0\0\0\0\0" * 100


def test_a_map_without_pieces_is_all_hole() -> None:
    ((entry, _),) = read(numbered_sparse(b"0\n", 5000, b"") + END)
    assert (entry.size, entry.sparse) == (5000, ())


@pytest.mark.parametrize(
    "archive",
    [
        numbered_sparse(b"2\n0\n3\n2\n3\n", 100, b"onetwo"),
        numbered_sparse(b"2\n50\n3\n0\n3\n", 100, b"onetwo"),
        numbered_sparse(b"1\n98\n6\n", 100, b"onetwo"),
        numbered_sparse(b"1\n0\n5\n", 100, b"onetwo"),
        numbered_sparse(b"1\n0\n7\n", 100, b"onetwo"),
        numbered_sparse(b"9999999\n0\n", 100, b""),
        numbered_sparse(b"x\n0\n", 100, b""),
        numbered_sparse(b"9" * 600, 100, b""),
        numbered_sparse(b"1\n-5\n6\n", 100, b"onetwo"),
        numbered_sparse(b"1" * 19 + b"\n" + b"\n" * 2_000_000, 100, b""),
        old_sparse([(0, 3), (2, 3)], 100, b"onetwo"),
        old_sparse([(-5, 6)], 100, b"onetwo"),
        old_sparse([(0, -6)], 100, b"onetwo"),
        old_sparse([(0, 1)] * 60_000, 100, b"onetwo"),
        pax_header({"GNU.sparse.map": "0,6,"}) + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.map": "0,6"}) + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.map": "0", "GNU.sparse.size": "9"}) + bytes(file("s", b"onetwo")),
        pax_header({"GNU.sparse.major": "2", "GNU.sparse.minor": "0"}) + bytes(file("s", b"onetwo")),
        pax_header([("GNU.sparse.numbytes", "1"), ("GNU.sparse.offset", "1")]) + bytes(file("s", b"onetwo")),
    ],
    ids=[
        "overlap",
        "order",
        "outside",
        "too little",
        "too much",
        "more than there is",
        "not a number",
        "no line end",
        "negative",
        "huge",
        "old overlap",
        "old negative start",
        "old negative length",
        "old huge",
        "odd map",
        "no size",
        "half a pair",
        "unknown version",
        "pairs out of order",
    ],
)
def test_maps_that_do_not_hold_are_refused(archive: bytes) -> None:
    with pytest.raises(DamagedError):
        read(archive + END)


# --- ends and bounds ---


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
@pytest.mark.parametrize("size", [b"\x80" + bytes(7) + b"\x7f\xff\xff\xff", b"\xff" * 12, octal((1 << 20) + 1, 12)])
def test_huge_extensions_are_refused_before_they_are_read(kind: bytes, size: bytes) -> None:
    with pytest.raises(DamagedError, match="larger than 1 MiB"):
        names(header("extension", kind, size=size) + bytes(2_000_000))


def test_many_global_headers_are_refused() -> None:
    one = pax_header({f"key{'x' * 1000}": "value"}, b"g")
    with pytest.raises(DamagedError, match="global PAX headers"):
        names(one * 100 + END)


@given(st.binary(max_size=1500))
def test_no_bytes_do_worse_than_damaged(content: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(content)


@given(st.binary(max_size=600), st.sampled_from([b"0", b"S", b"x", b"g", b"L", b"K", b"D"]))
def test_no_header_with_a_right_checksum_does_worse_than_damaged(content: bytes, kind: bytes) -> None:
    block = content[:156].ljust(156, b"\0") + kind + content[157:512].ljust(355, b"\0")
    with contextlib.suppress(DamagedError):
        read(with_checksum(block) + content + END)


@given(st.binary(min_size=1, max_size=300))
def test_no_pax_block_does_worse_than_damaged(records: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(extension(b"x", records) + header("n", size=512) + bytes(512) + END)


PAX_KEYS = ["path", "size", "GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.realsize", "mtime"]


@given(st.lists(st.tuples(st.sampled_from(PAX_KEYS), st.text("0123456789,.-\n", max_size=8))), st.binary(max_size=600))
def test_no_pax_records_do_worse_than_damaged(records: list[tuple[str, str]], content: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(tarball(pax_header(records), file("n", content)))


# --- other writers ---

FORMATS = {"USTAR": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT}
NAMES = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=150).filter(
    lambda name: name.strip("/") == name
)


@given(st.sampled_from(["GNU", "PAX"]), NAMES, NAMES, st.binary(max_size=700), st.integers(0, 2**31))
def test_what_python_writes_is_read(dialect: str, name: str, link_name: str, content: bytes, number: int) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=FORMATS[dialect]) as writer:
        info = tarfile.TarInfo(name)
        info.size, info.uid, info.mtime = len(content), number, 3 * number
        writer.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, link_name
        writer.addfile(link)
    (entry, stored), (symlink_entry, _) = read(archive.getvalue())
    assert (entry.name, stored, entry.uid, entry.mtime) == (name.encode(), content, number, 3 * number * 10**9)
    assert symlink_entry.link_name == link_name.encode()


@pytest.mark.tool("tar")
@pytest.mark.parametrize(
    "options",
    [
        ["--format=v7"],
        ["--format=oldgnu"],
        ["--format=gnu"],
        ["--format=ustar"],
        ["--format=posix"],
        ["--format=gnu", "--sparse"],
        ["--format=posix", "--sparse", "--sparse-version=0.0"],
        ["--format=posix", "--sparse", "--sparse-version=0.1"],
        ["--format=posix", "--sparse", "--sparse-version=1.0"],
    ],
    ids=" ".join,
)
def test_what_gnu_tar_writes_is_read(tmp_path: Path, options: list[str]) -> None:
    with (tmp_path / "holes").open("wb") as holes:
        for at in range(0, 3_000_000, 100_000):
            holes.seek(at)
            holes.write(b"piece %d" % at)
        holes.truncate(4_000_000)
    command = ["tar", "--create", f"--directory={tmp_path}", *options, "holes"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    ((entry, stored),) = read(archive)
    assert (entry.name, entry.size) == (b"holes", 4_000_000)
    whole = contents(entry, stored) if entry.sparse is not None else stored
    assert whole == (tmp_path / "holes").read_bytes()
    assert (len(stored) < 1_000_000) == ("--sparse" in options)


def test_a_record_states_its_own_length() -> None:
    assert pax_record("path", "a") == b"9 path=a\n"
    assert pax_record("k", "v" * 94) == b"101 k=" + b"v" * 94 + b"\n"
