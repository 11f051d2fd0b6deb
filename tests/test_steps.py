"""What each call says of how far it is: every step once, up to its last byte, and never beyond."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import bundler
from bundler.images.manifest import PlatformChoice
from bundler.images.transports import access
from bundler.images.transports.table import parse_reference
from bundler.limits import DEFAULTS
from bundler.progress import Meter, Progress, rising
from bundler.store.fetch import Fetch
from bundler.store.layout import open_store, prepare
from tests.support.faulty_registry import cut, faulty_registry, times
from tests.support.forked_workers import forked_workers
from tests.support.image_files import layout_files, sample, write_archive, write_folder
from tests.support.tarballs import file, tarball

NOISE = os.urandom(5_000_000)
LAYERS = [tarball(file(name, NOISE[size:])) for name, size in (("large", 0), ("small", 4_900_000), ("other", 0))]
IMAGE = sample(*LAYERS)


@dataclass
class Steps:
    """Progress that holds every step against its total."""

    done: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int | None] = field(default_factory=dict)

    @contextmanager
    def measure(self, label: str, total: int | None) -> Iterator[Meter]:
        assert label not in self.done, f"{label} is shown twice"
        self.done[label], self.totals[label] = 0, total

        def add(count: int, /) -> None:
            assert count >= 0
            self.done[label] += count
            assert total is None or self.done[label] <= total, f"{label}: {self.done[label]} of {total} bytes"

        yield add
        assert total is None or self.done[label] == total, f"{label}: {self.done[label]} of {total} bytes"


def request(image: str, **more: object) -> bundler.BuildRequest:
    plain = bundler.Access(tls_verify=False)
    return bundler.BuildRequest(image=image, rootless=True, store=None, access=plain, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    with forked_workers():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image in several forms, and a bundle of it."""
    folder = tmp_path_factory.mktemp("steps")
    write_archive(folder / "image.tar", layout_files({"1": IMAGE}))
    for compression in ("gzip", "zstd", "none"):
        write_folder(folder / compression, layout_files({"1": IMAGE}, compression))
    (folder / "data.yaml").write_text("volumes: [data:/data]\n")
    bundler.build(request(str(folder / "image.tar"), overrides=[folder / "data.yaml"]), folder / "bundle")
    (folder / "bundle/volumes/data/file").write_bytes(NOISE)
    return folder


@pytest.mark.parametrize("image", ["image.tar", "oci:gzip", "oci:zstd", "oci:none"])
@pytest.mark.parametrize("unpacker", ["native", pytest.param("umoci", marks=pytest.mark.tool("umoci"))])
def test_a_build_has_one_step_for_all_layers(
    folder: Path, tmp_path: Path, image: str, unpacker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    steps = Steps()
    bundler.build(request(image, unpacker=unpacker), tmp_path / "bundle", progress=steps)
    assert list(steps.done) == ["reading 3 layers", "unpacking 3 layers"][unpacker == "native" :]


CALLS: dict[str, tuple[Callable[[Path, Path, Progress], object], list[str]]] = {
    "preview": (
        lambda of, _to, shown: bundler.preview(request(f"oci:{of}/gzip"), progress=shown),
        ["reading 3 layers"],
    ),
    "pack, zstd": (
        lambda of, to, shown: bundler.pack(of / "bundle", to / "web.tar.zst", progress=shown),
        ["packing web.tar.zst"],
    ),
    "pack, plain": (
        lambda of, to, shown: bundler.pack(of / "bundle", to / "web.tar", progress=shown),
        ["packing web.tar"],
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_has_its_steps(folder: Path, tmp_path: Path, call: str) -> None:
    function, expected = CALLS[call]
    steps = Steps()
    function(folder, tmp_path, steps)
    assert list(steps.done) == expected


def test_what_is_packed_is_read_to_its_end(folder: Path, tmp_path: Path) -> None:
    for number, ending in enumerate((".tar", ".tar.gz", ".tar.zst")):
        packed = tmp_path / f"web{ending}"
        bundler.pack(folder / "bundle", packed)
        steps = Steps()
        assert not bundler.verify(packed, progress=steps).changes
        bundler.unpack(packed, tmp_path / f"bundle{number}", progress=steps)
        assert list(steps.done) == [f"verifying {packed}", f"unpacking {packed.name}"]


def fetch(place: Path, name: str, steps: Progress) -> None:
    wanted = PlatformChoice(bundler.Platform("linux", "amd64"), requested=False)
    fetching = Fetch(access=bundler.Access(tls_verify=False), limits=DEFAULTS, progress=steps, wanted=wanted)
    prepare(place)
    with open_store(place) as store:
        fetching.into(store, parse_reference(name).name_in_registry())


@pytest.mark.tool("skopeo")
@pytest.mark.parametrize("kept", [False, True], ids=["build", "fetch"])
def test_a_layer_that_broke_off_is_not_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    monkeypatch.setattr(access, "_FIRST_PAUSE", 0.01)
    with faulty_registry() as registry:
        large, _, other = registry.add("web:1", sample(*LAYERS))
        registry.faults[large] = times(2, cut)
        registry.faults[other] = times(1, cut)
        steps = Steps()
        name = registry.name("web:1")
        if kept:
            fetch(tmp_path / "store", name, steps)
        else:
            bundler.build(request(name), tmp_path / "bundle", progress=steps)
        reference = name.removeprefix("docker://")
        assert registry.asked.count(large) >= 2
        assert list(steps.done) == [f"fetching {reference}", "unpacking 3 layers"][: 1 if kept else 2]


def test_what_begins_anew_goes_on_where_it_was() -> None:
    counts: list[int] = []
    reach = rising(counts.append)
    for position in (0, 3, 5, 2, 4, 6, 6):
        reach(position)
    assert counts == [3, 2, 1]
