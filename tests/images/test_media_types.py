import pytest

from bundler.images.media_types import KINDS, Kind, refusal


@pytest.mark.parametrize("media_type", KINDS)
def test_every_known_media_type_is_taken_as_its_kind_and_as_no_other(media_type: str) -> None:
    kind = KINDS[media_type]
    assert refusal(media_type, kind) is None
    assert refusal(media_type, *Kind) is None
    for other in set(Kind) - {kind}:
        refused = refusal(media_type, other)
        assert refused is not None
        assert kind.value in refused[0]


@pytest.mark.parametrize(
    ("media_type", "says", "hint"),
    [
        ("application/vnd.docker.distribution.manifest.v1+json", "schema 1", "push the image again"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1", "push the image again"),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "the layer is encrypted", "decrypt the image first"),
        ("application/vnd.oci.empty.v1+json", "an artifact, not a container image", None),
        ("application/vnd.wasm.content.layer.v1+wasm", "an artifact, not a container image", None),
        ("application/vnd.oci.image.layer.v1.tar+GZIP", "an artifact", None),
        ("", "an artifact", None),
        ("text/\x1b[31m", "text/\\x1b[31m", None),
    ],
)
def test_what_is_no_part_of_an_image_is_refused_with_the_reason(media_type: str, says: str, hint: str | None) -> None:
    refused = refusal(media_type, *Kind)
    assert refused is not None
    assert says in refused[0]
    assert (refused[1] or "").startswith(hint or "")


def test_a_long_media_type_is_cut_in_the_message() -> None:
    refused = refusal("x" * 100_000, Kind.LAYER)
    assert refused is not None
    assert len(refused[0]) < 300
