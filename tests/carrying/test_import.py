"""Files of images, as others write them, into the store."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bundler.images.descriptor import REF_NAME
from bundler.images.media_types import OCI_MANIFEST
from tests.support.command import bundler, call_bundler
from tests.support.image_files import (
    Files,
    Link,
    as_json,
    blob,
    descriptor,
    docker_files,
    layout_files,
    legacy_files,
    manifest_of,
    sample,
    sha256,
    write_archive,
    write_folder,
)
from tests.support.pushed import described, encoded
from tests.support.tarballs import file, tarball

NAME = "registry.example/app:1"
IMAGE = sample()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(store: str | None = None) -> dict[str, str]:
    """Names and digests."""
    words = ["images", "--json", *([] if store is None else ["--store", store])]
    return {image["name"]: image["digest"] for image in json.loads(bundler(*words))["images"]}


def blobs_in(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "blobs").rglob("*") if path.is_file())


FORMS: dict[str, Callable[[Path], Path]] = {
    "docker save until 24": lambda path: write_archive(path, legacy_files({NAME: IMAGE})),
    "docker save since 25": lambda path: write_archive(path, docker_files({NAME: IMAGE})),
    "compressed layers": lambda path: write_archive(path, docker_files({NAME: IMAGE}, "gzip")),
    "oci-archive": lambda path: write_archive(path, layout_files({NAME: IMAGE})),
    "oci-archive of Docker's types": lambda path: write_archive(path, layout_files({NAME: IMAGE}, docker=True)),
    "OCI layout": lambda path: write_folder(path, layout_files({NAME: IMAGE}, "zstd")),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_imported_is_built_as_from_its_file(folder: Path, form: str) -> None:
    given = FORMS[form](folder / "given.tar")
    line = bundler("import", given)
    assert line.startswith(f"{NAME} sha256:")
    bundler("build", NAME, "--offline", "--rootless", "-o", "kept")
    bundler("build", given, "--rootless", "-o", "direct")
    assert not subprocess.run(["diff", "-r", "kept/rootfs", "direct/rootfs"], check=False).returncode
    for document in ("config.json", "rootfs.mtree"):
        assert (folder / "kept" / document).read_bytes() == (folder / "direct" / document).read_bytes()
    ids = [json.loads((folder / one / "bundler.json").read_bytes())["image"]["id"] for one in ("kept", "direct")]
    assert ids == [sha256(IMAGE.config)] * 2
    assert not list((folder / "store").glob(".bundler-*"))


def test_one_image_has_one_digest_whichever_docker_has_saved_it(folder: Path) -> None:
    digests = set()
    for form in ("docker save until 24", "docker save since 25"):
        bundler("import", FORMS[form](folder / "given.tar"), "--store", form)
        digests |= set(listed(form).values())
    assert digests == {sha256(manifest_of(IMAGE, "none")[0])}


def test_a_compressed_layer_of_a_docker_archive_is_kept_as_it_is(folder: Path) -> None:
    files = legacy_files({NAME: IMAGE})
    stored = manifest_of(IMAGE, "gzip")[1]
    names = json.loads(bytes(files["manifest.json"]))[0]["Layers"]  # type: ignore[arg-type]
    files |= dict(zip(names, stored, strict=True))
    bundler("import", write_archive(folder / "given.tar", files))
    assert listed() == {NAME: sha256(manifest_of(IMAGE, "gzip")[0])}
    bundler("build", NAME, "--offline", "--rootless", "-o", "kept")


def test_an_archive_may_come_through_a_pipe_and_be_compressed(folder: Path) -> None:
    archive = FORMS["oci-archive"](folder / "given.tar")
    packed = subprocess.run(["zstd", "-qc", archive], check=True, capture_output=True).stdout
    bundler("import", "-", stdin=packed)
    assert listed() == {NAME: sha256(manifest_of(IMAGE)[0])}


def test_several_images_come_out_of_one_archive_and_one_if_it_is_chosen(folder: Path) -> None:
    images = {"a.example/x:1": sample(), "a.example/x:2": sample(Cmd=["other"]), "b.example/y:1": sample()}
    for name, files in {"docker": legacy_files(images), "oci": layout_files(images)}.items():
        archive = write_archive(folder / f"{name}.tar", files)
        bundler("import", archive, "--store", name)
        assert sorted(listed(name)) == sorted(images)
        bundler("import", f"{archive}:a.example/x:2", "--store", f"{name}-one")
        assert list(listed(f"{name}-one")) == ["a.example/x:2"]


def test_an_image_for_several_platforms_stays_whole(folder: Path) -> None:
    images = {arch: sample(architecture=arch) for arch in ("amd64", "arm64")}
    archive = write_archive(folder / "given.tar", layout_files(images, platforms=True))
    bundler("import", archive, "--name", "app:2")
    rows = json.loads(bundler("images", "--json"))["images"]
    assert [(row["name"], row["platform"]) for row in rows] == [
        ("docker.io/library/app:2", "linux/amd64"),
        ("docker.io/library/app:2", "linux/arm64"),
    ]
    assert len({row["digest"] for row in rows}) == 1


def test_what_an_index_names_and_the_file_lacks_is_passed_over(folder: Path) -> None:
    """`docker save --platform` and skopeo write indexes that name more than they bring."""
    images = {arch: sample(architecture=arch) for arch in ("amd64", "arm64")}
    files = layout_files(images, platforms=True)
    raw = manifest_of(images["arm64"])[0]
    del files[f"blobs/sha256/{sha256(raw)[7:]}"]
    bundler("import", write_archive(folder / "given.tar", files), "--name", "app")
    assert [row["platform"] for row in json.loads(bundler("images", "--json"))["images"]] == ["linux/amd64"]


NAMES: dict[str, tuple[dict[str, str], list[str], list[str], str]] = {
    "its own": ({"a.example/b:1": "x"}, [], ["a.example/b:1"], ""),
    "Docker's short one": ({"app:1": "x"}, [], ["docker.io/library/app:1"], ""),
    "a tag alone": ({"1.2": "x"}, [], [], "1.2 is a tag alone"),
    "a tag, and a name": ({"1.2": "x"}, ["--name", "a.example/b"], ["a.example/b:1.2"], ""),
    "two given": (
        {"1.2": "x"},
        ["--name", "a.example/b:3", "--name", "c", "--name", "a.example/b:3"],
        ["a.example/b:3", "docker.io/library/c:1.2"],
        "",
    ),
    "two given, of which one would be two": (
        {"1": "x", "2": "y"},
        ["--name", "a", "--name", "b:1"],
        [],
        "two images would be docker.io/library/b:1",
    ),
    "a tag, and another": ({"1.2": "x"}, ["--name", "a.example/b:3"], ["a.example/b:3"], ""),
    "several tags": ({"1": "x", "2": "y"}, ["--name", "b"], ["docker.io/library/b:1", "docker.io/library/b:2"], ""),
    "another repository": ({"a.example/b:1": "x"}, ["--name", "c.example/d"], ["c.example/d:1"], ""),
    "none": ({"": "x"}, [], [], "has no name"),
    "none, and a name": ({"": "x"}, ["--name", "a.example/b"], ["a.example/b:latest"], ""),
    "two of one name": ({"1": "x", "2": "y"}, ["--name", "b:1"], [], "two images would be docker.io/library/b:1"),
    "no registry's": ({"A/B:1": "x"}, [], [], "is no name of a registry's"),
    "a signature's": ({f"a.example/b:sha256-{'a' * 64}.sig": "x"}, [], [], "there is no image"),
    "another digest": ({f"a.example/b@sha256:{'a' * 64}": "x"}, [], [], "and its digest is"),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_name_is_the_files_or_the_persons(folder: Path, case: str) -> None:
    tags, words, wanted, refusal = NAMES[case]
    files = layout_files({tag: sample(Cmd=[command]) for tag, command in tags.items()})
    done = call_bundler("import", write_folder(folder / "layout", files), *words)
    assert refusal in done.stderr
    assert bool(done.returncode) == bool(refusal)
    assert sorted(listed()) == wanted


def test_a_name_of_another_image_is_given_away_only_by_force(folder: Path) -> None:
    for command in ("one", "two"):
        write_archive(folder / command, layout_files({NAME: sample(Cmd=[command])}))
    bundler("import", folder / "one")
    before = (folder / "store/index.json").read_bytes()
    refused = call_bundler("import", folder / "two")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is another image in" in refused.stderr
    assert "--force" in refused.stderr
    assert (folder / "store/index.json").read_bytes() == before
    bundler("import", folder / "one")
    bundler("import", folder / "two", "--force")
    assert listed() == {NAME: sha256(manifest_of(sample(Cmd=["two"]))[0])}


def test_a_damaged_blob_of_the_store_is_replaced(folder: Path) -> None:
    archive = FORMS["oci-archive"](folder / "given.tar")
    bundler("import", archive)
    blob = folder / "store" / f"blobs/{sha256(manifest_of(IMAGE)[1][1]).replace(':', '/')}"
    blob.write_bytes(bytes(blob.stat().st_size))
    bundler("import", archive)
    assert sha256(blob.read_bytes()) == sha256(manifest_of(IMAGE)[1][1])


def _without(files: Mapping[str, bytes | Link], name: str) -> dict[str, bytes | Link]:
    return {each: content for each, content in files.items() if each != name}


def _blob(content: bytes) -> str:
    return f"blobs/{sha256(content).replace(':', '/')}"


def _many() -> dict[str, bytes | Link]:
    return dict(legacy_files({f"a.example/b:{number}": sample(Cmd=[str(number)]) for number in range(1100)}))


def _retold(*, size: int = 0, digest: str = "") -> dict[str, bytes | Link]:
    """A layout whose manifest states another size or digest of its first layer."""
    files = dict(layout_files({NAME: IMAGE}))
    raw = manifest_of(IMAGE)[0]
    manifest = json.loads(raw)
    manifest["layers"][0] |= {"size": manifest["layers"][0]["size"] + size} | ({"digest": digest} if digest else {})
    content = as_json(manifest)
    names = {"org.opencontainers.image.ref.name": NAME}
    del files[_blob(raw)]
    files[_blob(content)] = content
    entry = descriptor(manifest["mediaType"], content, annotations=names)
    return files | {"index.json": as_json({"schemaVersion": 2, "manifests": [entry]})}


OTHER = sample(tarball(file("other", b"1")))
LAYER = manifest_of(IMAGE)[1][1]
WHOLE = layout_files({NAME: IMAGE})
HOSTILE: dict[str, tuple[Callable[[], Mapping[str, bytes | Link]], str]] = {
    "a layer is missing": (lambda: _without(WHOLE, _blob(LAYER)), "is missing"),
    "a layer is another": (lambda: WHOLE | {_blob(LAYER): bytes(len(LAYER))}, "not the one stated"),
    "a layer is longer": (lambda: WHOLE | {_blob(LAYER): LAYER + b"x"}, "are stated"),
    "a config is another": (lambda: WHOLE | {_blob(IMAGE.config): IMAGE.config[:-1] + b" "}, "not the one stated"),
    "a link to a file outside": (
        lambda: WHOLE | {_blob(LAYER): Link("../../../../etc/passwd")},
        "not an ordinary file",
    ),
    "a link in a circle": (lambda: WHOLE | {_blob(LAYER): Link(Path(_blob(LAYER)).name)}, "not an ordinary file"),
    "a size that lies": (lambda: _retold(size=1), "are stated"),
    "a size beyond all": (lambda: _retold(size=1 << 62), "are stated"),
    "a digest with a path": (lambda: _retold(digest="sha256:../../../../etc/passwd"), "is not a digest"),
    "an algorithm with a path": (lambda: _retold(digest="../x:abcd"), "is not a digest"),
    "a missing manifest": (lambda: _without(WHOLE, _blob(manifest_of(IMAGE)[0])), "is missing"),
    "no version": (lambda: WHOLE | {"oci-layout": b"{}"}, "imageLayoutVersion"),
    "no JSON": (lambda: WHOLE | {"index.json": b"\0"}, "index.json"),
    "a list left out that is none": (lambda: WHOLE | {"bundler-left-out.json": b"[]"}, "bundler-left-out.json"),
    "a later format": (
        lambda: WHOLE | {"bundler-left-out.json": b'{"format":2,"blobs":[]}'},
        "it has format 2",
    ),
    "a layer of an old archive is another": (
        lambda: {
            name: b"\0" * 1024 if name.endswith("layer.tar") else content
            for name, content in legacy_files({NAME: IMAGE}).items()
        },
        "not the one stated",
    ),
    "more images than any file has": (_many, "more than 1000 images"),
    "no image": (lambda: {"a": b"b"}, "neither a docker-archive nor an oci-archive"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_lies_is_refused_and_no_image_is_there(folder: Path, case: str) -> None:
    make, words = HOSTILE[case]
    bundler("import", write_archive(folder / "good", layout_files({"a.example/good:1": OTHER})))
    index, blobs = (folder / "store/index.json").read_bytes(), blobs_in(folder / "store")
    done = call_bundler("import", write_archive(folder / "given.tar", make()))
    assert (done.returncode, done.stdout) == (2 if case == "a later format" else 3, ""), done.stderr
    assert words in done.stderr
    assert (folder / "store/index.json").read_bytes() == index
    assert blobs_in(folder / "store") == blobs
    assert not list((folder / "store").glob(".bundler-*"))


def test_a_bomb_ends_early(folder: Path) -> None:
    archive = write_archive(folder / "given.tar", WHOLE | {"zeros": bytes(4 << 20)})
    packed = subprocess.run(["zstd", "-qc", archive], check=True, capture_output=True).stdout
    done = call_bundler("import", "-", "--limit", "unpacked-size=1m", stdin=packed)
    assert (done.returncode, "decompresses to more than" in done.stderr) == (3, True), done.stderr
    done = call_bundler("import", archive, "--limit", "unpacked-size=100")
    assert (done.returncode, "--limit unpacked-size" in done.stderr) == (3, True), done.stderr
    assert not listed()


def test_a_folder_of_skopeos_is_no_layout(folder: Path) -> None:
    write_folder(
        folder / "given", {"manifest.json": manifest_of(IMAGE)[0], "version": b"Directory Transport Version: 1.1\n"}
    )
    done = call_bundler("import", "given")
    assert (done.returncode, "skopeo copy dir:given" in done.stderr) == (3, True), done.stderr


@pytest.mark.tool("skopeo")
@pytest.mark.parametrize("form", ["docker-archive:{}:registry.example/app:1", "oci-archive:{}:registry.example/app:1"])
def test_what_skopeo_writes_is_imported(folder: Path, form: str) -> None:
    layout = write_folder(folder / "layout", layout_files({"1": IMAGE}))
    words = ["skopeo", "copy", "--quiet", f"oci:{layout}:1", form.format("given.tar")]
    subprocess.run(words, check=True, timeout=60)
    bundler("import", "given.tar")
    bundler("build", NAME, "--offline", "--rootless", "-o", "kept")
    assert (folder / "kept/rootfs/etc/motd").read_text() == "hello amd64"


def signed_by(*signatures: str) -> Files:
    """A layout of an image, and of what cosign attaches to it for so many signatures."""
    files = layout_files({NAME: IMAGE})
    signed = sha256(manifest_of(IMAGE)[0])
    payload, config = b"{}", b'{"rootfs":{}}'
    listed = [
        described(payload, "text/plain", annotations={"dev.cosignproject.cosign/signature": one}) for one in signatures
    ]
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(config, "application/vnd.oci.image.config.v1+json"),
            "layers": listed,
        }
    )
    name = f"{NAME.rpartition(':')[0]}:{signed.replace(':', '-')}.sig"
    index = json.loads(bytes(files["index.json"]))  # type: ignore[arg-type]
    index["manifests"].append(described(manifest, OCI_MANIFEST, annotations={REF_NAME: name}))
    return files | {blob(content): content for content in (payload, config, manifest)} | {"index.json": encoded(index)}


def test_an_image_may_have_more_signatures_than_before_and_loses_none(folder: Path) -> None:
    for name, signatures in {"one": ("a",), "two": ("a", "b"), "other": ("c",)}.items():
        write_archive(folder / name, signed_by(*signatures))
    bundler("import", "one")
    bundler("import", "two")
    after = (folder / "store/index.json").read_bytes()
    for fewer in ("one", "other"):
        refused = call_bundler("import", fewer)
        assert (refused.returncode, "has signatures in" in refused.stderr) == (2, True), refused.stderr
        assert "--force" in refused.stderr
        assert (folder / "store/index.json").read_bytes() == after
    bundler("import", "other", "--force")
    assert (folder / "store/index.json").read_bytes() != after
