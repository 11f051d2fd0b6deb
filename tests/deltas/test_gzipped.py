"""Files that gzip has written are carried as text by `delta --best`, where gzip makes the same of it again."""

import gzip
import hashlib
import random
import subprocess
from pathlib import Path

import pytest

from bundler.deltas.applying import apply
from bundler.deltas.format import LENGTH, MAGIC
from bundler.deltas.gzip_program import fingerprint, put_together
from bundler.deltas.gzipped import take_apart, text_of
from bundler.deltas.writing import BEST, delta
from bundler.errors import ToolError
from bundler.packing.packing import pack
from tests.support.bundles import make_bundle
from tests.support.command import call_bundler
from tests.support.deltas import written
from tests.support.tarballs import file

pytestmark = [pytest.mark.root, pytest.mark.tool("gzip")]

WORDS = [hashlib.sha256(b"%d" % number).hexdigest()[:10] for number in range(300)]


def text(seed: int, words: int) -> bytes:
    return " ".join(random.Random(seed).choices(WORDS, k=words)).encode()  # noqa: S311 -- the same each time


def compressed(content: bytes, *options: str) -> bytes:
    return subprocess.run(
        ["gzip", *(options or ("-9n",)), "-c"], input=content, stdout=subprocess.PIPE, check=True
    ).stdout


@pytest.mark.parametrize("words", [1, 100, 20_000])
def test_what_gzip_wrote_is_made_again(words: int) -> None:
    content = compressed(text(1, words))
    parts = take_apart(content, put_together)
    assert parts is not None
    assert parts.text == text(1, words)
    assert put_together(parts) == content


def test_the_name_and_the_time_in_a_header_stay(tmp_path: Path) -> None:
    (tmp_path / "page.1").write_bytes(text(1, 100))
    subprocess.run(["gzip", "-9", "page.1"], cwd=tmp_path, check=True)
    content = (tmp_path / "page.1.gz").read_bytes()
    parts = take_apart(content, put_together)
    assert parts is not None
    assert parts.header.endswith(b"page.1\0")
    assert put_together(parts) == content


WHOLE = compressed(text(1, 100))
OTHERS = {
    "nothing": b"",
    "no gzip": b"text",
    "a header alone": WHOLE[:10],
    "the end is missing": WHOLE[:-3],
    "something behind": WHOLE + b"x",
    "two of them": WHOLE * 2,
    "another level": compressed(text(1, 20_000), "-1n"),
    "another program": gzip.compress(text(1, 20_000), mtime=0),
    "a damaged byte": WHOLE[:50] + bytes([WHOLE[50] ^ 1]) + WHOLE[51:],
    "an empty file": compressed(b""),
    "a name without end": WHOLE[:3] + b"\x08" + WHOLE[4:],
}


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_is_carried_as_it_is(name: str) -> None:
    assert take_apart(OTHERS[name], put_together) is None


def test_no_more_is_decompressed_than_is_asked_for() -> None:
    assert text_of(compressed(bytes(50_000_000)), 1000) == bytes(1000)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Bundles with pages that gzip has written, of which one line has changed."""
    pages = {f"man/{number}.gz": text(number, 3000) for number in range(12)}
    old = make_bundle(tmp_path / "old/b", *(file(name, compressed(page)) for name, page in pages.items()))
    changed = {name: b"a line\n" + page for name, page in pages.items()} | {"man/new.gz": text(99, 3000)}
    new = make_bundle(tmp_path / "new/b", *(file(name, compressed(page)) for name, page in changed.items()))
    return old, new


def test_of_a_page_the_line_that_changed_is_carried(sides: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = sides
    usual, best = (delta(old, new, tmp_path / f"d{level}", level=level).size for level in (9, BEST))
    assert best < usual / 6
    apply(tmp_path / f"d{BEST}", old, tmp_path / "out.tar")
    assert (tmp_path / "out.tar").read_bytes() == pack(new, tmp_path / "new.tar").path.read_bytes()


def test_where_gzip_is_missing_nothing_is_done(sides: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = sides
    delta(old, new, tmp_path / "d", level=BEST)
    (tmp_path / "bin").mkdir()
    done = call_bundler("apply", tmp_path / "d", old, "-o", tmp_path / "out", env={"PATH": str(tmp_path / "bin")})
    assert (done.returncode, "apt install gzip" in done.stderr) == (5, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_another_gzip_is_found_out_before_anything_is_done(sides: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = sides
    whole = delta(old, new, tmp_path / "d", level=BEST).path.read_bytes()
    (length,) = LENGTH.unpack(whole[len(MAGIC) : len(MAGIC) + LENGTH.size])
    document = whole[len(MAGIC) + LENGTH.size :][:length]
    (tmp_path / "d").write_bytes(written(document.replace(fingerprint().encode(), b"0" * 64)))
    with pytest.raises(ToolError, match="gzip makes other bytes"):
        apply(tmp_path / "d", old, tmp_path / "out")
    assert not (tmp_path / "out").exists()
