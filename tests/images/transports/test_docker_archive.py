import json
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
    digits,
    docker_files,
    layout_files,
    legacy_files,
    manifest_of,
    sample,
    write_archive,
)
from tests.support.opened import layer_contents, opened
from tests.support.steps import grows_no_faster
from tests.support.tarballs import file, tarball

ONE = sample()
TWO = sample(ONE.layers[0], tarball(file("two")), Cmd=["two"])
FORMS = {"until 24": legacy_files, "since 25": docker_files}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_both_forms_of_docker_save_hold_the_same_image(tmp_path: Path, write: Any) -> None:
    archive = write_archive(tmp_path / "image.tar", write({"golden/one:1": ONE}))
    with opened(archive, tmp_path / "w") as image:
        assert image.id == Digest.of(ONE.config)
        assert (image.transport, image.name, image.file_name) == ("docker-archive", "golden/one:1", "image.tar")
        assert tuple(layer_contents(image)) == ONE.layers


@pytest.mark.parametrize("compression", OF_LAYERS)
def test_the_newer_form_has_the_manifest_and_may_compress_its_layers(tmp_path: Path, compression: str) -> None:
    archive = write_archive(tmp_path / "image.tar", docker_files({"one:1": ONE}, compression))
    with opened(archive, tmp_path / "w") as image:
        manifest, stored = manifest_of(ONE, compression)
        assert image.manifest == manifest
        assert image.manifest_digest == Digest.of(manifest)
        assert [layer.blob.digest for layer in image.layers] == [Digest.of(content) for content in stored]
        assert image.layers[0].blob.media_type.endswith("tar" if compression == "none" else f"tar.{compression}")
        assert tuple(layer_contents(image)) == ONE.layers


def test_the_older_form_has_no_manifest(tmp_path: Path) -> None:
    with opened(write_archive(tmp_path / "image.tar", legacy_files({"one:1": ONE})), tmp_path / "w") as image:
        assert (image.manifest, image.manifest_digest) == (None, None)
        assert [layer.blob.digest for layer in image.layers] == [None, None]


def test_layers_that_images_share_are_links_in_the_older_form(tmp_path: Path) -> None:
    files = legacy_files({"one:1": ONE, "two:1": TWO})
    assert any(isinstance(content, Link) for content in files.values())
    with opened(f"{write_archive(tmp_path / 'image.tar', files)}:two:1", tmp_path / "w") as image:
        assert tuple(layer_contents(image)) == TWO.layers


ID = digits(TWO.config)


@pytest.mark.parametrize(
    "choice",
    [":two:1", ":docker.io/library/two:1", ":@1", "@1", f"@sha256:{ID}", f":@sha256:{ID[:4]}", f":{ID}", f":{ID[:12]}"],
)
@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_one_of_several_images_is_chosen(tmp_path: Path, write: Any, choice: str) -> None:
    archive = write_archive(tmp_path / "image.tar", write({"one:1": ONE, "two:1": TWO}))
    with opened(f"{archive}{choice}", tmp_path / "w") as image:
        assert image.id == Digest.of(TWO.config)
        assert image.name == "two:1"


def test_a_tag_that_looks_like_an_image_id_is_a_tag_first(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "image.tar", docker_files({f"{ID[:6]}:latest": ONE, "two:1": TWO}))
    with opened(f"{archive}:{ID[:6]}", tmp_path / "w") as image:
        assert image.id == Digest.of(ONE.config)


@pytest.mark.parametrize(
    ("choice", "error", "says"),
    [
        ("", RequestError, "several images could be meant"),
        (":three", ImageError, "there is no image three"),
        (":@2", ImageError, "there is no image @2"),
        (f"@sha256:{'0' * 64}", ImageError, "there is no image sha256:000"),
        (":one", ImageError, "there is no image one"),
    ],
)
@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_a_choice_that_is_open_or_wrong_lists_what_there_is(
    tmp_path: Path, write: Any, choice: str, error: type[BundlerError], says: str
) -> None:
    archive = write_archive(tmp_path / "image.tar", write({"one:1": ONE, "two:1": TWO}))
    with pytest.raises(error) as raised, opened(f"{archive}{choice}", tmp_path / "w"):
        pass
    assert says in raised.value.what
    assert raised.value.hint == "choose with one of: :one:1, :two:1"


