"""Compression of what is written, on all processors. The same bytes give the same bytes however many there are.

Another version of a library may compress better, and so differently: that is the one thing the result depends on.
"""

import os
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from bundler.archives import compression
from bundler.archives.compression import Compression
from bundler.archives.stream import Content
from bundler.light_dataclasses import dataclass

_BLOCK: Final = 1 << 19
_DICTIONARY: Final = 1 << 15  # how far deflate looks back
# The magic, deflate, no flags, no time, no hint about the level, and no system (RFC 1952 2.3).
_GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LAST_BLOCK: Final = b"\x03\0"
_32_BITS: Final = 0xFFFFFFFF


class Compressor(Protocol):
    """What zlib and zstandard agree on: each call gives the compressed bytes that are ready, `flush` all the others."""

    def compress(self, content: Content, /) -> Content: ...
    def flush(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Compressing:
    """One format to write: the levels it has, the usual one, and what makes a compressor of a level."""

    format: Compression
    levels: range
    usual: int
    start: Callable[[int], Compressor]


class _Plain:
    def compress(self, content: Content, /) -> Content:
        return content

    def flush(self) -> bytes:
        return b""


class _Gzip:
    """One gzip member out of blocks that are compressed side by side, each knowing the end of the one before it."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._pool = ThreadPoolExecutor(_processors())
        self._pending: deque[Future[bytes]] = deque()
        self._block = bytearray()
        self._before = b""
        self._checksum = 0
        self._size = 0
        self._begun = False

    def compress(self, content: Content, /) -> bytes:
        self._checksum = zlib.crc32(content, self._checksum)
        self._size += len(content)
        self._block += content
        ready = b"" if self._begun else _GZIP_HEADER
        self._begun = True
        while len(self._block) >= _BLOCK:
            ready += self._submit(bytes(self._block[:_BLOCK]))
            del self._block[:_BLOCK]
        return ready

    def flush(self) -> bytes:
        ready = self.compress(b"") + self._submit(bytes(self._block))
        ready += b"".join(done.result() for done in self._pending)
        self._pool.shutdown()
        checks = (self._checksum, self._size & _32_BITS)
        return ready + _LAST_BLOCK + b"".join(number.to_bytes(4, "little") for number in checks)

    def _submit(self, block: bytes) -> bytes:
        """Have `block` compressed; what comes back is an earlier one, once enough of them wait."""
        self._pending.append(self._pool.submit(_deflate, block, self._before, self._level))
        self._before = block[-_DICTIONARY:]
        return self._pending.popleft().result() if len(self._pending) > 2 * _processors() else b""


def _deflate(block: bytes, before: bytes, level: int) -> bytes:
    """`block` as deflate writes it, up to the next byte (RFC 1951), so that the next block can follow."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    return deflater.compress(block) + deflater.flush(zlib.Z_SYNC_FLUSH)


def _start_zstd(level: int) -> Compressor:
    import zstandard  # noqa: PLC0415 -- heavy, and only needed here

    # With at least one thread zstd cuts its input into jobs by size alone; with none it would give other bytes. Its own
    # jobs are twice as large, with which the processors wait for each other more than they gain.
    window = zstandard.ZstdCompressionParameters.from_level(level).window_log
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, threads=_processors(), job_size=2 << window, write_checksum=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()


def _processors() -> int:
    return len(os.sched_getaffinity(0))


PLAIN: Final = Compressing(compression.NONE, range(1), 0, lambda _level: _Plain())
GZIP: Final = Compressing(compression.GZIP, range(1, 10), 6, _Gzip)
ZSTD: Final = Compressing(compression.ZSTD, range(1, 20), 3, _start_zstd)
