"""The manifest of a packed bundle: the same bytes for the same file, and nothing of a hostile one passes unseen."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.distribution.artifact import RECORD, Content, make_artifact, parse_artifact, parse_pack, type_of
from bundler.errors import ImageError
from bundler.images.digest import Digest
from bundler.images.media_types import PUSHED_BUNDLE, PUSHED_SIGNATURE
from bundler.packing.formats import FORMATS

FILE = Content(type_of(FORMATS[0]), Digest.of(b"packed"), 6, "web.tar.zst")
MADE = make_artifact(PUSHED_BUNDLE, FILE, {RECORD: str(Digest.of(b"{}"))})
JSON = st.recursive(st.none() | st.integers() | st.text() | st.booleans(), st.lists, max_leaves=5)


def test_the_same_file_has_the_same_manifest() -> None:
    assert make_artifact(PUSHED_BUNDLE, FILE, {RECORD: str(Digest.of(b"{}"))}) == MADE
    assert str(MADE.digest) == "sha256:c9b03107b04780ccd028e18084a70d3693722567321f5dbf1677b1c8c5de05aa"


def test_what_belongs_to_it_names_it() -> None:
    signature = make_artifact(PUSHED_SIGNATURE, FILE, {}, MADE)
    assert signature.subject == MADE.digest
    assert json.loads(signature.raw)["subject"]["size"] == len(MADE.raw)


def test_each_format_has_a_type_of_its_own() -> None:
    assert len({type_of(row) for row in FORMATS}) == len(FORMATS)


@given(st.integers(0, len(MADE.raw) - 1), st.binary(max_size=4), st.integers(0, 8))
def test_bytes_that_were_changed_are_an_error_or_another_manifest(at: int, new: bytes, gone: int) -> None:
    raw = MADE.raw[:at] + new + MADE.raw[at + gone :]
    for parse in (parse_artifact, lambda content, digest: parse_pack(content, digest, "r/a:1")):
        try:
            parsed = parse(raw, Digest.of(raw))
        except ImageError:
            continue
        assert (parsed.config.digest, parsed.config.size) == (MADE.config.digest, MADE.config.size)
        assert parsed.content.size > 0


@given(st.sampled_from(["config", "layers", "subject", "annotations", "artifactType", "mediaType"]), JSON)
def test_a_member_of_any_kind_is_an_error_or_a_manifest(name: str, value: object) -> None:
    raw = json.dumps(json.loads(MADE.raw) | {name: value}).encode()
    with suppress(ImageError):
        parse_pack(raw, Digest.of(raw), "r/a:1")


@pytest.mark.parametrize("kind", ["application/x", PUSHED_SIGNATURE])
def test_another_artifact_is_named(kind: str) -> None:
    other = make_artifact(kind, FILE, {})
    with pytest.raises(ImageError, match=f"is an artifact of the type {kind}"):
        parse_pack(other.raw, other.digest, "r/a:1")
