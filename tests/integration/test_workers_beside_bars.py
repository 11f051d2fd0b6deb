"""Workers are started while a bar is drawn, and a terminal of any kind is left with the results alone."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.command import call_bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.tarballs import file, tarball
from tests.support.terminal import on_a_terminal, screen

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]
NOISE = os.urandom(6_000_000)
IMAGE = sample(*(tarball(file(f"{each}", NOISE[each:])) for each in range(2)))
STRICT = [sys.executable, "-W", "error", "-X", "dev", "-m", "bundler"]
WORK = {
    "build oci:layout --output bundle": ["unpacking 2 layers"],
    "pack bundle --output bundle.tar.zst": ["packing bundle.tar.zst"],
    "verify bundle.tar.zst": ["verifying bundle.tar.zst"],
    "unpack bundle.tar.zst --output again": ["unpacking bundle.tar.zst"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))
    return tmp_path


def percents(shown: str) -> list[int]:
    return [int(number) for number in re.findall(r"([0-9]+) %", shown)]


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_a_terminal_is_left_with_the_results(folder: Path, columns: int) -> None:
    for words, steps in WORK.items():
        status, shown = on_a_terminal(*STRICT, *words.split(), columns=columns, cwd=folder)
        assert status == 0, shown
        assert "Warning" not in shown
        assert len(screen(shown)) == 2  # the result, and the empty line behind it
        assert ("ok: " in shown) is words.startswith("verify")
        drawn = {line.rpartition("\r")[2] for line in re.split(r"(?=\r)", shown)}
        assert max(len(line) for line in drawn if "%" in line) < columns
        assert percents(shown) == sorted(percents(shown))
        assert percents(shown)[0] == 0
        assert percents(shown)[-1] <= 100
        if columns == 80:
            assert [line for line in drawn if "%" in line and not line.startswith(tuple(steps))] == []


def test_a_dumb_terminal_gets_lines(folder: Path) -> None:
    status, shown = on_a_terminal(*STRICT, "build", "oci:layout", "-o", "bundle", cwd=folder, env={"TERM": "dumb"})
    assert status == 0, shown
    assert "\r" not in shown.replace("\r\n", "\n")
    begin, *_, end, result, _ = screen(shown)
    assert begin == "bundler: unpacking 2 layers: 11.4 MiB"
    assert end.startswith("bundler: unpacking 2 layers: done, 11.4 MiB in ")
    assert result == "bundle"


def test_lines_that_are_asked_for_go_where_the_errors_go(folder: Path) -> None:
    done = call_bundler("build", "oci:layout", "-o", "bundle", "--progress", "plain", cwd=folder)
    assert done.stdout == "bundle\n"
    assert done.stderr.startswith("bundler: unpacking 2 layers: 11.4 MiB\n")


@pytest.mark.parametrize("words", [["--quiet"], ["--progress", "none"]], ids=" ".join)
def test_none_is_none(folder: Path, words: list[str]) -> None:
    assert on_a_terminal(*STRICT, "build", "oci:layout", "-o", "bundle", *words, cwd=folder) == (0, "bundle\r\n")


def test_how_it_is_shown_leaves_no_trace_in_a_bundle(folder: Path) -> None:
    for form in ("bar", "plain", "none"):
        assert on_a_terminal(*STRICT, "build", "oci:layout", "-o", form, "--progress", form, cwd=folder)[0] == 0
        for name in ("bundler.json", "config.json", "rootfs.mtree"):
            assert (folder / form / name).read_bytes() == (folder / "bar" / name).read_bytes()
