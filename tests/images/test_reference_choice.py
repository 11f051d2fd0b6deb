import pytest

from bundler.errors import RequestError
from bundler.images.reference import Choice, listing, parse_choice, same_name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Choice()),
        (":latest", Choice(name="latest")),
        (":a/b:1", Choice(name="a/b:1")),
        (":@0", Choice(position=0)),
        ("@12", Choice(position=12)),
        (":@sha256:1a2b", Choice(digest="sha256:1a2b")),
        (f"@sha256:{'a' * 64}", Choice(digest=f"sha256:{'a' * 64}")),
        (":12", Choice(name="12")),
    ],
)
def test_a_choice_is_a_name_a_position_or_a_digest(text: str, meant: Choice) -> None:
    assert parse_choice(text) == meant


@pytest.mark.parametrize(
    "text", [":", ":@", "@", ":@-1", "@x", ":@sha256:abc", "@sha256:XY", ":@1e3", "@٣", ":@" + "9" * 10]
)
def test_what_chooses_nothing_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="does not choose an image"):
        parse_choice(text)


@pytest.mark.parametrize(
    ("asked", "stated", "same"),
    [
        ("nginx", "docker.io/library/nginx:latest", True),
        ("golden/full:1", "docker.io/golden/full:1", True),
        ("not A name", "not A name", True),
        ("nginx:1", "nginx:2", False),
        ("not A name", "nginx", False),
        ("nginx", None, False),
    ],
)
def test_names_are_compared_once_they_are_complete(asked: str, stated: str | None, *, same: bool) -> None:
    assert same_name(asked, stated) is same


def test_a_listing_shows_names_and_what_stands_in_for_a_missing_one() -> None:
    assert listing([("a/b:1", ":@0"), ("", ":@1")]) == "choose with one of: :a/b:1, :@1"
    assert listing([]) is None


def test_a_listing_does_not_offer_a_name_that_two_images_have() -> None:
    assert listing([("1", ":@0"), ("1", ":@1")]) == "choose with one of: :@0 (1), :@1 (1)"


def test_a_listing_is_short_and_safe_to_print() -> None:
    shown = listing([(f"\x1b[31m{number}", f":@{number}") for number in range(5000)])
    assert shown is not None
    assert shown.endswith("and 4990 more")
    assert "\x1b" not in shown
