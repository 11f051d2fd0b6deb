"""zstd frames with an older file as their dictionary, which the content is nearly the same as."""

from typing import TYPE_CHECKING, Final

from bundler.archives.stream import Content, DamagedError
from bundler.deltas.format import MOST

if TYPE_CHECKING:
    from zstandard import ZstdCompressionDict

_SMALLEST_LOG: Final = 10  # zstd's least window
_LEAST_TABLE: Final = 17
_MOST_TABLE: Final = 21  # rows of four bytes, and there are up to four such tables: more would not fit into 96 MB
_BEST: Final = 16  # from here on zstd keeps a tree of all positions, of two numbers each, and much else


def compress(content: Content, known: bytes, level: int) -> bytes:
    """`content` as one zstd frame; `known` is its dictionary, without which it cannot be read."""
    import zstandard  # noqa: PLC0415 -- heavy, and only needed here

    # The window has to hold all of the content: what is behind it can no longer refer to the dictionary. The tables of
    # a level are made for less than a whole file as a dictionary: with them, most of it would be forgotten.
    window = max(_SMALLEST_LOG, (len(content) - 1).bit_length()) if content else _SMALLEST_LOG
    settings: dict[str, int] = {"window_log": window}
    if known or level >= _BEST:
        most = _MOST_TABLE
        table = min(most, max(_LEAST_TABLE, (len(known) or len(content)).bit_length()))
        settings |= {"hash_log": table, "chain_log": min(most, table + (level >= _BEST))}
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=len(content), dict_size=len(known), write_content_size=True, **settings
    )
    return zstandard.ZstdCompressor(compression_params=parameters, dict_data=_dictionary(known)).compress(content)


def decompress(frame: bytes, size: int, known: bytes) -> bytes:
    """The content of `frame`, which must be `size` bytes. Raises DamagedError if it is not."""
    import zstandard  # noqa: PLC0415 -- heavy, and only needed here

    try:
        # The library makes room for as many bytes as the frame says.
        if size > MOST or zstandard.frame_content_size(frame) != size:
            raise DamagedError("a frame is not of the size that is stated")
        decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary(known))
        content = decompressor.decompress(frame, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedError(f"the zstd data is damaged ({error})") from error
    if len(content) != size:
        raise DamagedError("a frame is not of the size that is stated")
    return content


def _dictionary(known: bytes) -> "ZstdCompressionDict | None":
    import zstandard  # noqa: PLC0415 -- as above

    return zstandard.ZstdCompressionDict(known, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if known else None
