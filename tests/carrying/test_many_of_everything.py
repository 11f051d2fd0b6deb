"""Files of images that name things without end: each is refused, or read in as little time as another one."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import Link, as_json, descriptor, docker_files, layout_files, sample, write_archive

NAME = "registry.example/app:1"
IMAGE = sample()
pytestmark = pytest.mark.slow
REF_NAME = "org.opencontainers.image.ref.name"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(*names: str) -> dict[str, bytes | Link]:
    """A layout with one image, listed once by each name."""
    files = dict(layout_files({NAME: IMAGE}))
    index = files["index.json"]
    assert isinstance(index, bytes)
    (entry,) = json.loads(index)["manifests"]
    entries = [entry | {"annotations": {REF_NAME: name}} for name in names]
    return files | {"index.json": as_json({"schemaVersion": 2, "manifests": entries})}


def tagged(count: int) -> dict[str, bytes | Link]:
    """What docker save writes of one image, with so many names."""
    files = dict(docker_files({NAME: IMAGE}))
    manifest = files["manifest.json"]
    assert isinstance(manifest, bytes)
    (entry,) = json.loads(manifest)
    return files | {"manifest.json": as_json([entry | {"RepoTags": [f"a.example/b:{n}" for n in range(count)]}])}


def test_an_image_has_no_more_names_than_a_file_has_images(folder: Path) -> None:
    names = [f"a.example/b:{number}" for number in range(1001)]
    for files in (named(*names), tagged(1001)):
        done = call_bundler("import", write_archive(folder / "given.tar", files))
        assert (done.returncode, "more than 1000 images and names" in done.stderr) == (3, True), done.stderr
    bundler("import", write_archive(folder / "given.tar", tagged(1000)))
    assert len(json.loads(bundler("images", "--json"))["images"]) == 1000


def attached(names: list[str]) -> Mapping[str, bytes | Link]:
    """A layout in which the image's manifest is listed by these names of what is attached to an image, too."""
    files = named(NAME)
    (entry,) = json.loads(bytes(files["index.json"]))["manifests"]  # type: ignore[arg-type]
    entries = [entry, *(entry | {"annotations": {REF_NAME: name}} for name in names)]
    return files | {"index.json": as_json({"schemaVersion": 2, "manifests": entries})}


def test_what_is_attached_in_thousands_of_repositories_is_passed_by(folder: Path) -> None:
    """Gone through once for each of them, this would take an hour."""
    names = [f"a.example/b{number}:sha256-{'a' * 64}.sig" for number in range(11_000)]
    bundler("import", write_archive(folder / "given.tar", attached(names)))
    assert len(json.loads((folder / "store/index.json").read_bytes())["manifests"]) == 1


def test_an_index_is_kept_beside_an_image_by_its_own_digest_alone(folder: Path) -> None:
    files = named(NAME)
    (entry,) = json.loads(bytes(files["index.json"]))["manifests"]  # type: ignore[arg-type]
    index = as_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]})
    own = descriptor("application/vnd.oci.image.index.v1+json", index)
    tags = [own["digest"].replace(":", "-"), *(f"sha256-{number:064x}" for number in range(3))]
    entries = [entry, *(own | {"annotations": {REF_NAME: f"registry.example/app:{tag}.index"}} for tag in tags)]
    files[f"blobs/{own['digest'].replace(':', '/')}"] = index
    files["index.json"] = as_json({"schemaVersion": 2, "manifests": entries})
    bundler("import", write_archive(folder / "given.tar", files))
    listed = json.loads((folder / "store/index.json").read_bytes())["manifests"]
    assert [one["annotations"][REF_NAME] for one in listed] == [NAME, f"registry.example/app:{tags[0]}.index"]


def test_a_config_with_many_entries_has_its_manifest_read_once(folder: Path) -> None:
    """Read for each of them, this manifest would take minutes."""
    files = dict(docker_files({NAME: IMAGE}))
    index, manifest = (json.loads(bytes(files[name])) for name in ("index.json", "manifest.json"))  # type: ignore[arg-type]
    stated = index["manifests"][0]
    place = f"blobs/{stated['digest'].replace(':', '/')}"
    raw = as_json(json.loads(bytes(files.pop(place))) | {"annotations": {str(n): "x" for n in range(100_000)}})  # type: ignore[arg-type]
    files[f"blobs/{descriptor('', raw)['digest'].replace(':', '/')}"] = raw
    files["index.json"] = as_json(index | {"manifests": [stated | descriptor(stated["mediaType"], raw)]})
    entries = [manifest[0] | {"RepoTags": [f"a.example/b:{number}"]} for number in range(900)]
    files["manifest.json"] = as_json(entries)
    bundler("import", write_archive(folder / "given.tar", files))
    assert len(json.loads((folder / "store/index.json").read_bytes())["manifests"]) == 900