def test_two_tags_of_one_image_are_no_choice(tmp_path: Path) -> None:
    with opened(write_archive(tmp_path / "i.tar", docker_files({"one:1": ONE, "one:2": ONE})), tmp_path / "w") as image:
        assert image.name == "one:1"


def test_an_image_without_tags_has_no_name(tmp_path: Path) -> None:
    with opened(write_archive(tmp_path / "image.tar", legacy_files({"": ONE})), tmp_path / "w") as image:
        assert image.name == ""


def entry(files: Files, **changes: Any) -> Files:
    """`files` with the first entry of manifest.json changed."""
    stated = files["manifest.json"]
    assert isinstance(stated, bytes)
    entries = json.loads(stated)
    entries[0] |= changes
    return files | {"manifest.json": as_json(entries)}


LEGACY = legacy_files({"one:1": ONE})
SAVED = docker_files({"one:1": ONE})
LAYERS = [blob(layer) for layer in ONE.layers]
BROKEN: dict[str, tuple[Files, str]] = {
    "no image": (LEGACY | {"manifest.json": b"[]"}, "the archive holds no image"),
    "no list": (LEGACY | {"manifest.json": b"{}"}, "manifest.json: expected an array"),
    "a folder out of the archive": (entry(LEGACY, Layers=["../a", "../b"]), "is missing (../a)"),
    "a config out of the archive": (entry(LEGACY, Config="/etc/passwd"), "no name of a file inside"),
    "a config that is missing": (entry(LEGACY, Config="gone.json"), "gone.json is missing"),
    "a layer that is missing": (entry(LEGACY, Layers=["gone", "gone"]), "is missing (gone)"),
    "a layer too few": (entry(SAVED, Layers=LAYERS[:1]), "1 layers, but the image config states 2 diff_ids"),
    "a layer too many": (entry(SAVED, Layers=[*LAYERS, LAYERS[0]]), "3 layers, but"),
    "the config of another image": (
        LEGACY | {f"{digits(ONE.config)}.json": TWO.config},
        f"is {Digest.of(TWO.config)}, not the one in its name",
    ),
    "the config of another image in the newer form": (
        SAVED | {blob(ONE.config): TWO.config},
        "not the one in its name",
    ),
    "only the list of Docker 1.9": ({"repositories": b"{}"}, "before version 1.10"),
}


