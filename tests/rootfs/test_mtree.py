"""The format alone: what is written is read back, and nothing else is read."""

import stat
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.rootfs import mtree
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.mtree import (
    HEADER,
    Listed,
    MtreeError,
    decode_name,
    describe,
    describe_xattrs,
    encode_name,
    encode_path,
    group,
    nanoseconds,
    parse,
    parse_keywords,
    read_lines,
    size_of,
    write_entry,
)

NAMES = st.binary(min_size=1).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b".."))
ROOT = b". type=dir mode=0755 uid=0 gid=0 time=0.000000000\n"


@given(NAMES)
def test_any_name_comes_back(name: bytes) -> None:
    assert decode_name(encode_name(name)) == name
    assert encode_name(name).isascii()


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        (b"libc.so-6_x+y~", b"libc.so-6_x+y~"),
        (b"a b", rb"a\040b"),
        (b"#a", rb"\043a"),
        (b"[*?]", rb"\133\052\077\135"),
        (b"a=b", rb"a\075b"),
        (b"\\n", rb"\134n"),
        (b"\xc3\xa4\n", rb"\303\244\012"),
    ],
)
def test_what_means_something_is_encoded(name: bytes, encoded: bytes) -> None:
    assert encode_name(name) == encoded


@pytest.mark.parametrize(
    ("time", "text"), [(0, b"0.000000000"), (1_500_000_001, b"1.500000001"), (-1_500_000_000, b"-2.500000000")]
)
def test_times_are_timespecs(time: int, text: bytes) -> None:
    assert describe(stat.S_IFDIR, Attributes(mode=0o700, mtime=time)).endswith(b" time=" + text)


def test_each_type_has_its_keywords() -> None:
    attributes = Attributes(mode=0o4755, uid=1, gid=2)
    common = b" mode=4755 uid=1 gid=2"
    assert describe(stat.S_IFREG, attributes, size=3, digest="ab") == (
        b"type=file" + common + b" size=3 time=0.000000000 sha256digest=ab"
    )
    assert describe(stat.S_IFCHR, attributes, device=(1, 3)) == (
        b"type=char" + common + b" time=0.000000000 device=native,1,3"
    )
    assert describe(stat.S_IFLNK, Attributes(mode=None), target=b"a b") == (
        rb"type=link uid=0 gid=0 time=0.000000000 link=a\040b"
    )
    assert describe(stat.S_IFIFO, attributes, owned=False) == b"type=fifo mode=4755 time=0.000000000"


def test_an_entry_and_its_remarks_come_back_as_one() -> None:
    remarks = describe_xattrs({b"user.b": b"\0\xff", b"user.a b": b""})
    lines = [HEADER, ROOT, *write_entry(encode_path(b"a b/c"), b"type=file size=1", remarks).splitlines(keepends=True)]
    root, entry = parse(lines)
    assert (root.path, root.keywords[b"type"]) == (b"", b"dir")
    assert (entry.path, entry.keywords) == (
        b"a b/c",
        {b"type": b"file", b"size": b"1", rb"xattr.user.a\040b": b"", b"xattr.user.b": b"00ff"},
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"#other\n"], "line 1: it does not begin with #mtree"),
        ([HEADER, b"./a type=file\n"], "line 2: the entries are not in order"),
        ([HEADER, ROOT, b"./b type=file\n", b"./a type=file\n"], "line 4: the entries are not in order"),
        ([HEADER, ROOT, b"./a type=file\n", b"./a type=file\n"], "line 4: the entries are not in order"),
        ([HEADER, ROOT, b"./a-b type=file\n", b"./a/b type=file\n"], "line 4: the entries are not in order"),
        ([HEADER, ROOT, b"./a type=file"], "line 3: the line is cut off"),
        ([HEADER, ROOT, b"\n"], "line 3: the line is empty"),
        ([HEADER, ROOT, b"a type=file\n"], "line 3: the line does not begin with a path"),
        ([HEADER, ROOT, b"./../a type=file\n"], "line 3: the path is not a plain one"),
        ([HEADER, ROOT, b"./a//b type=file\n"], "line 3: the path is not a plain one"),
        ([HEADER, ROOT, b"./\\056\\056/a type=file\n"], "line 3: the path is not a plain one"),
        ([HEADER, ROOT, b"./a\\9 type=file\n"], "line 3: a backslash is not followed by three octal digits"),
        ([HEADER, ROOT, b"./a type\n"], "line 3: a keyword has no value, or two"),
        ([HEADER, ROOT, b"./a uid=1 uid=2\n"], "line 3: a keyword has no value, or two"),
        ([HEADER, b"# . xattr.user.a=00\n"], "line 2: a remark does not follow the entry it is about"),
        ([HEADER, ROOT, b"# . a=1\n", b"# . b=1\n"], "line 4: a remark does not follow the entry it is about"),
        ([HEADER, ROOT, b"# ./a xattr.user.a=00\n"], "line 3: a remark does not follow the entry it is about"),
    ],
)
def test_what_was_not_written_here_is_refused(lines: list[bytes], message: str) -> None:
    with pytest.raises(MtreeError) as caught:
        list(parse(lines))
    assert str(caught.value) == message


