"""The fields of a tar header."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.entry import parse_header, read_usual
from bundler.archives.stream import DamagedError
from bundler.archives.tar import TarReader
from tests.support.tar_reading import names, only, read
from tests.support.tarballs import (
    END,
    file,
    header,
    octal,
)


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


@given(*(st.integers(0, 0o7777777) for _ in range(3)), st.integers(0, 8**11 - 1), st.integers(0, 8**11 - 1))
def test_numbers_of_the_usual_form_are_read_as_any_others(mode: int, uid: int, gid: int, size: int, mtime: int) -> None:
    numbers = {"mode": octal(mode, 8), "uid": octal(uid, 8), "gid": octal(gid, 8), "mtime": octal(mtime, 12)}
    block = header("n", size=size, tail=b"\xff" * 12, **numbers)
    assert read_usual(block) == (mode, uid, gid, size, mtime)
    assert parse_header(block, read_usual(block), 0) == parse_header(block, None, 0)


def test_a_checksum_of_high_bytes_does_not_overflow() -> None:
    assert (
        read_usual(header(b"\xff" * 100, link_name=b"\xff" * 100, prefix=b"\xff" * 155, tail=b"\xff" * 12)) is not None
    )


@given(st.integers(0, 511), st.integers(1, 255))
def test_no_changed_byte_of_a_header_goes_unnoticed(position: int, change: int) -> None:
    block = bytearray(header("name", tail=b"\1"))
    block[position] ^= change
    assert read_usual(bytes(block)) is None or position == 155  # the byte after the checksum
