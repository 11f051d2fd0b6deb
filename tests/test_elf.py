"""What the kernel reads of an ELF file, out of bytes that anybody may have written."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.elf import Elf, ElfError, parse
from tests.support.elf import program


def read_of(content: bytes) -> Elf:
    return parse(lambda offset, size: content[offset : offset + size])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (program(), Elf("amd64", None)),
        (program(interpreter=b"/lib64/ld-linux-x86-64.so.2"), Elf("amd64", b"/lib64/ld-linux-x86-64.so.2")),
        (program(machine=183), Elf("arm64", None)),
        (program(bits=32, machine=40, interpreter=b"/lib/ld-linux.so.3"), Elf("arm", b"/lib/ld-linux.so.3")),
        (program(machine=22, order=">", interpreter=b"/lib/ld64.so.1"), Elf("s390x", b"/lib/ld64.so.1")),
        (program(machine=21, order=">"), Elf("ppc64", None)),
        (program(machine=21), Elf("ppc64le", None)),
        (program(bits=32, machine=62), Elf("32-bit machine 62", None)),
    ],
    ids=["static", "dynamic", "arm64", "arm", "s390x", "big endian", "little endian", "x32"],
)
def test_class_order_and_machine_are_an_architecture(content: bytes, expected: Elf) -> None:
    assert read_of(content) == expected


GOOD = program(interpreter=b"/lib/ld.so")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut off"),
        (GOOD[:20], "cut off"),
        (GOOD[:4] + b"\7" + GOOD[5:], "no class"),
        (GOOD[:5] + b"\0" + GOOD[6:], "no class or byte order"),
        (GOOD[:16] + struct.pack("<H", 1) + GOOD[18:], "object file"),
        (GOOD[:16] + struct.pack("<H", 4) + GOOD[18:], "object file"),
        (GOOD[:32] + struct.pack("<Q", 1 << 63) + GOOD[40:], "cut off"),
        (GOOD[:54] + struct.pack("<H", 1) + GOOD[56:], "program headers are malformed"),
        (GOOD[:56] + struct.pack("<H", 0xFFFF) + GOOD[58:], "program headers are malformed"),
        (GOOD[:56] + struct.pack("<H", 0) + GOOD[58:], "program headers are malformed"),
        (GOOD[:-1] + b"x", "interpreter is malformed"),
        (GOOD[:-3], "interpreter is malformed"),
        (program(interpreter=b"/" * 5000), "interpreter is malformed"),
        (program(interpreter=b""), "interpreter is malformed"),
    ],
)
def test_what_the_kernel_would_not_load_is_told_apart(content: bytes, message: str) -> None:
    with pytest.raises(ElfError, match=message):
        read_of(content)


@given(st.binary(max_size=300), st.integers(0, 120))
def test_any_bytes_are_a_header_or_an_error(noise: bytes, at: int) -> None:
    with contextlib.suppress(ElfError):
        assert read_of(GOOD[:at] + noise).architecture