def test_an_entry_has_one_remark() -> None:
    """With any number of them, each would be added to all before it: a million lines of a few bytes took hours."""
    assert [listed.text for listed in group([ROOT, b"# . a=1\n", b"./a x=1\n"])] == [ROOT + b"# . a=1\n", b"./a x=1\n"]
    for lines in ([ROOT, b"# . a=1\n", b"# . b=1\n"], [b"# . a=1\n"]):
        with pytest.raises(MtreeError, match="a remark does not follow"):
            list(group(lines))


def test_a_line_without_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtree, "_LONGEST_LINE", 100)
    assert list(read_lines(BytesIO(b"a" * 98 + b"\nb\n"))) == [b"a" * 98 + b"\n", b"b\n"]
    with pytest.raises(MtreeError, match="a line has 100 bytes or more"):
        list(read_lines(BytesIO(b"a" * 200)))


def test_a_size_of_any_number_of_digits_is_no_size() -> None:
    assert size_of(b"./a type=file mode=0644 size=12 x=1\n") == 12
    assert size_of(b"./a type=file mode=0644 size=" + b"9" * 5000 + b" x=1\n") == 0


def listed(text: bytes) -> Listed:
    (entry,) = group([*text.splitlines(keepends=True)])
    return entry


def test_an_entry_is_parsed_when_it_is_asked_for() -> None:
    remark = b"# ./a\\040b hardlink=./c\\040d xattr.user.a=00\n"
    entry = listed(b"./a\\040b type=file mode=0644 size=12 nlink=2 sha256digest=ab\n" + remark)
    assert (entry.name, entry.path) == (rb"./a\040b", b"a b")
    assert (entry.hard_link, entry.links) == (b"c d", 2)
    assert entry.keywords[b"xattr.user.a"] == b"00"
    assert (entry.wants_digest(12), entry.wants_digest(13)) == (True, False)


@pytest.mark.parametrize("number", [b"nlink=1", b"nlink=", b"nlink=-2", b"nlink=" + b"9" * 5000, b"uid=0"])
def test_how_many_names_a_file_has_is_a_number_or_one(number: bytes) -> None:
    entry = listed(b"./a type=dir " + number + b"\n")
    assert (entry.links, entry.hard_link, entry.wants_digest(0)) == (1, None, False)


def test_a_remark_about_another_file_is_refused() -> None:
    entry = listed(b"./a type=file\n# ./b hardlink=./c\n")
    with pytest.raises(MtreeError, match="does not follow the entry"):
        _ = entry.hard_link


def test_keywords_are_those_of_the_line() -> None:
    assert parse_keywords(b"type=file link=a=b odd") == {b"type": b"file", b"link": b"a=b", b"odd": b""}


def test_a_time_is_read_as_it_is_written() -> None:
    for time in (0, 1, -1, 10**18 + 5, -(10**9)):
        text = describe(stat.S_IFDIR, Attributes(mode=0o700, mtime=time))
        assert nanoseconds(parse_keywords(text)) == time
    for wrong in (b"time=1", b"time=1.5", b"time=x.000000000", b"mode=0700"):
        with pytest.raises(MtreeError, match="no time"):
            nanoseconds(parse_keywords(wrong))
