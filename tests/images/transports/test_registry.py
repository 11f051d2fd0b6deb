"""Images in a registry that fails: what passes is tried again, and nothing that came is asked for twice."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError, ToolError
from bundler.images.transports import access
from bundler.images.transports.access import Access
from bundler.tools import SKOPEO, version
from tests.support.children import children
from tests.support.faulty_registry import (
    Endless,
    Fault,
    FaultyRegistry,
    cut,
    faulty_registry,
    refuse,
    reset,
    swap,
    times,
)
from tests.support.image_files import sample, sha256
from tests.support.opened import layer_contents, opened
from tests.support.tarballs import file, tarball

pytestmark = pytest.mark.tool("skopeo")

IMAGE = sample(*(tarball(file(name, name.encode() * 1000)) for name in "abcde"))
PLACES = ("manifest", "config", "layer", "token")
PASSING: dict[str, Fault] = {
    "reset": reset,
    "cut": cut,
    **{str(status): refuse(status) for status in (500, 502, 503, 504)},
}
LASTING: dict[str, tuple[Fault, str]] = {
    "401": (refuse(401), "wants a login"),
    "403": (refuse(403), "forbids it"),
    "404": (refuse(404), "not found|lacks a part|token service"),
    "501": (refuse(501), "itself has failed"),
    "swap": (swap, "digest|JSON|token service"),
}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRegistry]:
    monkeypatch.setattr(access, "_FIRST_PAUSE", 0.01)
    with faulty_registry() as registry:
        yield registry


def fail_at(served: FaultyRegistry, place: str, fault: Fault) -> list[str]:
    """Serve IMAGE with a fault; gives the digests of its layers."""
    layers = served.add("team/app:1", IMAGE)
    served.wants_token = place == "token"
    served.faults = {{"manifest": "1", "config": sha256(IMAGE.config), "layer": layers[2]}.get(place, place): fault}
    return layers


def fetched(served: FaultyRegistry, workspace: Path, access: Access) -> tuple[bytes, ...]:
    with opened(f"docker://{served.host}/team/app:1", workspace, access=access) as image:
        return tuple(layer_contents(image))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again_and_nothing_else_is_asked_for_twice(
    served: FaultyRegistry, tmp_path: Path, fault: str, place: str
) -> None:
    layers = fail_at(served, place, times(1, PASSING[fault]))
    told: list[str] = []
    assert fetched(served, tmp_path / "w", Access(tls_verify=False, report=told.append)) == IMAGE.layers
    asked = Counter(served.asked)
    assert {asked[layer] for layer in layers if layer not in served.faults} == {1}
    (failing,) = served.faults
    times_asked = sum(path.rpartition("/")[2] == failing for path in served.paths)
    assert times_asked >= 2
    asks_again = version(SKOPEO) >= (1, 10)  # by itself, once in a call
    assert times_asked <= (4 if asks_again else 3) or place == "token"  # each call of skopeo has to have one
    if told or not asks_again:
        (sentence,) = told
        assert "try 2 of 4" in sentence
        assert served.host in sentence


@pytest.mark.parametrize("place", PLACES)
def test_what_fails_each_time_is_asked_as_often_as_was_said(served: FaultyRegistry, tmp_path: Path, place: str) -> None:
    for retries in (0, 2):
        fail_at(served, place, refuse(503))
        served.paths.clear()
        told: list[str] = []
        with pytest.raises(ToolError, match="itself has failed"):
            fetched(served, tmp_path / f"w{retries}", Access(tls_verify=False, retries=retries, report=told.append))
        asked = [path for path in served.paths if path.rpartition("/")[2] in served.faults]
        assert (len(asked), len(told)) == (retries + 1, retries)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", LASTING)
def test_what_does_not_pass_is_not_tried_again(served: FaultyRegistry, tmp_path: Path, fault: str, place: str) -> None:
    cause, what = LASTING[fault]
    fail_at(served, place, cause)
    told: list[str] = []
    with pytest.raises(BundlerError, match=what) as raised:
        fetched(served, tmp_path / "w", Access(tls_verify=False, report=told.append))
    assert told == []
    assert "\n" not in raised.value.what
    asked = [path for path in served.paths if path.rpartition("/")[2] in served.faults]
    assert len(asked) <= 2  # skopeo itself asks once more with another token


@pytest.mark.parametrize("place", PLACES)
def test_what_never_ends_is_refused_before_it_fills_anything(
    served: FaultyRegistry, tmp_path: Path, place: str
) -> None:
    endless, before = Endless(), children()
    fail_at(served, place, endless)
    with pytest.raises(ImageError, match="the registry sends more than the image states"):
        fetched(served, tmp_path / "w", Access(tls_verify=False))
    assert endless.sent < 64 << 20
    assert children() == before
    assert [path for path in (tmp_path / "w").rglob("*") if path.is_file()] == []
