"""The manifest that umoci reads, line by line; whether umoci agrees, is seen in integration/test_umoci_metadata.py."""

import pytest

from bundler.repack.umoci import translate
from bundler.rootfs.mtree import MtreeEntry, MtreeError, parse

OURS = rb"""#mtree
. type=dir mode=0755 uid=0 gid=0 time=1.500000000
./a type=dir mode=1777 uid=1 gid=2 time=-1.500000000
./a/b type=dir mode=0000 uid=0 gid=0 time=0.000000000
./a/b/c type=file mode=4755 uid=0 gid=0 size=3 time=0.000000000 sha256digest=ab nlink=2
# ./a/b/c xattr.user.a\075\052=00ff
./a/d type=file mode=0000 uid=0 gid=0 size=0 time=0.000000000 nlink=1
./a-b type=link uid=0 gid=0 time=0.000000000 link=x\046\134\040\052 nlink=1
# ./a-b hardlink=./a xattr.trusted.a=00
./e type=char mode=0666 uid=0 gid=0 time=0.000000000 device=native,1,3 nlink=1
"""
THEIRS = rb""". type=dir uid=0 gid=0 mode=0755 tar_time=1.000000000
a type=dir uid=1 gid=2 mode=01777 tar_time=-1.000000000
b type=dir uid=0 gid=0 mode=0 tar_time=0.000000000
c type=file uid=0 gid=0 mode=04755 nlink=2 size=3 sha256digest=ab tar_time=0.000000000 xattr.user.a=\052=AP8=
..
d type=file uid=0 gid=0 mode=0 nlink=1 size=0 tar_time=0.000000000
..
a-b type=link uid=0 gid=0 link=x&\\\040\052 nlink=1 tar_time=0.000000000
e type=char uid=0 gid=0 mode=0666 nlink=1 tar_time=0.000000000
"""


def test_a_manifest_says_the_same_to_umoci() -> None:
    assert b"".join(translate(parse(OURS.splitlines(keepends=True)))) == THEIRS


def test_what_has_no_owner_there_has_none_here() -> None:
    entry = MtreeEntry(b"", {b"type": b"dir", b"mode": b"0755", b"time": b"0.000000000"})
    assert list(translate([entry])) == [b". type=dir mode=0755 tar_time=0.000000000\n"]


def test_a_line_that_umoci_could_not_read_is_refused() -> None:
    entry = MtreeEntry(b"", {b"type": b"dir", b"time": b"0.0", b"xattr.user.a": b"00" * 60_000})
    with pytest.raises(MtreeError, match="too long"):
        list(translate([entry]))
