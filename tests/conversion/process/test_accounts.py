"""Users and groups, looked up in the rootfs's own files as dockerd does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion.process.accounts import MAXIMUM_ID, Identity, find_group, identify, needs_lookup, parse_accounts
from bundler.errors import ImageError, RequestError
from tests.support.inputs import GROUP, PASSWD

ACCOUNTS = parse_accounts(PASSWD, GROUP)
NOBODY = parse_accounts(None, None)


@pytest.mark.parametrize(
    ("specification", "identity"),
    [
        ("", Identity(0, 0, (10,))),
        ("root", Identity(0, 0, (10,))),
        ("0", Identity(0, 0, (10,))),
        ("app", Identity(1001, 1002, (29, 44))),
        ("app:", Identity(1001, 1002, (29, 44))),
        ("1001", Identity(1001, 1002, (29, 44))),
        ("0001001", Identity(1001, 1002, (29, 44))),
        ("app:audio", Identity(1001, 29, ())),
        ("app:4242", Identity(1001, 4242, ())),
        ("1001:29", Identity(1001, 29, ())),
        ("0:0", Identity(0, 0, ())),
        (":audio", Identity(0, 29, ())),
        ("1234", Identity(1234, 0, ())),
        ("1234:5678", Identity(1234, 5678, ())),
        (str(MAXIMUM_ID), Identity(MAXIMUM_ID, 0, ())),
    ],
)
def test_a_user_is_looked_up_as_docker_does(specification: str, identity: Identity) -> None:
    assert identify(ACCOUNTS, specification) == identity


@pytest.mark.parametrize(
    ("specification", "identity"), [("", Identity(0, 0, ())), ("0", Identity(0, 0, ())), ("7:8", Identity(7, 8, ()))]
)
def test_numbers_need_no_files(specification: str, identity: Identity) -> None:
    assert identify(NOBODY, specification) == identity


@pytest.mark.parametrize(
    "specification", ["ghost", "app:ghost", "a:b:c", " app", "APP", "-1", "+1001", "0x3e9", "1001:-1", "\u0661"]
)
def test_an_unknown_name_is_an_error_and_never_root(specification: str) -> None:
    with pytest.raises(ImageError, match="is not in the rootfs's /etc/"):
        identify(ACCOUNTS, specification)


@pytest.mark.parametrize("specification", ["2147483648", "4294967296", "0:2147483648", "9" * 5000, "0" * 5000])
def test_an_id_out_of_range_is_refused(specification: str) -> None:
    with pytest.raises(RequestError, match="is not between 0 and 2147483647") as caught:
        identify(ACCOUNTS, specification)
    assert len(caught.value.what) < 200


def test_the_first_matching_line_counts() -> None:
    accounts = parse_accounts(b"a:x:1:1::\na:x:2:2::\nb:x:1:3::\n", b"g:x:5:\ng:x:6:\n")
    assert identify(accounts, "a") == Identity(1, 1, ())
    assert identify(accounts, "1") == Identity(1, 1, ())
    assert find_group(accounts, "g") == 5


@pytest.mark.parametrize(
    "line",
    [
        b"bad:x::0::",
        b"bad:x:-1:0::",
        b"bad:x:0x0:0::",
        b"bad:x:one:0::",
        b"bad:x: 0:0::",
        b"bad:x:99999999999:0::",
        b"bad:x:" + b"0" * 20 + b"9" * 5000 + b":0::",
        b"bad:x:" + b"0" * 5000 + b":0::",
        b"bad:x:0:nothing::",
        b"bad",
        b"bad:x:\xd9\xa1:0::",
    ],
    ids=lambda line: line[:20],
)
def test_a_damaged_line_makes_nobody_root(line: bytes) -> None:
    accounts = parse_accounts(line + b"\ngood:x:5:6::\n", None)
    assert [user.name for user in accounts.users] == ["good"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n"])
def test_line_ends_do_not_matter(end: bytes) -> None:
    assert parse_accounts(b"a:x:1:2::" + end, b"g:x:3:a,b" + end) == parse_accounts(b"a:x:1:2::\n", b"g:x:3:a,b\n")


@pytest.mark.parametrize(
    ("specification", "groups", "answer"),
    [
        ("1:2", (), False),
        ("1:2", ("3",), False),
        ("1:2", ("audio",), True),
        ("1", (), True),
        ("", (), True),
        ("app:1", (), True),
        ("1:", (), True),
    ],
)
def test_only_numbers_throughout_need_no_look_into_the_rootfs(
    specification: str, groups: tuple[str, ...], answer: bool
) -> None:
    assert needs_lookup(specification, groups) is answer


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_bytes_are_read_and_any_user_found_or_refused(passwd: bytes, group: bytes, specification: str) -> None:
    accounts = parse_accounts(passwd, group)
    try:
        found = identify(accounts, specification)
    except (ImageError, RequestError) as error:
        shown = error.what
    else:
        shown = ""
        assert all(0 <= number <= MAXIMUM_ID for number in (found.uid, found.gid, *found.groups))
    assert shown == "" or shown.isprintable()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 5)), max_size=6),
    st.sampled_from("abc"),
)
def test_a_name_is_found_exactly_when_a_line_has_it(lines: list[tuple[str, int, int]], name: str) -> None:
    passwd = "".join(f"{user}:x:{uid}:{gid}::\n" for user, uid, gid in lines).encode()
    wanted = next(((uid, gid) for user, uid, gid in lines if user == name), None)
    if wanted is None:
        with pytest.raises(ImageError):
            identify(parse_accounts(passwd, None), name)
    else:
        found = identify(parse_accounts(passwd, None), name)
        assert (found.uid, found.gid) == wanted
