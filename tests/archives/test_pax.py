"""PAX records."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.entry import GLOBAL, REGULAR
from bundler.archives.stream import DamagedError
from tests.support.tar_reading import only, read
from tests.support.tarballs import (
    END,
    extension,
    file,
    header,
    padded,
    pax_header,
    pax_record,
    symlink,
    tarball,
)


def test_pax_records_replace_what_the_header_says() -> None:
    records = {
        "path": "p" * 300,
        "linkpath": "l" * 300,
        "uid": "5000000",
        "gid": "6000000",
        "mtime": "1700000000.123456789",
        "atime": "1.5",
        "comment": "nothing",
        "SCHILY.xattr.user.name": b"\0\xffvalue=\n",
    }
    entry = only(tarball(symlink("n", "t", pax=records)))
    assert (entry.name, entry.link_name) == (b"p" * 300, b"l" * 300)
    assert (entry.uid, entry.gid, entry.mtime, entry.atime) == (5000000, 6000000, 1700000000123456789, 1500000000)
    assert entry.xattrs == {b"user.name": b"\0\xffvalue=\n"}


def test_a_pax_size_is_the_size_of_the_content() -> None:
    archive = pax_header({"size": "5"}) + header("n", size=0) + padded(b"hello") + END
    ((entry, content),) = read(archive)
    assert (entry.size, content) == (5, b"hello")


def test_records_are_for_the_next_entry_only() -> None:
    first, second = (entry for entry, _ in read(tarball(file("a", pax={"uid": "7"}), file("b"))))
    assert (first.uid, second.uid) == (7, 0)


def test_a_global_header_is_for_no_file_as_docker_has_it() -> None:
    found = read(
        tarball(pax_header({"uid": "7", "path": "p", "size": "512"}, b"g"), file("a"), file("b", pax={"uid": "8"}))
    )
    assert [(entry.kind, entry.name, entry.uid) for entry, _ in found] == [
        (GLOBAL, b"p", 7),
        (REGULAR, b"a", 0),
        (REGULAR, b"b", 8),
    ]


def test_what_comes_before_a_global_header_is_for_nothing_else() -> None:
    found = read(pax_header({"uid": "7"}) + extension(b"L", b"long") + pax_header({}, b"g") + tarball(file("a")))
    assert [(entry.kind, entry.name, entry.uid) for entry, _ in found][1:] == [(REGULAR, b"a", 0)]


@pytest.mark.parametrize("zeros", [1, 19, 5000])
def test_a_number_may_have_zeros_before_it(zeros: int) -> None:
    archive = pax_header({"size": "0" * zeros + "5", "uid": "0" * zeros}) + header("n") + padded(b"hello") + END
    ((entry, content),) = read(archive)
    assert (entry.size, entry.uid, content) == (5, 0, b"hello")


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("0", 0),
        ("1", 10**9),
        ("1.", 10**9),
        ("1.5", 1_500_000_000),
        ("1.000000001", 1_000_000_001),
        ("1.0000000019999", 1_000_000_001),
        ("-1.5", -1_500_000_000),
        ("1700000000.999999999", 1_700_000_000_999_999_999),
    ],
)
def test_times_are_exact(written: str, nanoseconds: int) -> None:
    assert only(tarball(file("n", pax={"mtime": written}))).mtime == nanoseconds


@pytest.mark.parametrize("written", ["x", "1.x", "1e9", "--1", "+1", ".5", "1.-5", "9" * 30, "9" * 5000, "nan"])
def test_other_times_are_refused(written: str) -> None:
    with pytest.raises(DamagedError):
        read(tarball(file("n", pax={"mtime": written})))


@pytest.mark.parametrize(
    "records",
    [
        b"x path=a\n",
        b"99 path=a\n",
        b"7 path=a\n",
        b"0 path=a\n",
        b"-9 path=a\n",
        b" 9 path=a\n",
        b"+9 path=a\n",
        b"6 path\n",
        b"5 =a\n",
        b"11 pa\0th=a\n",
        b"path=a\n",
        b"99999999999999 path=a\n",
        b"\0" * 20,
        b"9" * 5000,
    ],
)
def test_malformed_records_are_refused(records: bytes) -> None:
    with pytest.raises(DamagedError):
        read(extension(b"x", records) + header("n") + END)


@pytest.mark.parametrize("key", ["path", "linkpath", "uname", "gname"])
def test_a_nul_in_a_name_is_refused(key: str) -> None:
    with pytest.raises(DamagedError, match="NUL"):
        read(tarball(file("n", pax={key: b"etc/passwd\0.txt"})))


@pytest.mark.parametrize("key", ["uid", "gid", "size"])
@pytest.mark.parametrize("value", ["-1", "1.5", "0x10", "9" * 19, "9" * 100, "1_0", "\u0661"])
def test_pax_numbers_are_plain_and_of_63_bits(key: str, value: str) -> None:
    with pytest.raises(DamagedError):
        read(tarball(file("n", pax={key: value})))


@given(st.binary(min_size=1, max_size=300))
def test_no_pax_block_does_worse_than_damaged(records: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(extension(b"x", records) + header("n", size=512) + bytes(512) + END)


PAX_KEYS = ["path", "size", "GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.realsize", "mtime"]


@given(st.lists(st.tuples(st.sampled_from(PAX_KEYS), st.text("0123456789,.-\n", max_size=8))), st.binary(max_size=600))
def test_no_pax_records_do_worse_than_damaged(records: list[tuple[str, str]], content: bytes) -> None:
    with contextlib.suppress(DamagedError):
        read(tarball(pax_header(records), file("n", content)))


def test_a_record_states_its_own_length() -> None:
    assert pax_record("path", "a") == b"9 path=a\n"
    assert pax_record("k", "v" * 94) == b"101 k=" + b"v" * 94 + b"\n"