@pytest.mark.parametrize(("files", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_refused_at_once(tmp_path: Path, files: Files, says: str) -> None:
    with pytest.raises(ImageError) as raised, opened(write_archive(tmp_path / "i.tar", files), tmp_path / "w"):
        pass
    assert says in raised.value.what


LYING: dict[str, tuple[Files, str]] = {
    "swapped layers": (entry(SAVED, Layers=LAYERS[::-1]), "its diff_id is"),
    "a changed layer": (SAVED | {LAYERS[1]: ONE.layers[1][:-1] + b"x"}, "its digest is"),
    "a layer that is cut": (SAVED | {LAYERS[1]: ONE.layers[1][:-512]}, "its digest is"),
    "a layer with more behind it": (SAVED | {LAYERS[1]: ONE.layers[1] + bytes(512)}, "its digest is"),
    "a changed layer of the older form": (
        LEGACY | {next(name for name in LEGACY if name.endswith("layer.tar")): ONE.layers[1]},
        "its diff_id is",
    ),
}


@pytest.mark.parametrize(("files", "says"), LYING.values(), ids=LYING)
def test_a_lying_archive_is_refused_when_its_layers_are_read(tmp_path: Path, files: Files, says: str) -> None:
    with opened(write_archive(tmp_path / "i.tar", files), tmp_path / "w") as image:
        with pytest.raises(ImageError) as raised:
            layer_contents(image)
        assert says in raised.value.what


def test_a_manifest_of_other_layers_is_not_that_of_the_image(tmp_path: Path) -> None:
    other = layout_files({"1": ONE}, "gzip")
    with opened(
        write_archive(tmp_path / "i.tar", SAVED | {"index.json": other["index.json"]} | other), tmp_path / "w"
    ) as image:
        assert image.manifest is None


def test_parts_of_an_index_that_were_not_saved_are_passed_over(tmp_path: Path) -> None:
    both = layout_files({"one": ONE, "arm": sample(architecture="arm64")}, "none", platforms=True)
    absent = blob(manifest_of(sample(architecture="arm64"), "none")[0])
    files = {name: content for name, content in (SAVED | both).items() if name != absent}
    with opened(write_archive(tmp_path / "i.tar", files), tmp_path / "w") as image:
        assert image.manifest == manifest_of(ONE, "none")[0]


def test_another_platform_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "image.tar", LEGACY)
    with (
        pytest.raises(ImageError, match="is for linux/amd64, not for linux/arm64"),
        opened(archive, tmp_path / "w", platform="arm64"),
    ):
        pass
    arm = write_archive(tmp_path / "arm.tar", legacy_files({"": sample(architecture="arm64")}))
    with opened(arm, tmp_path / "w") as image:
        assert str(image.image_config.platform) == "linux/arm64"


def test_a_config_that_many_images_share_is_read_once(tmp_path: Path) -> None:
    """Its names may be links, so that an archive of a few megabytes had gigabytes read."""
    image = sample(Env=[f"A{number}=x" for number in range(300)])
    config = digits(image.config)

    def look(count: int) -> None:
        names = [f"{number}.json" for number in range(count)]
        entries = [{"Config": name, "RepoTags": [], "Layers": []} for name in names]
        links: Files = {name: Link("config") for name in names}
        path = write_archive(tmp_path / "a.tar", {"config": image.config, "manifest.json": as_json(entries)} | links)
        with opened(f"{path}:@sha256:{config}", tmp_path / f"w{count}"):
            pass

    assert grows_no_faster(lambda: look(20), lambda: look(40), 1)


def test_an_index_of_null_beside_a_complete_manifest_is_passed_over(tmp_path: Path) -> None:
    files = docker_files({"a:1": ONE}) | {"index.json": b'{"schemaVersion":2,"manifests":null}'}
    with opened(write_archive(tmp_path / "image.tar", files), tmp_path / "w") as image:
        assert tuple(layer_contents(image)) == ONE.layers
        assert image.manifest is None


def test_the_keys_of_manifest_json_may_be_in_lower_case(tmp_path: Path) -> None:
    files = docker_files({"a:1": ONE})
    manifest = json.loads(files["manifest.json"])  # type: ignore[arg-type]
    files["manifest.json"] = as_json([{key.lower(): value for key, value in entry.items()} for entry in manifest])
    with opened(write_archive(tmp_path / "image.tar", files), tmp_path / "w") as image:
        assert (image.name, tuple(layer_contents(image))) == ("a:1", ONE.layers)


@pytest.mark.parametrize("prefix", ["", "docker-archive:"])
def test_an_archive_of_a_docker_without_manifest_json_is_called_that(tmp_path: Path, prefix: str) -> None:
    files: Files = {"0f/VERSION": b"1.0", "0f/json": b"{}", "0f/layer.tar": ONE.layers[0], "repositories": b"{}"}
    path = write_archive(tmp_path / "image.tar", files)
    with pytest.raises(ImageError, match=r"before version 1\.10"), opened(f"{prefix}{path}", tmp_path / "w"):
        pass


def test_a_layer_without_a_name_is_said_to_be_missing(tmp_path: Path) -> None:
    files = docker_files({"a:1": ONE})
    manifest = json.loads(files["manifest.json"])  # type: ignore[arg-type]
    manifest[0]["Layers"][1] = ""
    files["manifest.json"] = as_json(manifest)
    path = write_archive(tmp_path / "image.tar", files)
    with pytest.raises(ImageError, match="saved without it"), opened(path, tmp_path / "w"):
        pass
