"""Whatever is where a file is expected, opening it ends: in its content, or in a refusal that says what it is."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bundler import input_files
from bundler.input_files import InputError, open_below, read_inside, read_named

LIMIT = 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "folder"
    place.mkdir()
    (place / "file").write_bytes(b"content")
    (place / "below").mkdir()
    (place / "below/file").write_bytes(b"content")
    (place / "link").symlink_to("file")
    (place / "away").symlink_to("below")
    (place / "zero").symlink_to("/dev/zero")
    (place / "large").write_bytes(b"x" * (LIMIT + 1))
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "socket"))
    return place


NO_FILES = {
    "gone": "does not exist",
    "gone/file": "does not exist",
    "file/x": "is not reached through folders only",
    ".": "is a folder, not a file",
    "socket": "is a socket or a device, not a file",
    "large": "has more than 100 bytes",
    "a\0b": "holds a NUL",
    "n" * 300: "cannot be opened: File name too long",
}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        *NO_FILES.items(),
        ("fifo", "is a fifo, not a file"),
        ("link", "is a symbolic link"),
        ("zero", "is a symbolic link"),
    ],
)
def test_inside_a_bundle_only_files_are_read(folder: Path, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_inside(folder / name, LIMIT)


def test_a_file_of_a_bundle_is_read_whole(folder: Path) -> None:
    assert read_inside(folder / "file", LIMIT) == read_inside(folder / "file", len(b"content")) == b"content"


@pytest.mark.parametrize("parts", [["link"], ["away", "file"], ["fifo"], ["below"], ["zero"], ["file", "x"]])
def test_no_part_of_a_path_inside_an_image_is_a_link(folder: Path, parts: list[str]) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with pytest.raises(InputError):
            open_below(descriptor, parts)
        os.close(open_below(descriptor, ["below", "file"]))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("name", "says"), [*NO_FILES.items(), ("zero", "is a device, not a file")])
def test_what_a_person_names_is_a_file_or_a_pipe(folder: Path, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_named(folder / name, LIMIT)


def test_what_a_person_names_may_be_reached_by_links(folder: Path) -> None:
    assert read_named(folder / "link", LIMIT) == read_named(folder / "away/file", LIMIT) == b"content"


def test_a_fifo_that_no_program_writes_to_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "_PATIENCE", 10)
    with pytest.raises(InputError, match="is a fifo that no program writes to"):
        read_named(folder / "fifo", LIMIT)


def test_what_a_file_names_is_no_pipe(folder: Path) -> None:
    with pytest.raises(InputError, match="is a fifo, not a file"):
        read_named(folder / "fifo", LIMIT, pipe=False)


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_a_fifo_is_read_to_its_end(folder: Path, size: int) -> None:
    writer = threading.Thread(target=(folder / "fifo").write_bytes, args=(b"x" * size,))
    writer.start()
    try:
        assert read_named(folder / "fifo", LIMIT) == b"x" * size
    finally:
        writer.join()


def test_a_fifo_without_end_is_read_to_the_limit(folder: Path) -> None:
    program = f"exec cat /dev/zero >{shlex.quote(str(folder / 'fifo'))}"
    with (
        subprocess.Popen(["sh", "-c", program], stderr=subprocess.DEVNULL),  # ended by SIGPIPE
        pytest.raises(InputError, match="has more than 100 bytes"),
    ):
        read_named(folder / "fifo", LIMIT)


@pytest.mark.parametrize(("writer", "content"), [("echo a; echo b", b"a\nb\n"), ("true", b"")])
def test_a_shells_pipe_is_read(writer: str, content: bytes) -> None:
    read = f"sys.stdout.buffer.write(read_request(sys.argv[1], {LIMIT}))"
    program = f"import sys; from bundler.input_files import read_request; {read}"
    line = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(program)} <({writer})"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == content


@pytest.mark.root
def test_a_log_that_waits_for_more_is_refused() -> None:
    """It calls itself a regular file of no bytes."""
    with pytest.raises(InputError, match=r"has no end|cannot be opened|has more than"):
        read_named(Path("/proc/kmsg"), 16 << 20, pipe=False)


def test_the_device_that_holds_nothing_is_read_where_a_person_names_it() -> None:
    assert read_named(Path("/dev/null"), LIMIT) == b""
    with pytest.raises(InputError, match="is a device, not a file"):
        read_named(Path("/dev/null"), LIMIT, pipe=False)
