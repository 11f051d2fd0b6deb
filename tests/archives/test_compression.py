"""Every compression, its damage, and its bombs."""

import contextlib
import gzip
import io
import lzma
import struct
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.compression import COMPRESSIONS, decompress, detect
from bundler.archives.stream import ByteStream, DamagedError
from tests.support import compressors

TEXT = b"".join(b"line %d of a file\n" % number for number in range(20_000))


def skippable(content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, len(content)) + content


FORMATS = list(compressors.COMPRESSORS)
COMPRESSORS = {**compressors.COMPRESSORS, "none": bytes}
zstd = COMPRESSORS["zstd"]


class Dribble:
    """A source that gives at most `most` bytes at once, as pipes and sockets do."""

    def __init__(self, content: bytes, most: int) -> None:
        self._content = io.BytesIO(content)
        self._most = most

    def read(self, size: int, /) -> bytes:
        return self._content.read(min(size, self._most))


def everything(stream: ByteStream, size: int = 65536) -> bytes:
    pieces = []
    while piece := stream.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    assert stream.read(size) == b"", "the end is not an end"
    return b"".join(pieces)


def inside(compressed: bytes, most: int = 10**6) -> bytes:
    return everything(decompress(Dribble(compressed, most))[1])


@pytest.mark.parametrize("name", COMPRESSORS)
def test_each_format_is_told_by_its_bytes_and_undone(name: str) -> None:
    compression, stream = decompress(io.BytesIO(COMPRESSORS[name](TEXT)))
    assert compression.name == name
    assert everything(stream) == TEXT


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("content", [b"", b"x"], ids=["nothing", "one byte"])
def test_little_content_is_content(name: str, content: bytes) -> None:
    assert inside(COMPRESSORS[name](content)) == content


@pytest.mark.parametrize("name", COMPRESSORS)
def test_bytes_may_come_one_at_a_time(name: str) -> None:
    assert inside(COMPRESSORS[name](TEXT[:500]), most=1) == TEXT[:500]


def test_a_gzip_header_with_every_optional_part_may_come_one_byte_at_a_time() -> None:
    plain = gzip.compress(b"content", mtime=0)
    head = bytearray(plain[:10])
    head[3] = 0x04 | 0x08 | 0x10  # extra field, file name, comment
    assert inside(bytes(head) + b"\x03\0abc" + b"layer.tar\0" + b"comment\0" + plain[10:], most=1) == b"content"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("most", [1, 7, 10**6])
def test_members_follow_each_other(name: str, most: int) -> None:
    compress = COMPRESSORS[name]
    assert inside(compress(b"one") + compress(b"") + compress(b"two"), most) == b"onetwo"


def test_skippable_zstd_frames_are_skipped_wherever_they_stand() -> None:
    assert inside(skippable(b"head") + zstd(b"one") + skippable(b"") + zstd(b"two") + skippable(b"toc")) == b"onetwo"


@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_zeros_between_and_after_members_are_padding(name: str) -> None:
    compress = COMPRESSORS[name]
    assert inside(compress(b"one") + bytes(512) + compress(b"two") + bytes(300_000)) == b"onetwo"


@pytest.mark.parametrize("name", FORMATS)
def test_garbage_after_the_last_member_is_refused(name: str) -> None:
    with pytest.raises(DamagedError, match=name):
        inside(COMPRESSORS[name](TEXT) + b"garbage after the end")


# zstd is left out: its library does not tell, see the class that wraps it.
@pytest.mark.parametrize("name", ["gzip", "xz", "bzip2"])
def test_truncation_is_found_wherever_it_is(name: str) -> None:
    compressed = COMPRESSORS[name](b"some content that is long enough")
    for length in range(10, len(compressed)):
        with pytest.raises(DamagedError, match=f"the {name} data ends too early"):
            inside(compressed[:length])


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_found(name: str) -> None:
    compressed = bytearray(COMPRESSORS[name](TEXT))
    compressed[len(compressed) // 2] ^= 0xFF
    with pytest.raises(DamagedError, match=f"the {name} data is damaged"):
        inside(bytes(compressed))


@pytest.mark.parametrize("name", FORMATS)
def test_a_bomb_comes_out_in_the_pieces_that_were_asked_for(name: str) -> None:
    stream = decompress(io.BytesIO(COMPRESSORS[name](bytes(30_000_000))))[1]
    for _ in range(50):
        assert 1 <= len(stream.read(1000)) <= 1000


def test_xz_that_asks_for_much_memory_is_refused() -> None:
    small = bytearray(lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]))
    # The dictionary size is one byte of the block header (xz format 5.3.1); the header's CRC32 follows it.
    start = 12
    size = (small[start] + 1) * 4
    position = small.index(b"\x21\x01\x00", start) + 2
    small[position] = 39  # 3 GiB
    small[start + size - 4 : start + size] = struct.pack("<I", zlib.crc32(small[start : start + size - 4]))
    with pytest.raises(DamagedError, match="Memory usage limit exceeded"):
        inside(bytes(small))


def test_zstd_that_asks_for_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    frame = stream.compress(b"x" * 100) + stream.flush()
    with pytest.raises(DamagedError, match="zstd"):
        inside(frame)


@pytest.mark.parametrize(
    "head",
    [b"", b"\x1f", b"\x1f\x8b", b"BZh9", b"BZh9-notes.txt", b"etc/passwd", b"\0" * 10],
    ids=["nothing", "half a gzip", "gzip without method", "half a bzip2", "a tar of BZh9-notes.txt", "a tar", "zeros"],
)
def test_what_only_resembles_a_compression_is_none(head: bytes) -> None:
    assert detect(head).name == "none"


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_damaged(content: bytes) -> None:
    with contextlib.suppress(DamagedError):
        inside(content)


@given(st.sampled_from([row.name for row in COMPRESSIONS]), st.binary(max_size=2000), st.integers(1, 300))
def test_what_goes_in_comes_out(name: str, content: bytes, most: int) -> None:
    assert inside(COMPRESSORS[name](content), most) == content
