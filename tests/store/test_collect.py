"""Garbage is what no entry leads to; nothing else may go."""

from pathlib import Path

import pytest

from bundler.errors import ImageError
from bundler.store.collect import collect
from tests.support.image_files import (
    as_json,
    blob,
    descriptor,
    index_of,
    layout_files,
    manifest_of,
    sample,
    write_folder,
)

pytestmark = pytest.mark.tool("umoci")
IMAGE = sample()
OTHER = sample(architecture="arm64")


def blobs(store: Path) -> set[str]:
    return {str(path.relative_to(store)) for path in (store / "blobs").rglob("*") if path.is_file()}


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize("platforms", [False, True], ids=["manifests", "index"])
def test_everything_that_an_entry_leads_to_stays(tmp_path: Path, *, docker: bool, platforms: bool) -> None:
    write_folder(tmp_path, layout_files({"1": IMAGE, "2": OTHER}, docker=docker, platforms=platforms))
    before = blobs(tmp_path)
    (tmp_path / "blobs/sha256" / ("0" * 64)).write_bytes(b"garbage")

    assert collect(tmp_path) == len(b"garbage")
    assert blobs(tmp_path) == before
    assert collect(tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_what_only_a_removed_image_needed_goes(tmp_path: Path) -> None:
    files = layout_files({"1": IMAGE, "2": OTHER}, docker=True)
    write_folder(tmp_path, files | {"index.json": layout_files({"1": IMAGE}, docker=True)["index.json"]})
    manifest, layers = manifest_of(IMAGE, docker=True)

    assert collect(tmp_path) > 0
    assert blobs(tmp_path) == {blob(content) for content in (manifest, IMAGE.config, *layers)}


def test_what_is_no_image_is_kept_with_what_it_names(tmp_path: Path) -> None:
    layer = b"a chart"
    document = {
        "schemaVersion": 2,
        "config": descriptor("application/vnd.example.config", b"{}"),
        "layers": [descriptor("application/vnd.example.chart", layer)],
    }
    artifact = as_json(document)
    entry = descriptor("application/vnd.oci.image.manifest.v1+json", artifact)
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index_of(entry)}
    write_folder(tmp_path, files | {blob(content): content for content in (artifact, b"{}", layer)})

    assert collect(tmp_path) == 0


def test_a_store_with_a_damaged_entry_loses_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path, layout_files({"1": IMAGE}))
    (tmp_path / blob(manifest_of(IMAGE)[0])).unlink()
    before = blobs(tmp_path)
    with pytest.raises(ImageError, match="is damaged"):
        collect(tmp_path)
    assert blobs(tmp_path) == before


@pytest.mark.parametrize("content", ["manifest", "config", "layer"])
def test_whose_a_damaged_blob_is_is_told(tmp_path: Path, content: str) -> None:
    write_folder(tmp_path, layout_files({"1": IMAGE, "2": OTHER}))
    manifest, layers = manifest_of(OTHER)
    path = tmp_path / blob({"manifest": manifest, "config": OTHER.config, "layer": layers[-1]}[content])
    path.write_bytes(bytes(path.stat().st_size))
    before = blobs(tmp_path)
    with pytest.raises(ImageError, match=r"(1|2) is damaged: .*(not what its digest names|not the one stated)"):
        collect(tmp_path)
    assert blobs(tmp_path) == before


def test_what_killed_processes_left_goes_too(tmp_path: Path) -> None:
    write_folder(tmp_path, layout_files({"1": IMAGE}))
    (tmp_path / ".bundler-dead").mkdir()
    (tmp_path / ".bundler-dead/oci-put-blob1").write_bytes(b"half")
    collect(tmp_path)
    assert not (tmp_path / ".bundler-dead").exists()
