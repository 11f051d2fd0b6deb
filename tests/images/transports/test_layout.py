import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import BundlerError, ImageError, RequestError
from bundler.images.digest import Digest
from tests.support.compressors import OF_LAYERS
from tests.support.image_files import (
    Files,
    Link,
    as_json,
    blob,
    descriptor,
    index_of,
    layout_files,
    manifest_of,
    sample,
    sha256,
    write_archive,
    write_folder,
)
from tests.support.opened import layer_contents, opened

ONE = sample()
TWO = sample(Cmd=["two"])
ARM = sample(architecture="arm64")


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize("compression", OF_LAYERS)
def test_a_layout_of_either_media_types_is_read(tmp_path: Path, compression: str, *, docker: bool) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"1": ONE}, compression, docker=docker))
    with opened(f"oci:{folder}", tmp_path / "w") as image:
        assert image.id == Digest.of(ONE.config)
        assert image.manifest == manifest_of(ONE, compression, docker=docker)[0]
        assert (image.transport, image.name, image.file_name) == ("oci", "1", "layout")
        assert tuple(layer_contents(image)) == ONE.layers


def test_an_archive_of_a_layout_is_read(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "image.tar", layout_files({"1": ONE}))
    for reference in (f"oci-archive:{archive}:1", archive):
        with opened(reference, tmp_path / "w") as image:
            assert image.transport == "oci-archive"
            assert tuple(layer_contents(image)) == ONE.layers


MANIFEST = sha256(manifest_of(TWO)[0])


@pytest.mark.parametrize("choice", [":two", ":@1", f"@{MANIFEST}", f"@{MANIFEST[:14]}"])
def test_one_of_several_images_is_chosen(tmp_path: Path, choice: str) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"one": ONE, "two": TWO}))
    with opened(f"{folder}{choice}", tmp_path / "w") as image:
        assert image.id == Digest.of(TWO.config)


@pytest.mark.parametrize(
    ("choice", "error", "says"),
    [
        ("", RequestError, "several images could be meant"),
        (":three", ImageError, "there is no image three"),
        (":@2", ImageError, "there is no image @2"),
        (f"@sha256:{'0' * 64}", ImageError, "there is no image sha256:000"),
    ],
)
def test_a_choice_that_is_open_or_wrong_lists_what_there_is(
    tmp_path: Path, choice: str, error: type[BundlerError], says: str
) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"one": ONE, "two": TWO}))
    with pytest.raises(error) as raised, opened(f"{folder}{choice}", tmp_path / "w"):
        pass
    assert says in raised.value.what
    assert raised.value.hint == "choose with one of: :one, :two"


def test_two_tags_of_one_image_are_no_choice(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"1": ONE, "latest": ONE}))
    with opened(folder, tmp_path / "w") as image:
        assert image.id == Digest.of(ONE.config)


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
@pytest.mark.parametrize(("platform", "chosen"), [(None, ONE), ("arm64", ARM), ("linux/amd64", ONE)])
def test_the_platform_is_chosen_in_a_nested_index(
    tmp_path: Path, platform: str | None, chosen: Any, *, docker: bool
) -> None:
    files = layout_files({"amd": ONE, "arm": ARM}, docker=docker, platforms=True)
    folder = write_folder(tmp_path / "layout", files)
    with opened(f"{folder}:all", tmp_path / "w", platform=platform) as image:
        assert image.id == Digest.of(chosen.config)


def test_a_platform_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"amd": ONE, "arm": ARM}, platforms=True))
    with (
        pytest.raises(ImageError, match=r"no image for linux/s390x \(there is: linux/amd64, linux/arm64\)"),
        opened(folder, tmp_path / "w", platform="s390x"),
    ):
        pass


def test_platforms_side_by_side_in_index_json_are_one_image(tmp_path: Path) -> None:
    files = layout_files({"amd": ONE, "arm": ARM}, platforms=True)
    top = files["index.json"]
    assert isinstance(top, bytes)
    nested = json.loads(top)["manifests"][0]["digest"].replace("sha256:", "blobs/sha256/")
    folder = write_folder(tmp_path / "layout", files | {"index.json": files[nested]})
    with opened(folder, tmp_path / "w", platform="arm64") as image:
        assert image.id == Digest.of(ARM.config)


def test_a_name_that_containerd_wrote_is_the_name(tmp_path: Path) -> None:
    names = {"io.containerd.image.name": "docker.io/library/one:1", "org.opencontainers.image.ref.name": "1"}
    manifest = manifest_of(ONE)[0]
    entry = descriptor(json.loads(manifest)["mediaType"], manifest, annotations=names)
    folder = write_folder(tmp_path / "layout", layout_files({"1": ONE}) | {"index.json": index_of(entry)})
    for choice in ("", ":1", ":one:1", ":docker.io/library/one:1"):
        with opened(f"{folder}{choice}", tmp_path / "w") as image:
            assert image.name == "docker.io/library/one:1"


def test_layers_are_found_while_the_folder_is_moved_away(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"1": ONE}))
    with opened(folder, tmp_path / "w") as image:
        folder.rename(tmp_path / "moved")
        assert tuple(layer_contents(image)) == ONE.layers


FILES = layout_files({"1": ONE})
RAW, STORED = manifest_of(ONE)
SMALL = as_json(json.loads(RAW) | {"layers": json.loads(RAW)["layers"][:1]})


