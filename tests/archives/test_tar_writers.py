"""Archives as other programs write them."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tar_reading import contents, read

FORMATS = {"USTAR": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT}
NAMES = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=150).filter(
    lambda name: name.strip("/") == name
)


@pytest.mark.slow
@given(st.sampled_from(["GNU", "PAX"]), NAMES, NAMES, st.binary(max_size=700), st.integers(0, 2**31))
def test_what_python_writes_is_read(dialect: str, name: str, link_name: str, content: bytes, number: int) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=FORMATS[dialect]) as writer:
        info = tarfile.TarInfo(name)
        info.size, info.uid, info.mtime = len(content), number, 3 * number
        writer.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, link_name
        writer.addfile(link)
    (entry, stored), (symlink_entry, _) = read(archive.getvalue())
    assert (entry.name, stored, entry.uid, entry.mtime) == (name.encode(), content, number, 3 * number * 10**9)
    assert symlink_entry.link_name == link_name.encode()


@pytest.mark.tool("tar")
@pytest.mark.parametrize(
    "options",
    [
        ["--format=v7"],
        ["--format=oldgnu"],
        ["--format=gnu"],
        ["--format=ustar"],
        ["--format=posix"],
        ["--format=gnu", "--sparse"],
        ["--format=posix", "--sparse", "--sparse-version=0.0"],
        ["--format=posix", "--sparse", "--sparse-version=0.1"],
        ["--format=posix", "--sparse", "--sparse-version=1.0"],
    ],
    ids=" ".join,
)
def test_what_gnu_tar_writes_is_read(tmp_path: Path, options: list[str]) -> None:
    with (tmp_path / "holes").open("wb") as holes:
        for at in range(0, 3_000_000, 100_000):
            holes.seek(at)
            holes.write(b"piece %d" % at)
        holes.truncate(4_000_000)
    command = ["tar", "--create", f"--directory={tmp_path}", *options, "holes"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    ((entry, stored),) = read(archive)
    assert (entry.name, entry.size) == (b"holes", 4_000_000)
    whole = contents(entry, stored) if entry.sparse is not None else stored
    assert whole == (tmp_path / "holes").read_bytes()
    assert (len(stored) < 1_000_000) == ("--sparse" in options)
