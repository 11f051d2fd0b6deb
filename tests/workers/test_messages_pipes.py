import os
import threading

import pytest

from bundler.workers.messages import read_exactly, write_all


def test_reading_exactly_takes_as_many_reads_as_it_needs() -> None:
    read, write = os.pipe()
    for _ in range(20):
        os.write(write, b"12345")
    os.close(write)
    assert read_exactly(read, 99) == (b"12345" * 20)[:99]
    with pytest.raises(EOFError):
        read_exactly(read, 2)
    os.close(read)


def test_writing_all_takes_as_many_writes_as_it_needs() -> None:
    read, write = os.pipe()
    writer = threading.Thread(target=write_all, args=(write, bytes(300_000)))
    writer.start()
    assert read_exactly(read, 300_000) == bytes(300_000)
    writer.join()
    os.close(read)
    os.close(write)
