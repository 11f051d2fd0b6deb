import json
from typing import Any

import pytest

from bundler.errors import ImageError
from bundler.images.digest import Digest
from bundler.images.manifest import Manifest, parse_manifest
from bundler.images.platform import UNSTATED
from tests.support.compressors import OF_LAYERS
from tests.support.image_files import as_json, manifest_of, sample


def parse(raw: bytes) -> Manifest:
    return parse_manifest(raw, Digest.of(raw))


def changed(**changes: Any) -> bytes:
    return as_json(json.loads(manifest_of(sample())[0]) | changes)


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize("compression", OF_LAYERS)
def test_manifests_of_both_kinds_are_read(*, docker: bool, compression: str) -> None:
    raw, stored = manifest_of(sample(), compression, docker=docker)
    manifest = parse(raw)
    assert [layer.size for layer in manifest.layers] == [len(content) for content in stored]
    assert manifest.config.digest == Digest.of(sample().config)


def test_a_manifest_needs_no_media_type_of_its_own() -> None:
    assert parse(changed(mediaType=None)).layers


def test_layers_may_be_null() -> None:
    assert parse(changed(layers=None)).layers == ()


HELM = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "size": 1, "digest": f"sha256:{'a' * 64}"}
LAYER = json.loads(manifest_of(sample())[0])["layers"][0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schemaVersion": 1}, "schema 1"),
        ({"schemaVersion": None}, "schemaVersion"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}, "schema 1"),
        ({"mediaType": "application/vnd.oci.image.index.v1+json"}, "expected an image manifest"),
        ({"manifests": []}, "both an image manifest and an image index"),
        ({"config": HELM}, "an artifact, not a container image"),
        ({"config": LAYER}, "expected an image config, found the media type of an image layer"),
        ({"layers": [HELM]}, "layers[0].mediaType"),
        ({"layers": [LAYER | {"mediaType": LAYER["mediaType"] + "+encrypted"}]}, "the layer is encrypted"),
        ({"layers": [LAYER | {"size": -1}]}, "layers[0].size: expected a whole number"),
        ({"layers": [LAYER | {"size": 2**63}]}, "layers[0].size: no blob is that large"),
        ({"layers": [LAYER | {"digest": "sha256:../../etc"}]}, "is not a digest"),
        ({"layers": [LAYER] * 10_001}, "more than the 10000"),
        ({"layers": {}}, "layers: expected an array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_manifest_of_an_image_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ImageError) as raised:
        parse(changed(**changes))
    assert says in raised.value.what


def test_urls_and_inline_content_of_a_descriptor_are_left_alone() -> None:
    lie = LAYER | {"urls": ["http://192.0.2.1/layer"], "data": "AAAA"}
    assert parse(changed(layers=[lie])).layers == parse(changed(layers=[LAYER])).layers


def test_one_layer_for_each_diff_id() -> None:
    manifest = parse(changed(layers=[LAYER]))
    with pytest.raises(ImageError, match="1 layers, but the image config states 2 diff_ids"):
        manifest.parse_config(sample().config, UNSTATED)
