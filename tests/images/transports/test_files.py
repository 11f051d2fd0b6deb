import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import ImageError
from bundler.images.transports.files import components, open_folder, read_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file and everything that must not be opened."""
    inside = tmp_path / "inside"
    (inside / "blobs").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (inside / "blobs/file").write_bytes(b"content")
    (inside / "link").symlink_to("blobs/file")
    (inside / "out").symlink_to(tmp_path)
    (inside / "dangling").symlink_to("nowhere")
    os.mkfifo(inside / "fifo")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(inside / "socket"))
    return inside


def test_a_file_is_read(folder: Path) -> None:
    with open_folder(folder) as files:
        assert files.has("blobs/file")
        assert files.size("blobs/file") == 7
        assert read_file(files, "./blobs//file", 7) == b"content"


def test_two_readers_of_one_file_do_not_disturb_each_other(folder: Path) -> None:
    with open_folder(folder) as files, files.open("blobs/file") as one, files.open("blobs/file") as other:
        assert [one.read(3), other.read(4), one.read(99), other.read(99), one.read(1)] == [
            b"con",
            b"cont",
            b"tent",
            b"ent",
            b"",
        ]


def test_a_file_above_the_limit_is_refused(folder: Path) -> None:
    with open_folder(folder) as files, pytest.raises(ImageError, match="7 bytes are more than the 6 bytes allowed"):
        read_file(files, "blobs/file", 6)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone", "does not exist"),
        ("gone/file", "does not exist"),
        ("blobs", "is a folder, not a file"),
        ("fifo", "is a fifo, not a file"),
        ("socket", "socket"),
        ("dangling", "does not exist"),
        ("out/secret", "is a symbolic link that leads out of the image"),
        ("blobs/file/x", "is not reached through folders only"),
        ("../secret", "no name of a file inside"),
        ("blobs/../../secret", "no name of a file inside"),
        ("/etc/passwd", "no name of a file inside"),
        ("", "no name of a file inside"),
        (".", "no name of a file inside"),
        ("a\0b", "no name of a file inside"),
        ("a" * 5000, "no name of a file inside"),
        ("a" * 300, "cannot be opened: File name too long"),
    ],
)
def test_what_is_no_file_of_the_image_is_never_opened(folder: Path, name: str, says: str) -> None:
    with open_folder(folder) as files, pytest.raises(ImageError) as raised:
        read_file(files, name, 100)
    assert says in raised.value.what
    assert raised.value.what.startswith(f"{folder}: ")


@pytest.mark.root
def test_a_device_is_never_opened(folder: Path) -> None:
    os.mknod(folder / "zero", 0o600 | 0o020000, os.makedev(1, 5))
    with open_folder(folder) as files, pytest.raises(ImageError, match="is a device, not a file"):
        read_file(files, "zero", 100)


def test_the_folder_itself_may_be_reached_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    with open_folder(tmp_path / "alias") as files:
        assert files.has("blobs/file")


def test_a_folder_stays_itself_when_another_takes_its_place(folder: Path, tmp_path: Path) -> None:
    with open_folder(folder) as files:
        folder.rename(tmp_path / "moved")
        (folder / "blobs").mkdir(parents=True)
        (folder / "blobs/file").write_bytes(b"swapped")
        assert read_file(files, "blobs/file", 100) == b"content"


def test_a_link_inside_is_followed(folder: Path) -> None:
    with open_folder(folder) as files:
        assert files.has("link")
        assert read_file(files, "link", 100) == b"content"


@pytest.mark.parametrize("name", ["gone", "inside/blobs/file"])
def test_what_is_no_folder_is_an_error(folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match=r"does not exist|not reached"), open_folder(tmp_path / name):
        pass


def test_a_refused_name_leaves_no_descriptor_open(folder: Path) -> None:
    with open_folder(folder) as files:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for name in ("gone", "fifo", "dangling", "out/secret", "blobs", "blobs/file/x"):
            with pytest.raises(ImageError):
                files.size(name)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@given(st.text(alphabet="ab./\0", max_size=12))
def test_a_name_never_leads_out(name: str) -> None:
    parts = components(name)
    if parts is not None:
        assert os.path.normpath("/top/" + name) == "/top/" + "/".join(parts)
