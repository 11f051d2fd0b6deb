"""How much layers may ask for, counted while they are read."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bundler.archives.entry import DIRECTORY, Entry, FileBatch
from bundler.errors import LayerError
from bundler.limits import DEFAULTS, RATIO_COUNTS_FROM, Limits
from bundler.rootfs.usage import Usage
from tests.support.layers import layer
from tests.support.tarballs import file

LIMITS = replace(DEFAULTS, unpacked_size=1 << 20, entries=3, compression_ratio=10, path_length=10)
NAME = "layer 1"


def entry(name: bytes) -> Entry:
    return Entry(name, DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, 0, b"")


def batch(*names: bytes) -> FileBatch:
    return FileBatch(b"d", [(name, 0o644, 0, 0, 0, 0, 0, "") for name in names])


def usage(limits: Limits = LIMITS) -> Usage:
    return Usage(limits, [layer(file("a"))])


def count(usage: Usage) -> None:
    for _ in range(3):
        usage.count(NAME, 1 << 19)


def admit(usage: Usage) -> None:
    for _ in range(4):
        usage.admit(NAME, entry(b"a"))


TOO_MUCH: dict[str, tuple[Callable[[Usage], object], str]] = {
    "unpacked_size": (count, "unpack to more than"),
    "compression_ratio": (lambda usage: usage.weigh(NAME, RATIO_COUNTS_FROM + 1, RATIO_COUNTS_FROM // 11), "10 times"),
    "entries": (admit, "more than 3 entries"),
    "path_length": (lambda usage: usage.admit(NAME, entry(b"a" * 11)), "11 bytes, over 10"),
}
TOO_MANY_IN_A_BATCH: dict[str, FileBatch] = {
    "entries": batch(b"a", b"b", b"c", b"e"),
    "path_length": batch(b"a", b"long-name", b"b"),
}


@pytest.mark.parametrize("limit", TOO_MUCH)
def test_too_much_is_refused_with_the_limit_to_raise(limit: str) -> None:
    ask, says = TOO_MUCH[limit]
    with pytest.raises(LayerError, match=f"^{NAME}: .*{says}") as refused:
        ask(usage())
    assert f"--limit {limit.replace('_', '-')}" in str(refused.value.hint)
    ask(usage(DEFAULTS))


@pytest.mark.parametrize("limit", TOO_MANY_IN_A_BATCH)
def test_a_batch_of_files_counts_as_each_of_them(limit: str) -> None:
    with pytest.raises(LayerError, match=f"^{NAME}: ") as refused:
        usage().admit(NAME, TOO_MANY_IN_A_BATCH[limit])
    assert f"--limit {limit.replace('_', '-')}" in str(refused.value.hint)


def test_layers_that_are_too_large_as_they_are_stored_are_not_read() -> None:
    with pytest.raises(LayerError, match="already as they are stored"):
        usage(replace(LIMITS, unpacked_size=5))
