"""What the writer says, our reader and GNU tar understand, also where ustar has no room for it."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.archives import tar_writer
from bundler.archives.entry import CHARACTER_DEVICE, DIRECTORY, FIFO, HARD_LINK, REGULAR, SYMLINK, Entry
from bundler.archives.tar_writer import END, UnwritableError, encode_entry, padding
from tests.support.tar_reading import contents, read

S = 10**9
FILE = Entry(
    name=b"./f",
    kind=REGULAR,
    mode=0o644,
    uid=0,
    gid=0,
    size=0,
    stored_size=0,
    offset=0,
    mtime=S,
    atime=S,
    link_name=b"",
)
ENTRIES = {
    "a plain file": FILE,
    "a directory": replace(FILE, name=b"./d/", kind=DIRECTORY, mode=0o1777),
    "the root": replace(FILE, name=b"./", kind=DIRECTORY, mode=0o700),
    "a symlink": replace(FILE, kind=SYMLINK, mode=0o777, link_name=b"to"),
    "a symlink that leads far": replace(FILE, kind=SYMLINK, mode=0o777, link_name=b"x" * 1000),
    "a hard link": replace(FILE, kind=HARD_LINK, link_name=b"./g"),
    "a fifo": replace(FILE, kind=FIFO),
    "a device": replace(FILE, kind=CHARACTER_DEVICE, device=(4095, (1 << 20) - 1)),
    "a setuid file of somebody": replace(FILE, mode=0o4755, uid=8**7, gid=(1 << 32) - 2),
    "the largest owner that fits": replace(FILE, uid=8**7 - 1, gid=8**7 - 1),
    "a name of 100 bytes": replace(FILE, name=b"n" * 100),
    "a name of 101 bytes": replace(FILE, name=b"n" * 101),
    "a name that is no text": replace(FILE, name=b"\xff\n" + b"n" * 200),
    "a fraction of a second": replace(FILE, mtime=S + 1, atime=S + 1),
    "a time before 1970": replace(FILE, mtime=-3 * S // 2, atime=-3 * S // 2),
    "a moment before 1970": replace(FILE, mtime=-1, atime=-1),
    "a far future": replace(FILE, mtime=8**11 * S, atime=8**11 * S),
    "attributes": replace(FILE, xattrs={b"user.b": b"\n\0=", b"user.a": b"x" * 5000}),
}


def archive(*entries: tuple[Entry, bytes]) -> bytes:
    return b"".join(encode_entry(entry) + content + padding(len(content)) for entry, content in entries) + END


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_written_is_read(name: str) -> None:
    entry = ENTRIES[name]
    ((found, _),) = read(archive((entry, b"")))
    assert replace(found, offset=0) == entry


@pytest.mark.parametrize("name", ENTRIES)
def test_the_quick_way_gives_the_same_header(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = encode_entry(ENTRIES[name])
    monkeypatch.setattr(tar_writer, "_usual", lambda _entry: None)
    assert encode_entry(ENTRIES[name]) == quick


def test_content_follows_and_is_padded() -> None:
    files = [(replace(FILE, name=b"./%d" % size, size=size), b"x" * size) for size in (0, 1, 511, 512, 513)]
    assert [content for _, content in read(archive(*files))] == [content for _, content in files]
    assert len(archive(*files)) % 512 == 0


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 1 << 62])
def test_a_size_that_takes_more_digits_stands_in_a_record(size: int) -> None:
    from bundler.archives.tar import TarReader  # noqa: PLC0415

    class Header:
        content = encode_entry(replace(FILE, size=size))

        def read(self, count: int) -> bytes:
            taken, self.content = self.content[:count], self.content[count:]
            return taken

    assert next(iter(TarReader(Header()))).size == size


@pytest.mark.parametrize("length", [*range(80, 110), 985, 986, 987, 988, 9990])
def test_a_record_counts_the_digits_of_its_own_length(length: int) -> None:
    entry = replace(FILE, xattrs={b"user.x": b"v" * length})
    ((found, _),) = read(archive((entry, b"")))
    assert found.xattrs == entry.xattrs


SPARSE = {
    "a hole in the middle": ((0, 512), (4096, 3)),
    "a hole at the beginning": ((4096, 3),),
    "a hole at the end": ((0, 5),),
    "nothing but a hole": (),
}


@pytest.mark.parametrize("name", SPARSE)
def test_a_file_with_holes_is_read_with_them(name: str) -> None:
    pieces = SPARSE[name]
    size = 4099 if "end" not in name and pieces else 10_000
    entry = replace(FILE, name=b"./" + b"d" * 120 + b"/f", size=size, sparse=pieces)
    stored = (b"abcde123" * 99)[: sum(length for _, length in pieces)]
    ((found, content),) = read(archive((entry, stored), (FILE, b""))[: -512 - len(END)] + END)
    assert (found.name, found.size, found.sparse) == (entry.name, size, pieces)
    assert len(contents(found, content)) == size


@pytest.mark.tool("tar")
@pytest.mark.parametrize("name", SPARSE)
def test_gnu_tar_reads_a_file_with_holes(tmp_path: Path, name: str) -> None:
    pieces = SPARSE[name]
    size = 4099 if "end" not in name and pieces else 1 << 20
    entry = replace(FILE, size=size, sparse=pieces, uid=os.getuid(), gid=os.getgid())
    stored = (b"abcde123" * 99)[: sum(length for _, length in pieces)]
    done = subprocess.run(
        ["tar", "-xf", "-", "-C", tmp_path], input=archive((entry, stored)), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    ((found, content),) = read(archive((entry, stored)))
    assert (tmp_path / "f").read_bytes() == contents(found, content)


def test_the_order_in_which_attributes_were_read_does_not_show() -> None:
    pairs = [(b"user.%d" % number, b"x") for number in range(9)]
    assert encode_entry(replace(FILE, xattrs=dict(pairs))) == encode_entry(replace(FILE, xattrs=dict(pairs[::-1])))


@pytest.mark.parametrize("xattrs", [{b"user.a=b": b"x"}, {b"user.empty": b""}])
def test_an_attribute_that_no_record_can_hold_is_refused(xattrs: dict[bytes, bytes]) -> None:
    with pytest.raises(UnwritableError):
        encode_entry(replace(FILE, xattrs=xattrs))


def test_readers_without_pax_records_find_long_names_and_large_numbers() -> None:
    name, target = b"./" + b"n" * 200, b"t" * 150
    entry = replace(FILE, name=name, kind=SYMLINK, link_name=target, uid=3_000_000, gid=1 << 31)
    written = encode_entry(entry, old=True) + END
    records = 512 + int(written[124:135], 8)
    assert written[156:157] == b"x"
    for archive in (written, written[records + len(padding(records)) :]):
        ((found, _),) = read(archive)
        assert (found.name, found.link_name, found.uid, found.gid) == (name, target, 3_000_000, 1 << 31)
