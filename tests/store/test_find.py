"""Which image of the store a name means."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import ImageError
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import RegistryReference
from bundler.limits import DEFAULTS
from bundler.store.find import kept, open_kept, remove
from bundler.store.layout import open_store
from tests.support.image_files import (
    blob,
    descriptor,
    index_of,
    layout_files,
    manifest_of,
    sample,
    sha256,
    write_folder,
)
from tests.support.opened import layer_contents

AMD64 = sample()
ARM64 = sample(architecture="arm64")
NAME = "docker.io/library/web:1"


def manifests() -> dict[str, dict[str, Any]]:
    """Descriptors of both images, as an index has them."""
    found = {}
    for platform, image in (("amd64", AMD64), ("arm64", ARM64)):
        raw = manifest_of(image)[0]
        stated = {"os": "linux", "architecture": platform}
        found[platform] = descriptor(json.loads(raw)["mediaType"], raw, platform=stated)
    return found


def called(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"annotations": {"org.opencontainers.image.ref.name": name}}


def without_platform(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "platform"}


MANIFESTS = manifests()
INDEX = index_of(*MANIFESTS.values())
WHOLE = descriptor("application/vnd.oci.image.index.v1+json", INDEX)
Stored = Callable[..., Path]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """A store that lists `entries`, and has the blobs of both images and of their index."""

    def write(*entries: dict[str, Any]) -> Path:
        files = layout_files({"amd64": AMD64, "arm64": ARM64}) | {blob(INDEX): INDEX}
        return write_folder(tmp_path, files | {"index.json": index_of(*entries)})

    return write


def found(store: Path, name: str, platform: str = "linux/amd64", *, requested: bool = False) -> str | None:
    """The image id that a name means."""
    wanted = PlatformChoice(Platform.parse(platform), requested)
    with open_kept(store, RegistryReference.parse(name), wanted, DEFAULTS) as image:
        return None if image is None else str(image.id)


def unpacked(store: Path, name: str) -> None:
    """Read its layers, as a build does."""
    wanted = PlatformChoice(Platform("linux", "amd64"), requested=False)
    with open_kept(store, RegistryReference.parse(name), wanted, DEFAULTS) as image:
        assert image is not None
        tuple(layer_contents(image))


def test_names_are_compared_when_they_are_complete(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["amd64"]))
    for name in ("web:1", "library/web:1", NAME):
        assert found(store, name) == sha256(AMD64.config)
    for name in ("web", "web:2", "localhost/web:1"):
        assert found(store, name) is None


def test_without_a_store_nothing_is_found(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere", NAME) is None


def test_of_several_platforms_the_wanted_one_is_meant(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["amd64"]), called(NAME, MANIFESTS["arm64"]))
    assert found(store, NAME) == sha256(AMD64.config)
    assert found(store, NAME, "linux/arm64") == sha256(ARM64.config)


def test_another_platform_is_not_taken_for_the_wanted_one(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["arm64"]))
    assert found(store, NAME) is None


def test_the_only_image_of_a_name_is_taken_as_from_a_registry(stored: Stored) -> None:
    store = stored(called(NAME, without_platform(MANIFESTS["arm64"])))
    assert found(store, NAME) == sha256(ARM64.config)
    with pytest.raises(ImageError, match="is for linux/arm64"):
        found(store, NAME, requested=True)


def test_an_index_gives_what_it_has(stored: Stored) -> None:
    store = stored(called(NAME, WHOLE))
    assert found(store, NAME, "linux/arm64") == sha256(ARM64.config)
    assert found(store, NAME, "linux/s390x") is None


@pytest.mark.parametrize("entry", [WHOLE, MANIFESTS["arm64"]], ids=["inside an index", "by itself"])
def test_a_digest_means_what_has_it_under_any_tag(stored: Stored, entry: dict[str, Any]) -> None:
    store = stored(called(NAME, entry))
    digest = MANIFESTS["arm64"]["digest"]
    assert found(store, f"web@{digest}") == sha256(ARM64.config)
    assert found(store, f"web:moved@{digest}") == sha256(ARM64.config)
    assert found(store, f"other@{digest}") is None
    assert found(store, f"web@sha256:{'0' * 64}") is None


def test_a_damaged_image_is_said_to_be(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["amd64"]))
    (store / blob(AMD64.config)).write_bytes(b"{}")
    with pytest.raises(ImageError, match="2 bytes, but"):
        found(store, NAME)
    (store / blob(manifest_of(AMD64)[0])).unlink()
    with open_store(store) as opened, pytest.raises(ImageError, match=f"{NAME} is damaged"):
        list(kept(opened))


def test_an_image_that_is_damaged_is_told_by_its_name_and_what_to_do(stored: Stored) -> None:
    store = stored(called(NAME, WHOLE))
    layer = store / blob(manifest_of(AMD64)[1][0])
    layer.write_bytes(bytes(layer.stat().st_size))
    assert found(store, NAME) == sha256(AMD64.config)
    with pytest.raises(ImageError, match=f"{NAME} is damaged: layer sha256:.*its digest is") as raised:
        unpacked(store, NAME)
    assert "fetch it again" in (raised.value.hint or "")
    for damaged in (layer, store / blob(AMD64.config), store / blob(INDEX)):
        damaged.unlink()
        with open_store(store) as opened, pytest.raises(ImageError, match=f"{NAME} is damaged: ") as raised:
            list(kept(opened))
        assert raised.value.what.count(str(store)) == 1


def test_what_other_tools_put_there_is_listed_by_their_name(stored: Stored) -> None:
    store = stored(called("latest", MANIFESTS["amd64"]), WHOLE)
    with open_store(store) as opened:
        assert [(one.name, one.platform) for one in kept(opened)] == [
            ("latest", "linux/amd64"),
            ("", "linux/amd64"),
            ("", "linux/arm64"),
        ]


def test_what_is_removed_is_no_longer_there_and_the_rest_is(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["amd64"]), called(NAME, MANIFESTS["arm64"]), called("b:1", WHOLE), WHOLE)
    with open_store(store) as opened:
        remove(opened, [RegistryReference.parse("web:1")])
        assert [one.annotation("org.opencontainers.image.ref.name") for one in opened.entries()] == [None, "b:1"]


def test_all_names_are_removed_or_none(stored: Stored) -> None:
    store = stored(called(NAME, MANIFESTS["amd64"]))
    before = (store / "index.json").read_bytes()
    with open_store(store) as opened, pytest.raises(ImageError, match=r"docker\.io/library/gone:1 is not in the store"):
        remove(opened, [RegistryReference.parse("web:1"), RegistryReference.parse("gone:1")])
    assert (store / "index.json").read_bytes() == before
