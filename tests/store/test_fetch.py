"""Fetching into a store: what is asked for, what is kept, and what a fault leaves."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError, RequestError, ToolError
from bundler.images.digest import Digest
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import RegistryReference
from bundler.images.transports import access
from bundler.images.transports.access import Access
from bundler.images.transports.table import parse_reference
from bundler.limits import DEFAULTS
from bundler.progress import SILENT, Meter, Progress
from bundler.store.fetch import Fetch
from bundler.store.find import Kept, kept, open_kept
from bundler.store.layout import open_store, prepare
from tests.support.faulty_registry import Fault, FaultyRegistry, cut, faulty_registry, refuse, swap
from tests.support.image_files import digits, manifest_of, sample, sha256
from tests.support.opened import layer_contents
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.tool("skopeo")

BASE = tarball(file("base", b"base" * 1000))
ONE = sample(BASE, tarball(file("one", b"1")))
TWO = sample(BASE, tarball(file("two", b"2")))
ARM = sample(architecture="arm64")
AMD64 = PlatformChoice(Platform("linux", "amd64"), requested=False)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRegistry]:
    monkeypatch.setattr(access, "_FIRST_PAUSE", 0.01)
    with faulty_registry() as registry:
        yield registry


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def fetch(
    store: Path,
    name: str,
    *,
    platform: str | None = None,
    every: bool = False,
    policy: Path | None = None,
    progress: Progress = SILENT,
) -> str:
    wanted = PlatformChoice(Platform.parse(platform or "linux/amd64"), requested=platform is not None)
    access = Access(tls_verify=False, policy=policy)
    fetching = Fetch(access=access, limits=DEFAULTS, progress=progress, wanted=wanted, every=every)
    prepare(store)
    with open_store(store) as opened:
        return str(fetching.into(opened, parse_reference(name).name_in_registry()))


def listed(store: Path) -> list[Kept]:
    with open_store(store) as opened:
        return list(kept(opened))


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
def test_an_image_in_the_store_is_the_registrys_to_the_byte(
    served: FaultyRegistry, store: Path, *, docker: bool
) -> None:
    served.add("one:1", ONE, docker=docker)
    manifest, stored = manifest_of(ONE, docker=docker)

    assert fetch(store, served.name("one:1")) == sha256(manifest)
    for content in (manifest, ONE.config, *stored):
        assert (store / "blobs/sha256" / digits(content)).read_bytes() == content
    reference = RegistryReference.parse(served.name("one:1"))
    with open_kept(store, reference, AMD64, DEFAULTS) as image:
        assert image is not None
        assert (image.name, image.manifest_digest) == (str(reference), Digest.of(manifest))
        assert tuple(layer_contents(image)) == ONE.layers


def test_a_layer_that_is_there_is_not_fetched_again(served: FaultyRegistry, store: Path) -> None:
    shared, _ = served.add("one:1", ONE)
    _, other = served.add("two:1", TWO)
    fetch(store, served.name("one:1"))
    served.asked.clear()

    fetch(store, served.name("two:1"))
    assert other in served.asked
    assert shared not in served.asked


def test_a_second_fetch_changes_nothing(served: FaultyRegistry, store: Path) -> None:
    layers = served.add("one:1", ONE)
    fetch(store, served.name("one:1"))
    before = (store / "index.json").read_bytes()
    served.asked.clear()

    fetch(store, served.name("one:1"))
    assert (store / "index.json").read_bytes() == before
    assert not set(layers) & set(served.asked)


def test_what_is_shown_is_what_layers_came(served: FaultyRegistry, store: Path) -> None:
    served.add("one:1", ONE)
    shown: list[tuple[int | None, list[int]]] = []

    class Shown:
        @contextmanager
        def measure(self, _label: str, total: int | None) -> Iterator[Meter]:
            shown.append((total, []))
            yield shown[-1][1].append

    fetch(store, served.name("one:1"), progress=Shown())
    fetch(store, served.name("one:1"), progress=Shown())
    ((total, counts),) = shown  # the second time, nothing had to come
    assert sum(counts) == total == sum(len(layer) for layer in manifest_of(ONE)[1])


def test_a_layer_that_was_cut_off_on_disk_is_fetched_again(served: FaultyRegistry, store: Path) -> None:
    layer = served.add("one:1", ONE)[0]
    fetch(store, served.name("one:1"))
    path = store / "blobs/sha256" / layer.removeprefix("sha256:")
    os.truncate(path, 10)

    fetch(store, served.name("one:1"))
    assert sha256(path.read_bytes()) == layer


def test_a_layer_that_was_damaged_on_disk_is_fetched_again(served: FaultyRegistry, store: Path) -> None:
    first, second = served.add("one:1", ONE)
    fetch(store, served.name("one:1"))
    path = store / "blobs/sha256" / second.removeprefix("sha256:")
    path.write_bytes(bytes(path.stat().st_size))
    served.asked.clear()

    fetch(store, served.name("one:1"))
    assert sha256(path.read_bytes()) == second
    assert first not in served.asked


def test_a_tag_that_moved_is_followed(served: FaultyRegistry, store: Path) -> None:
    served.add("one:1", ONE)
    fetch(store, served.name("one:1"))
    served.add("one:1", TWO)
    fetch(store, served.name("one:1"))

    assert [one.id for one in listed(store)] == [sha256(TWO.config)]


def test_platforms_of_one_name_stand_side_by_side(served: FaultyRegistry, store: Path) -> None:
    served.add("many:1", ONE, ARM)
    fetch(store, served.name("many:1"))
    assert [one.platform for one in listed(store)] == ["linux/amd64"]
    fetch(store, served.name("many:1"), platform="linux/arm64")
    assert [one.platform for one in listed(store)] == ["linux/amd64", "linux/arm64"]


def test_an_image_is_kept_whole_for_all_platforms(served: FaultyRegistry, store: Path) -> None:
    served.add("many:1", ONE, ARM)
    fetch(store, served.name("many:1"))
    index = fetch(store, served.name("many:1"), every=True)

    assert index == sha256(served.documents["many/manifests/1"][1])
    assert {(one.platform, one.digest) for one in listed(store)} == {("linux/amd64", index), ("linux/arm64", index)}


def test_a_platform_that_is_not_there_is_refused(served: FaultyRegistry, store: Path) -> None:
    served.add("one:1", ONE)
    with pytest.raises(ImageError, match="the image is for linux/amd64, not for linux/arm64"):
        fetch(store, served.name("one:1"), platform="linux/arm64")
    assert listed(store) == []


FAULTS: dict[str, tuple[Fault, type[BundlerError], str]] = {
    "unauthorized": (refuse(401), ImageError, "wants a login"),
    "forbidden": (refuse(403), ImageError, "the registry forbids it"),
    "not found": (refuse(404), ImageError, "lacks a part"),
    "too many requests": (refuse(429), ToolError, "refuses more requests for now"),
    "an error of the server": (refuse(500), ToolError, "the registry itself has failed"),
    "other bytes": (swap, ImageError, "not what its digest names"),
    "cut off": (cut, ToolError, "the connection broke off"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_the_store_as_it_was_and_the_next_fetch_goes_on(
    served: FaultyRegistry, store: Path, fault: str
) -> None:
    cause, kind, said = FAULTS[fault]
    first, second = served.add("one:1", ONE)
    served.add("two:1", TWO)
    fetch(store, served.name("two:1"))
    before = listed(store)
    served.faults[second] = cause

    with pytest.raises(kind) as raised:
        fetch(store, served.name("one:1"))
    assert said in raised.value.what
    assert "\n" not in raised.value.what
    assert listed(store) == before
    assert [path.name for path in store.iterdir() if path.name.startswith(".")] == []

    served.faults.clear()
    served.asked.clear()
    fetch(store, served.name("one:1"))
    assert second in served.asked
    assert first not in served.asked
    assert len(listed(store)) == 2


DOCUMENTS = {
    "unauthorized": (refuse(401), ImageError, "wants a login"),
    "forbidden": (refuse(403), ImageError, "the registry forbids it"),
    "not found": (refuse(404), ImageError, ""),
    "too many requests": (refuse(429), ToolError, "refuses more requests for now"),
    "an error of the server": (refuse(502), ToolError, "the registry itself has failed"),
    "other bytes": (swap, ImageError, ""),
    "cut off": (cut, ToolError, "the connection broke off"),
}


@pytest.mark.parametrize("fault", DOCUMENTS)
@pytest.mark.parametrize("document", ["manifest", "config"])
def test_a_fault_of_a_document_is_told_as_one_of_a_layer(
    served: FaultyRegistry, store: Path, fault: str, document: str
) -> None:
    cause, kind, said = DOCUMENTS[fault]
    served.add("one:1", ONE)
    served.faults["1" if document == "manifest" else sha256(ONE.config)] = cause
    with pytest.raises(kind) as raised:
        fetch(store, served.name("one:1"))
    assert said in raised.value.what
    assert "skopeo failed" not in raised.value.what
    assert "/one" in raised.value.what  # which of several images it was
    assert listed(store) == []


def test_the_policy_is_asked_also_when_every_layer_is_there(
    served: FaultyRegistry, store: Path, tmp_path: Path
) -> None:
    served.add("one:1", ONE)
    fetch(store, served.name("one:1"))
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "reject"}]}))

    with pytest.raises(ImageError, match="the policy rejects it"):
        fetch(store, served.name("one:1"), policy=policy)
    with pytest.raises(ToolError, match="no signature policy"):
        fetch(store, served.name("one:1"), policy=tmp_path / "missing.json")


@pytest.mark.parametrize("name", ["./image.tar", "oci:layout", "docker-daemon:nginx:1"])
def test_only_registries_are_fetched_from(name: str) -> None:
    with pytest.raises(RequestError, match="is not in a registry"):
        parse_reference(name).name_in_registry()


def test_the_store_may_have_any_name(served: FaultyRegistry, tmp_path: Path) -> None:
    served.add("one:1", ONE)
    fetch(tmp_path / "a:b c", served.name("one:1"))
    assert len(listed(tmp_path / "a:b c")) == 1
