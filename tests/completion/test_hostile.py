"""What a completion reads may be anybody's: it offers what it can, in bounded time and memory, and is silent."""

import gzip
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.completion.documents import load
from bundler.completion.stored_images import listed, names_in_archive
from tests.support.command import call_bundler
from tests.support.compressors import COMPRESSORS
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.tarballs import file, tarball

DEEP = b"[" * 100_000


def offered(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    more = {"_BUNDLER_COMPLETE": "bash", "BUNDLER_STORE": str(folder)} | environment
    return call_bundler(line, " :=", cwd=folder, env=more)


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b"{}" + b" " * (5 << 20),
        DEEP,
        b'{"manifests": {"a": 1}}',
        b'{"manifests": [null, 1, [], {"annotations": [], "platform": 1, "digest": {}}]}',
        b'{"manifests": [{"digest": "../../etc:passwd", "annotations": {"org.opencontainers.image.ref.name": 7}}]}',
    ],
    ids=range(10),
)
def test_a_store_that_is_none_offers_nothing_and_says_nothing(index: bytes, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(index)
    for line in ("bundler rm ", "bundler build a --platform linux/am"):
        done = offered(line, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split() == (["linux/amd64"] if "platform" in line else [])


def test_names_that_would_move_the_cursor_or_end_the_line_are_not_offered(tmp_path: Path) -> None:
    names = ["a\nb", "a\x1b[2J", "a\tb", "a\u202eb", "a\ud800", "a" * 2000, "a:1"]
    entries = [{"annotations": {"org.opencontainers.image.ref.name": name}} for name in names]
    (tmp_path / "index.json").write_text(json.dumps({"manifests": entries}))
    (tmp_path / "b\nc").write_text("")
    assert offered("bundler rm ", tmp_path).stdout == "\na:1\n"
    assert offered("bundler overrides check b", tmp_path).stdout == "\n"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("index.json", "image.tar", "compose.yaml"):
        os.mkfifo(tmp_path / name)
    assert listed(tmp_path) == []
    assert names_in_archive(str(tmp_path / "image.tar")) == []
    for line in ("bundler rm ", "bundler build ./image.tar:", "bundler overrides from-compose compose.yaml "):
        assert offered(line, tmp_path).stdout == "\n"


def test_a_device_is_not_read(tmp_path: Path) -> None:
    assert load("/dev/zero") is None
    assert names_in_archive("/dev/zero") == []


@pytest.mark.parametrize("compress", [bytes, *COMPRESSORS.values()])
def test_an_archive_is_read_whatever_it_is_compressed_with(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(compress(archive_of(docker_files({"web:1": sample(), "": sample()}))))
    assert names_in_archive(str(tmp_path / "image.tar")) == ["web:1"]


def test_images_without_names_are_offered_by_position(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(archive_of(docker_files({"": sample()})))
    assert names_in_archive(str(tmp_path / "image.tar")) == ["@0"]


def test_a_damaged_archive_has_no_names(tmp_path: Path) -> None:
    whole = archive_of(docker_files({"web:1": sample()}))
    for at in range(0, len(whole), 509):
        (tmp_path / "image.tar").write_bytes(whole[:at])
        assert names_in_archive(str(tmp_path / "image.tar")) in ([], ["web:1"], ["@0"])
        (tmp_path / "image.tar").write_bytes(gzip.compress(whole, 1)[: at // 3])
        assert names_in_archive(str(tmp_path / "image.tar")) in ([], ["web:1"], ["@0"])


@pytest.mark.slow
def test_a_bomb_is_read_at_its_beginning_only(tmp_path: Path) -> None:
    manifest = file("manifest.json", json.dumps([{"RepoTags": ["late:1"]}]))
    bomb = tarball(file("zeros", bytes(80 << 20)), manifest)
    (tmp_path / "image.tar").write_bytes(gzip.compress(bomb, 1))
    assert names_in_archive(str(tmp_path / "image.tar")) == []
    (tmp_path / "image.tar").write_bytes(bomb)  # where it is passed over without reading
    assert names_in_archive(str(tmp_path / "image.tar")) == ["late:1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "services: 1",
        "services: {a: !x 1}",
        "&a [*a]",
        pytest.param("a: b\n" * 50_000, id="one key for ever"),
    ],
)
def test_a_compose_file_that_is_none_has_no_services(text: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    done = offered("bundler overrides from-compose compose.yaml ", tmp_path)
    assert done.stderr == ""
    assert done.stdout.split() in ([], ["a"])


@pytest.mark.parametrize("shell", ["", "tcsh", "complete_bash", "bash_source"])
def test_a_shell_that_is_not_known_gets_no_answer(shell: str, tmp_path: Path) -> None:
    done = offered("bundler bu", tmp_path, _BUNDLER_COMPLETE=shell)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_what_only_the_shell_can_expand_is_left_to_it(tmp_path: Path) -> None:
    assert offered("bundler build $HOME/", tmp_path).returncode == 1
