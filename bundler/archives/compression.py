"""Compression of layers and archives, told by their first bytes, undone as a stream of bounded memory.

The bytes decide and not the media type, as in Docker and containerd: registries hold layers whose media type is
wrong, and the diff_id of what comes out makes this safe. A decoder is never asked for more than the reader wants, so
a bomb (a kilobyte that becomes a gigabyte) costs its reader time but no memory.
"""

import re
from collections.abc import Callable
from dataclasses import field
from typing import Final, Protocol, cast

from bundler.archives.stream import ByteStream, DamagedError, read_up_to
from bundler.light_dataclasses import dataclass

# Long enough for the longest magic below; read once per stream.
_HEAD: Final = 10
_CHUNK: Final = 128 * 1024
# More than any member's header takes, but for a gzip header with an absurdly long comment.
_HEADER: Final = 4096
# `xz -9` needs 65 MiB to decode. More would be a way to make us allocate what the attacker likes.
_XZ_MEMORY: Final = 96 * 1024 * 1024
# The zstd command line refuses a larger window too unless it is told to.
_ZSTD_WINDOW: Final = 128 * 1024 * 1024


class _Decoder(Protocol):
    """What isal, lzma and bz2 agree on: decodes one member of a file that may have several."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Compression:
    """One format: its name, what names of compressed tar archives end in, how its files begin, the reader of them.

    `of_layers` says that layers have media types of this compression, which end in its name.
    """

    name: str
    endings: tuple[str, ...]
    magic: re.Pattern[bytes] = field(repr=False)
    open: Callable[[ByteStream], ByteStream] = field(repr=False)
    of_layers: bool = False


class _Prefixed:
    """`head`, which was read to look at, and then the rest of `source`."""

    def __init__(self, head: bytes, source: ByteStream) -> None:
        self._head = head
        self._source = source

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._source.read(size)
        taken, self._head = self._head[:size], self._head[size:]
        return taken


class _Members:
    """Concatenated members of one format (`cat a.gz b.gz`, pigz, xz and bzip2 streams), one after the other.

    Zeros after a member are skipped, as GNU gzip and xz do: tapes and archives within archives pad with them. Anything
    else after a member has to be a member, as in Go's gzip: what is silently ignored could hide something.
    """

    def __init__(
        self, source: ByteStream, name: str, new_decoder: Callable[[], _Decoder], errors: tuple[type[Exception], ...]
    ) -> None:
        self._source = source
        self._name = name
        self._new_decoder = new_decoder
        self._errors = errors
        self._decoder: _Decoder | None = None
        self._input = b""

    def read(self, size: int, /) -> bytes:
        """1 to `size` bytes, or none at the end. Raises DamagedError."""
        while True:
            if self._decoder is None:
                self._decoder = self._new_decoder()
                self._fill()
            elif self._decoder.eof:
                if not self._at_member():
                    return b""
                self._decoder = None
                continue
            output = self._decode(self._decoder, size)
            if output:
                return output

    def _decode(self, decoder: _Decoder, size: int) -> bytes:
        if decoder.needs_input and not self._input:
            self._input = self._source.read(_CHUNK)
            if not self._input:
                raise DamagedError(f"the {self._name} data ends too early")
        given, self._input = self._input, b""
        try:
            output = decoder.decompress(given, size)
        except self._errors as error:
            raise DamagedError(f"the {self._name} data is damaged ({error})") from error
        if decoder.eof:
            self._input = decoder.unused_data
        return output

    def _fill(self) -> None:
        # isal refuses a gzip header with several optional parts unless it gets the header in one piece.
        while len(self._input) < _HEADER and (more := self._source.read(_CHUNK)):
            self._input += more

    def _at_member(self) -> bool:
        """Skip zeros up to the next member; False at the end of the source."""
        self._input = self._input.lstrip(b"\0")
        while not self._input:
            chunk = self._source.read(_CHUNK)
            if not chunk:
                return False
            self._input = chunk.lstrip(b"\0")
        return True


class _Zstd:
    """Concatenated and skippable frames (zstd:chunked keeps its table of contents in skippable ones).

    The library does not tell a source that ended inside a frame from one that ended after it. What is missing then is
    found one step later: by a layer's diff_id, and in an archive by the tar reader.
    """

    def __init__(self, source: ByteStream) -> None:
        import zstandard  # noqa: PLC0415 -- heavy, and only needed here

        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._reader = decompressor.stream_reader(source, read_size=_CHUNK, read_across_frames=True)  # type: ignore[arg-type]
        self._error = zstandard.ZstdError

    def read(self, size: int, /) -> bytes:
        """1 to `size` bytes, or none at the end. Raises DamagedError."""
        try:
            return self._reader.read(size)
        except self._error as error:
            raise DamagedError(f"the zstd data is damaged ({error})") from error


def _open_gzip(source: ByteStream) -> ByteStream:
    # Three times as fast as zlib, with the same checks of the header, the length and the checksum.
    from isal import igzip_lib  # noqa: PLC0415 -- heavy, and only needed here

    def new_decoder() -> _Decoder:
        return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

    errors = cast("tuple[type[Exception], ...]", (igzip_lib.error,))  # its stub takes the type for an instance
    return _Members(source, "gzip", new_decoder, errors)


def _open_xz(source: ByteStream) -> ByteStream:
    import lzma  # noqa: PLC0415 -- rare

    def new_decoder() -> _Decoder:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    return _Members(source, "xz", new_decoder, (lzma.LZMAError,))


def _open_bzip2(source: ByteStream) -> ByteStream:
    import bz2  # noqa: PLC0415 -- rare

    return _Members(source, "bzip2", bz2.BZ2Decompressor, (OSError,))


NONE: Final = Compression("none", (".tar",), re.compile(b""), lambda source: source)
GZIP: Final = Compression("gzip", (".tar.gz", ".tgz"), re.compile(rb"\x1f\x8b\x08"), _open_gzip, of_layers=True)
# A zstd file may begin with a skippable frame (zstd format, RFC 8878 3.1.2), as pzstd's do.
_ZSTD_MAGIC: Final = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
ZSTD: Final = Compression("zstd", (".tar.zst", ".tzst", ".tar.zstd"), _ZSTD_MAGIC, _Zstd, of_layers=True)
# "BZh" and a digit could begin the name of a tar's first file, so the first block's own magic is looked at too: that of
# compressed content or that of the end.
_BZIP2_MAGIC: Final = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
COMPRESSIONS: Final = (
    GZIP,
    ZSTD,
    Compression("xz", (".tar.xz", ".txz"), re.compile(rb"\xfd7zXZ\0"), _open_xz),
    Compression("bzip2", (".tar.bz2", ".tbz2", ".tbz"), _BZIP2_MAGIC, _open_bzip2),
)
# What the name of a tar archive ends in, compressed or not.
TAR_ENDINGS: Final = tuple(ending for row in (NONE, *COMPRESSIONS) for ending in row.endings)


def detect(head: bytes) -> Compression:
    """The compression of what begins with `head` (ten bytes are enough); NONE if it is none of the known ones."""
    return next((row for row in COMPRESSIONS if row.magic.match(head)), NONE)


def compression_of(source: ByteStream) -> Compression:
    """The compression of what `source` begins with, of which at most ten bytes are read."""
    return detect(read_up_to(source, _HEAD))


def decompress(source: ByteStream) -> tuple[Compression, ByteStream]:
    """What `source` is compressed with, and a stream of its uncompressed bytes.

    The stream's `read(n)` gives 1 to n bytes, or none at the end, and raises DamagedError for damaged and for
    truncated data (but see _Zstd). What it needs does not depend on the content: at most 128 MiB, for zstd's largest
    window.
    """
    head = read_up_to(source, _HEAD)
    compression = detect(head)
    return compression, compression.open(_Prefixed(head, source))
