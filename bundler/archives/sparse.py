"""Maps of sparse files: which pieces of a file the archive holds (GNU tar manual, "Storing Sparse Files")."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from bundler.archives.entry import Entry, is_gnu, parse_number
from bundler.archives.pax import parse_decimal, parse_name
from bundler.archives.stream import DamagedError

# One piece takes at least four bytes of a map, so a map of this size cannot fill the memory.
LARGEST_MAP: Final = 1 << 20
_BLOCK: Final = 512
_PAIR: Final = 24  # twelve bytes of offset and twelve of length
_IN_HEADER: Final = 4
_IN_EXTENSION: Final = 21

Pairs = list[tuple[int, int]]


def read_old_map(entry: Entry, header: bytes, read_block: Callable[[], bytes]) -> Pairs:
    """The map of GNU's old format: four pieces in the header, the rest in blocks between header and content."""
    if not is_gnu(header):
        raise DamagedError("a sparse file of the old format has no GNU header")
    pairs = list(_old_pairs(header, 386, _IN_HEADER))
    extended = header[482]
    blocks = 0
    while extended:
        blocks += 1
        if blocks * _BLOCK > LARGEST_MAP:
            raise DamagedError("the map of a sparse file is too large")
        block = read_block()
        pairs += _old_pairs(block, 0, _IN_EXTENSION)
        extended = block[504]
    entry.offset += blocks * _BLOCK
    entry.size = parse_number(header[483:495])
    return pairs


def _old_pairs(block: bytes, start: int, count: int) -> Iterator[tuple[int, int]]:
    for at in range(start, start + count * _PAIR, _PAIR):
        if block[at] == 0:
            return
        yield parse_number(block[at : at + 12]), parse_number(block[at + 12 : at + 24])


def read_pax_map(entry: Entry, records: dict[bytes, bytes], read_block: Callable[[], bytes]) -> Pairs | None:
    """The map of GNU's PAX formats, or None if the records speak of none.

    Formats 0.0 and 0.1 have it in a record, 1.0 as decimal lines in front of the content. Go's reader takes the size
    from the record of either format, a record without a value for none, and how many pieces there are as a check.
    """
    version = records.get(b"GNU.sparse.major") or None, records.get(b"GNU.sparse.minor") or None
    in_record = records.get(b"GNU.sparse.map")
    if version == (None, None) and not in_record:
        return None
    if version == (b"1", b"0"):
        numbers = _read_lines(entry, read_block)
    elif version in ((None, None), (b"0", b"0"), (b"0", b"1")):
        numbers = [parse_decimal(number) for number in in_record.split(b",")] if in_record else []
        if len(numbers) != 2 * parse_decimal(records.get(b"GNU.sparse.numblocks", b"")):
            raise DamagedError("the map of a sparse file has not as many pieces as it states")
    else:
        raise DamagedError("a sparse file is in an unknown format")
    size = records.get(b"GNU.sparse.size") or records.get(b"GNU.sparse.realsize")
    if not size:
        raise DamagedError("a sparse file does not say its size")
    entry.size = parse_decimal(size)
    if name := records.get(b"GNU.sparse.name"):
        entry.name = parse_name(name)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _read_lines(entry: Entry, read_block: Callable[[], bytes]) -> list[int]:
    """The numbers of a 1.0 map: how many pairs, then the pairs, one number per line, padded to a block."""
    blocks: list[bytes] = []
    lines, wanted = 0, 1
    while lines < wanted:
        if (len(blocks) + 1) * _BLOCK > min(entry.stored_size, LARGEST_MAP):
            raise DamagedError("the map of a sparse file is too large or cut off")
        blocks.append(read_block())
        lines += blocks[-1].count(b"\n")
        if len(blocks) == 1:
            wanted += 2 * parse_decimal(blocks[0].partition(b"\n")[0])
    text = b"".join(blocks)
    entry.offset += len(text)
    entry.stored_size -= len(text)
    return [parse_decimal(line) for line in text.split(b"\n")[1:wanted]]


def set_map(entry: Entry, pairs: Pairs) -> None:
    """Give `entry` its map once it holds: in order, inside the file, and as much as is stored. Raises DamagedError."""
    ends = [(start, start + length) for start, length in pairs]
    if any(start < 0 or end < start for start, end in ends):
        raise DamagedError("the map of a sparse file has negative numbers")
    if any(before[1] > after[0] for before, after in pairwise(ends)) or (ends and ends[-1][1] > entry.size):
        raise DamagedError("the pieces of a sparse file overlap or lie outside it")
    if entry.size < 0:
        raise DamagedError("a sparse file has a negative size")
    if sum(length for _, length in pairs) != entry.stored_size:
        raise DamagedError("the map of a sparse file does not match its content")
    entry.sparse = tuple(pair for pair in pairs if pair[1])
