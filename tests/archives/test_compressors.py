"""What is compressed comes out again, and how many processors there are shows nowhere."""

import gzip
import io
import random
import subprocess

import pytest

from bundler.archives import compressors
from bundler.archives.compression import decompress
from bundler.archives.compressors import GZIP, PLAIN, ZSTD, Compressing

ROWS = [PLAIN, GZIP, ZSTD]
BYTES = random.Random(1)  # noqa: S311 -- bytes that compress a little, the same each time
CONTENT = b"".join(BYTES.randbytes(300) * BYTES.randint(1, 9) for _ in range(5_000))


def compressed(row: Compressing, content: bytes, step: int = 1 << 20, level: int | None = None) -> bytes:
    compressor = row.start(row.usual if level is None else level)
    parts = [compressor.compress(content[at : at + step]) for at in range(0, len(content), step)]
    return b"".join(parts) + compressor.flush()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.format.name)
@pytest.mark.parametrize("size", [0, 1, (1 << 19) - 1, 1 << 19, (1 << 19) + 1, len(CONTENT)])
def test_what_was_compressed_comes_out(row: Compressing, size: int) -> None:
    found, stream = decompress(io.BytesIO(compressed(row, CONTENT[:size])))
    assert found.name == row.format.name or not size
    parts = []
    while part := stream.read(1 << 20):
        parts.append(part)
    assert b"".join(parts) == CONTENT[:size]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.format.name)
def test_processors_and_portions_do_not_show(row: Compressing, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = compressed(row, CONTENT)
    for processors, step in ((1, 1000), (2, 1 << 16), (7, 1 << 24)):
        monkeypatch.setattr(compressors, "_processors", lambda count=processors: count)
        assert compressed(row, CONTENT, step) == expected


@pytest.mark.parametrize("level", [1, 9])
def test_gzip_gives_one_member_without_name_and_time(level: int) -> None:
    zipped = compressed(GZIP, CONTENT, level=level)
    assert zipped[3:9] == bytes(6)
    assert gzip.decompress(zipped) == CONTENT
    assert len(zipped) < len(gzip.compress(CONTENT, level)) * 1.01


@pytest.mark.tool("gzip")
def test_the_program_gzip_finds_nothing_wrong() -> None:
    done = subprocess.run(["gzip", "-t"], input=compressed(GZIP, CONTENT), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
