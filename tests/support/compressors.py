"""What compresses the bytes of tests, by the name of the compression in bundler's own table."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import Final

import zstandard

from bundler.archives.compression import COMPRESSIONS

Compress = Callable[[bytes], bytes]

COMPRESSORS: Final[dict[str, Compress]] = {
    "gzip": lambda content: gzip.compress(content, 6, mtime=0),  # the highest level takes twice as long
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
OF_LAYERS: Final = ["none", *(row.name for row in COMPRESSIONS if row.of_layers)]
