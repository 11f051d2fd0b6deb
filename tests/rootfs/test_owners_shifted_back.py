"""What an image states, from what unpacking has made of it; and hostile records of owners."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.owners import (
    RECORD,
    IdMap,
    choose_owners,
    read_record,
    record,
    shifted,
    shifted_back,
    written_down,
)
from bundler.rootfs.paths import PathError
from tests.support.acls import GROUP, MASK, OTHER, USER, acl

USERS = IdMap("user", ((0, 100000, 1000), (5000, 500, 10)))
GROUPS = IdMap("group", ((0, 200000, 1000),))
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
IDS = st.integers(0, 999)


@given(IDS, IDS, IDS)
def test_what_was_shifted_comes_back(uid: int, gid: int, named: int) -> None:
    listed = acl((USER, 6), (USER, 4, named), (GROUP, 4), (MASK, 4), (OTHER, 4))
    xattrs = {b"user.x": b"1", b"security.capability": CAPABILITY, b"system.posix_acl_access": listed}
    stated = Attributes(mode=0o755, uid=uid, gid=gid, xattrs=xattrs)
    on_disk = shifted(USERS, GROUPS).adapt(stated)
    assert on_disk != stated
    assert shifted_back((USERS, GROUPS), recorded=False).adapt(on_disk) == stated


@given(st.integers(0, (1 << 32) - 2), st.integers(0, (1 << 32) - 2))
def test_what_was_written_down_comes_back(uid: int, gid: int) -> None:
    xattrs = {b"user.x": b"1", b"system.posix_acl_access": acl((USER, 6), (USER, 4, 77), (GROUP, 4), (OTHER, 4))}
    stated = Attributes(mode=0o755, uid=uid, gid=gid, xattrs=xattrs)
    mine = written_down().adapt(stated)
    mine = Attributes(mode=mine.mode, uid=1000, gid=1001, xattrs=mine.xattrs)
    maps = (IdMap("user", ((0, 1000, 1),)), IdMap("group", ((0, 1001, 1),)))
    assert shifted_back(maps, recorded=True).adapt(mine) == stated


def test_an_id_that_the_container_has_not_got_is_refused() -> None:
    with pytest.raises(PathError, match="user 7"):
        shifted_back((USERS, GROUPS), recorded=False).adapt(Attributes(mode=0, uid=7, gid=200000))


@given(st.binary(max_size=40))
def test_any_record_is_read(message: bytes) -> None:
    assert all(number is None or 0 <= number < 1 << 32 for number in read_record(message))
    maps = (IdMap("user", ((0, 0, 1),)), IdMap("group", ((0, 0, 1),)))
    shifted_back(maps, recorded=True).adapt(Attributes(mode=0, xattrs={RECORD: message}))


def test_records_are_those_of_umoci() -> None:
    assert read_record(record(0, 7)) == (None, 7)
    assert read_record(b"") == (None, None)


def test_only_in_a_user_namespace_is_an_ordinary_user_root() -> None:
    with pytest.raises(RequestError, match=r"--rootless: .*user namespace"):
        choose_owners(None, rootless=True)


@pytest.mark.parametrize("value", [b"", b"\1\0\0\2", b"\1\0\0\3" + bytes(21), bytes(20)])
def test_a_capability_of_no_form_is_left_as_it_is(value: bytes) -> None:
    """The kernel refuses it, and says so of the file."""
    stated = Attributes(mode=0, xattrs={b"security.capability": value})
    on_disk = shifted(USERS, GROUPS).adapt(stated)
    assert on_disk.xattrs == stated.xattrs
    assert shifted_back((USERS, GROUPS), recorded=False).adapt(on_disk) == stated