def with_manifest(raw: bytes) -> Files:
    return FILES | {blob(raw): raw, "index.json": index_of(descriptor(json.loads(RAW)["mediaType"], raw))}


def renamed(old: str, content: bytes) -> Files:
    return FILES | {old: content}


BROKEN: dict[str, tuple[Files, str]] = {
    "no marker": ({name: content for name, content in FILES.items() if name != "oci-layout"}, "oci-layout does not"),
    "another version": (FILES | {"oci-layout": b'{"imageLayoutVersion": "2.0.0"}'}, "imageLayoutVersion"),
    "a marker without end": (FILES | {"oci-layout": b" " * 5000}, "more than the 4 KiB"),
    "no index": ({name: content for name, content in FILES.items() if name != "index.json"}, "index.json does not"),
    "an index that is a manifest": (FILES | {"index.json": RAW}, "image index"),
    "no image": (FILES | {"index.json": index_of()}, "there is no image"),
    "a changed manifest": (renamed(blob(RAW), RAW.replace(b"gzip", b"zstd")), "its digest is"),
    "a cut manifest": (renamed(blob(RAW), RAW[:-1]), f"{len(RAW) - 1} bytes, but {len(RAW)} are stated"),
    "a changed config": (renamed(blob(ONE.config), ONE.config.replace(b"linux", b"Linux")), "its digest is"),
    "a longer config": (renamed(blob(ONE.config), ONE.config + b" "), "are stated"),
    "a layer that is missing": (
        {name: content for name, content in FILES.items() if name != blob(STORED[0])},
        "missing",
    ),
    "a layer that is cut": (renamed(blob(STORED[0]), STORED[0][:-1]), "are stated"),
    "a layer with more behind it": (renamed(blob(STORED[0]), STORED[0] + b"\0"), "are stated"),
    "a layer too few": (with_manifest(SMALL), "1 layers, but the image config states 2 diff_ids"),
}


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
@pytest.mark.parametrize(("files", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_layout_is_refused_at_once(tmp_path: Path, form: str, files: Files, says: str) -> None:
    path = (write_folder if form == "oci" else write_archive)(tmp_path / "image", files)
    says = says.replace("does not", "" if form == "oci-archive" else "does not")
    with pytest.raises(ImageError) as raised, opened(f"{form}:{path}", tmp_path / "w"):
        pass
    assert says in raised.value.what


SWAPPED = as_json(json.loads(RAW) | {"layers": json.loads(RAW)["layers"][::-1]})
LYING: dict[str, tuple[Files, str]] = {
    "a changed layer": (renamed(blob(STORED[0]), STORED[0][:-1] + b"x"), "its digest is"),
    "swapped layers": (with_manifest(SWAPPED), "its diff_id is"),
}


@pytest.mark.parametrize(("files", "says"), LYING.values(), ids=LYING)
def test_a_lying_layout_is_refused_when_its_layers_are_read(tmp_path: Path, files: Files, says: str) -> None:
    with opened(write_folder(tmp_path / "layout", files), tmp_path / "w") as image:
        with pytest.raises(ImageError) as raised:
            layer_contents(image)
        assert says in raised.value.what


@pytest.mark.parametrize("listed", ["linux/arm64", None])
@pytest.mark.parametrize("asked", ["linux/riscv64", None])
def test_an_image_that_states_no_platform_is_for_the_one_asked_for_or_listed(
    tmp_path: Path, listed: str | None, asked: str | None
) -> None:
    stated = json.loads(ONE.config)
    del stated["architecture"], stated["os"]
    image = replace(ONE, config=as_json(stated))
    manifest, stored = manifest_of(image)
    platform = {"platform": {"os": "linux", "architecture": "arm64"}} if listed else {}
    index = index_of(descriptor(json.loads(manifest)["mediaType"], manifest, **platform))
    files: Files = {blob(content): content for content in (manifest, image.config, *stored)}
    files |= {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index}
    folder = write_folder(tmp_path / "layout", files)
    with opened(f"oci:{folder}", tmp_path / "w", platform=asked) as opened_image:
        assert str(opened_image.image_config.platform) == (asked or listed or "linux/amd64")
        assert opened_image.image_config.platform_assumed


def test_blobs_may_be_links_inside_the_layout(tmp_path: Path) -> None:
    files = layout_files({"1": ONE})
    linked = {name: Link("../../" + name.replace("blobs/", "elsewhere/")) for name in files if name.startswith("blobs")}
    moved = {name.replace("blobs/", "elsewhere/"): content for name, content in files.items()}
    folder = write_folder(
        tmp_path / "layout", moved | linked | {"index.json": Link("./elsewhere/../i")} | {"i": files["index.json"]}
    )
    with opened(f"oci:{folder}", tmp_path / "w") as image:
        assert tuple(layer_contents(image)) == ONE.layers


@pytest.mark.parametrize("target", ["/blobs", "../blobs", "a/../../blobs", "blobs", ".", "missing"])
def test_links_out_of_the_layout_are_not_followed(tmp_path: Path, target: str) -> None:
    folder = write_folder(tmp_path / "layout", layout_files({"1": ONE}))
    (folder / "blobs").rename(tmp_path / "blobs")
    (folder / "blobs").symlink_to(target)
    with pytest.raises(ImageError) as raised, opened(f"oci:{folder}", tmp_path / "w"):
        pass
    assert ("cp -rL" in (raised.value.hint or "")) == (target != "missing")
