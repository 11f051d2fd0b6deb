import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.images.digest import Digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_bytes_is_their_hash() -> None:
    assert str(Digest.of(b"")) == f"sha256:{EMPTY}"
    assert Digest.of(b"x", "sha512").algorithm == "sha512"


def test_a_digest_is_shown_short_as_docker_shows_image_ids() -> None:
    assert Digest.parse(f"sha256:{EMPTY}").short == EMPTY[:12]


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY,
        "sha256:",
        f"sha256:{EMPTY[:-1]}",
        f"sha256:{EMPTY}0",
        f"sha256:{EMPTY.upper()}",
        f"sha256:{EMPTY[:-1]}g",
        f"sha512:{EMPTY}",
        f"md5:{EMPTY[:32]}",
        f"SHA256:{EMPTY}",
        f" sha256:{EMPTY}",
        f"sha256:{EMPTY}\n",
        f"sha256:../../{EMPTY[:58]}",
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        Digest.parse(text)


@given(st.text())
def test_any_text_is_either_refused_or_comes_back_as_it_was(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except ValueError:
        return
    assert str(digest) == text


@given(st.binary())
def test_every_digest_can_be_read_back(content: bytes) -> None:
    assert Digest.parse(str(Digest.of(content))) == Digest.of(content)
