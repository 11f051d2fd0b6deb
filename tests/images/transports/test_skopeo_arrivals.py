import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.transports.layout import blob_name
from bundler.images.transports.skopeo import ALLOWANCE, Arrivals, Departures, at_most, exceeds, layers_of
from bundler.progress import rising

M = 1 << 20
SIZES = st.lists(st.integers(0, 10**12), max_size=8)


@given(SIZES, st.randoms())
def test_parts_of_what_was_stated_are_never_too_much(stated: list[int], chance: object) -> None:
    arrived = [chance.randint(0, size) for size in stated]  # type: ignore[attr-defined]
    chance.shuffle(arrived)  # type: ignore[attr-defined]
    assert not exceeds(arrived, stated)


@given(SIZES, SIZES)
def test_what_is_not_too_much_is_little_more_than_was_stated(arrived: list[int], stated: list[int]) -> None:
    if not exceeds(arrived, stated):
        assert sum(arrived) <= sum(stated) + len(arrived) * ALLOWANCE


@pytest.mark.parametrize(
    ("arrived", "stated", "too_much"),
    [
        ([], [], False),
        ([ALLOWANCE], [], False),  # a document
        ([ALLOWANCE + 1], [], True),
        ([100 * M], [100 * M], False),
        ([100 * M, 50 * M], [10, 1000 * M], True),  # one of the two is the small one, and it is too large
        ([100 * M, 50 * M], [60 * M, 1000 * M], False),
    ],
)
def test_the_largest_file_has_to_fit_the_largest_layer(
    arrived: list[int], stated: list[int], *, too_much: bool
) -> None:
    assert exceeds(arrived, stated) is too_much


def layer(content: bytes) -> Descriptor:
    return Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(content), len(content))


def test_layers_that_are_whole_count_as_well_as_those_that_come(tmp_path: Path) -> None:
    first, second = layer(b"first" * 100), layer(b"second" * 100)
    counts: list[int] = []
    (coming := tmp_path / "coming").mkdir()
    whole = tmp_path / blob_name(first.digest)
    whole.parent.mkdir(parents=True)
    arrivals = Arrivals([coming], rising(counts.append), layers_of("r/a:1", [first, second], tmp_path))

    assert not arrivals.look()
    (coming / "put").write_bytes(bytes(200))
    assert arrivals.look()
    assert not arrivals.look()
    (coming / "put").write_bytes(b"first" * 100)
    (coming / "put").rename(whole)
    (coming / "index.json").write_bytes(bytes(10_000))  # a document is no layer
    assert arrivals.look()
    assert sum(counts) == first.size + second.size


def test_a_layer_that_is_longer_than_it_was_said_to_be_is_refused(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], lambda _count: None, layers_of("r/a:1", [layer(b"x")], tmp_path))
    with (tmp_path / "put").open("wb") as file:
        file.truncate(ALLOWANCE + 2)
    with pytest.raises(ImageError, match="r/a:1: the registry sends more than the image states"):
        arrivals.look()


def test_an_image_that_states_nothing_before_it_comes_is_held_to_the_limit(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path, tmp_path / "not begun"], lambda _count: None, at_most("docker-daemon:a:1", 100))
    (tmp_path / "a").write_bytes(bytes(100))
    assert arrivals.look()
    (tmp_path / "b").write_bytes(bytes(1))
    with pytest.raises(ImageError, match="more than the 100 bytes") as raised:
        arrivals.look()
    assert "--limit unpacked-size" in (raised.value.hint or "")


def test_what_a_program_has_written_is_on_its_way() -> None:
    counts: list[int] = []
    departures = Departures(counts.append)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for content, expected in ((b"abc" * 100, [300]), (b"a", [300]), (b"abc" * 200, [300, 901])):
            program.stdin.write(content)
            program.stdin.flush()
            program.stdout.read(len(content))
            assert departures.look(program.pid) == (len(content) > 1)  # a byte is what a runtime wakes itself with
            assert counts == expected
            assert not departures.look(program.pid)


def test_where_the_kernel_does_not_tell_no_registry_is_taken_to_be_silent() -> None:
    assert Departures(lambda _count: None).look(1 << 30)
