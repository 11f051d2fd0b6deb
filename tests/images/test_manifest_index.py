import json
from dataclasses import replace

import pytest

from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.image_config import parse_image_config
from bundler.images.manifest import Manifest, PlatformChoice, descend, select_manifest
from bundler.images.platform import Platform
from tests.support.image_files import OCI, descriptor, index_of, manifest_of, sample

INDEX = f"{OCI}.index.v1+json"
MANIFEST = f"{OCI}.manifest.v1+json"


class Store:
    """Documents by digest, as a registry has them."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}

    def image(self, platform: str | None) -> dict[str, object]:
        """The entry of an image that states `platform` in the index."""
        raw = manifest_of(sample(Label=platform))[0]
        if platform is None:
            return self._keep(MANIFEST, raw)
        parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        return self._keep(MANIFEST, raw) | {"platform": parts}

    def index(self, *entries: dict[str, object], docker: bool = False) -> dict[str, object]:
        raw = index_of(*entries, docker=docker)
        return self._keep(json.loads(raw)["mediaType"], raw)

    def _keep(self, media_type: str, raw: bytes) -> dict[str, object]:
        self.documents[str(Digest.of(raw))] = raw
        return descriptor(media_type, raw)

    def read(self, one: Descriptor) -> bytes:
        return self.documents[str(one.digest)]

    def select(self, top: dict[str, object], platform: str) -> Manifest:
        raw = self.documents[str(top["digest"])]
        return select_manifest(raw, Digest.of(raw), Platform.parse(platform), self.read)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.mark.parametrize(
    ("there", "asked", "chosen"),
    [
        (["linux/amd64", "linux/arm64"], "arm64", "linux/arm64"),
        (["linux/arm64/v8", "linux/amd64"], "arm64", "linux/arm64/v8"),
        (["linux/amd64/v3", "linux/amd64"], "amd64", "linux/amd64"),
        (["linux/amd64/v3", "linux/amd64/v1"], "amd64", "linux/amd64/v1"),
        (["linux/amd64/v3"], "amd64", "linux/amd64/v3"),
        (["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "arm", "linux/arm/v7"),
        (["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v6", "linux/arm/v6"),
        (["unknown/unknown", "linux/amd64"], "amd64", "linux/amd64"),
        (["windows/amd64", "linux/amd64"], "amd64", "linux/amd64"),
        ([None], "arm64", None),
        ([None, "unknown/unknown"], "arm64", None),
    ],
)
@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
def test_the_nearest_platform_is_chosen(
    store: Store, there: list[str | None], asked: str, chosen: str | None, *, docker: bool
) -> None:
    index = store.index(*(store.image(platform) for platform in there), docker=docker)
    assert str(store.select(index, asked).digest) == store.image(chosen)["digest"]


@pytest.mark.parametrize("there", [["linux/amd64", "windows/amd64"], ["linux/arm/v7"], [None, None]])
def test_a_platform_that_is_not_there_is_an_error_that_lists_those_that_are(
    store: Store, there: list[str | None]
) -> None:
    index = store.index(*(store.image(platform) for platform in there), store.image("linux/s390x"))
    with pytest.raises(ImageError) as raised:
        store.select(index, "linux/arm/v6")
    assert "there is no image for linux/arm/v6" in raised.value.what
    assert all(platform is None or platform in raised.value.what for platform in there)
    assert (raised.value.hint or "").startswith("choose one with --platform, such as --platform linux/")


def test_indexes_inside_indexes_are_searched(store: Store) -> None:
    image = store.image("linux/arm64")
    top = store.index(store.index(store.image("linux/amd64")), store.index(store.index(image)))
    assert str(store.select(top, "arm64").digest) == image["digest"]


def test_endless_nesting_is_refused(store: Store) -> None:
    top = store.index(store.image("linux/amd64"))
    for _ in range(12):
        top = store.index(top)
    with pytest.raises(ImageError, match="indexes inside indexes"):
        store.select(top, "amd64")


def test_too_many_documents_are_refused(store: Store) -> None:
    fake = {"mediaType": MANIFEST, "size": 1}
    entries = [fake | {"digest": f"sha256:{number:064x}"} for number in range(1001)]
    with pytest.raises(ImageError, match="indexes inside indexes"):
        store.select(store.index(*entries), "amd64")


def test_an_index_that_is_named_twice_is_read_once(store: Store) -> None:
    inner = store.index(store.image("linux/amd64"))
    top = store.index(inner, inner)
    reads: list[str] = []

    def read(one: Descriptor) -> bytes:
        reads.append(str(one.digest))
        return store.read(one)

    raw = store.documents[str(top["digest"])]
    select_manifest(raw, Digest.of(raw), Platform.parse("amd64"), read)
    assert reads.count(str(inner["digest"])) == 1


def test_what_is_no_image_is_passed_over(store: Store) -> None:
    other = {"mediaType": "application/spdx+json", "size": 3, "digest": f"sha256:{'a' * 64}"}
    image = store.image("linux/amd64")
    assert str(store.select(store.index(other, image), "amd64").digest) == image["digest"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"schemaVersion": 2, "manifests": [], "layers": []}, "both an image manifest and an image index"),
        ({"schemaVersion": 2, "manifests": [], "config": {}}, "both an image manifest and an image index"),
        ({"schemaVersion": 2, "manifests": []}, "no image for linux/amd64"),
        ({"schemaVersion": 2, "mediaType": "application/x", "manifests": []}, "artifact"),
        ({"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST}]}, "manifests[0].size: missing"),
        ({"schemaVersion": 1, "history": []}, "schema 1"),
        ([], "expected an object"),
    ],
)
def test_what_is_neither_is_refused(store: Store, document: object, says: str) -> None:
    raw = json.dumps(document).encode()
    with pytest.raises(ImageError) as raised:
        select_manifest(raw, Digest.of(raw), Platform.parse("amd64"), store.read)
    assert says in raised.value.what


def test_what_is_not_there_is_passed_over_when_told_so(store: Store) -> None:
    top = store.index(store.image("linux/amd64"), store.image("linux/arm64"))
    absent = str(store.image("linux/amd64")["digest"])
    raw = store.documents[str(top["digest"])]
    one = Descriptor(INDEX, Digest.of(raw), len(raw))
    found = [str(each.digest) for each in descend([one], store.read, lambda each: str(each.digest) != absent)]
    assert found == [str(top["digest"]), str(store.image("linux/arm64")["digest"])]


@pytest.mark.parametrize(
    ("requested", "stated", "fine"),
    [(True, "arm64", False), (False, "arm64", True), (True, "amd64", True)],
)
def test_an_image_of_another_platform_is_only_wrong_if_someone_asked(
    stated: str, *, requested: bool, fine: bool
) -> None:
    choice = PlatformChoice(Platform.parse("amd64"), requested)
    image_config = replace(parse_image_config(sample().config), platform=Platform.parse(stated))
    if fine:
        choice.check(image_config)
        return
    with pytest.raises(ImageError, match="the image is for linux/arm64, not for linux/amd64"):
        choice.check(image_config)
