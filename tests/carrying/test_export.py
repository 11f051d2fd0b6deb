"""Images of the store as one file, and across to another store: whole, or what that one lacks."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import (
    Sample,
    docker_files,
    layout_files,
    manifest_of,
    sample,
    sha256,
    write_archive,
    write_folder,
)
from tests.support.tarballs import file, tarball

BELOW = tarball(file("below", b"1" * 70_000))
OLD, NEW = (sample(BELOW, tarball(file("app", number * 900))) for number in ("1", "2"))
NAMES = {"registry.example/app:1": OLD, "registry.example/app:2": NEW, "docker.io/library/other:1": sample()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a store that has all images of NAMES."""
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    bundler("import", write_archive(tmp_path / "given.tar", layout_files(NAMES)))
    return tmp_path


def names_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return opened.getnames()


def blobs_of(image: Sample) -> set[str]:
    raw, layers = manifest_of(image)
    return {f"blobs/{sha256(content).replace(':', '/')}" for content in (raw, image.config, *layers)}


def listed(store: str) -> dict[str, str]:
    return {one["name"]: one["digest"] for one in json.loads(bundler("images", "--json", "--store", store))["images"]}


def test_what_is_exported_is_imported(folder: Path) -> None:
    report = json.loads(bundler("export", *NAMES, "-o", "all.tar", "--json"))
    content = (folder / "all.tar").read_bytes()
    assert (report["sha256"], report["size"]) == (sha256(content)[7:], len(content))
    assert report["images"] == [{"name": name, "digest": sha256(manifest_of(NAMES[name])[0])} for name in sorted(NAMES)]
    bundler("import", "all.tar", "--store", "there")
    assert listed("there") == listed("store")
    for name in NAMES:
        bundler("build", name, "--offline", "--rootless", "--store", "there", "-o", "made", "--force")


def test_the_bytes_are_the_same_in_any_order_and_from_any_store(folder: Path) -> None:
    bundler("export", *NAMES, "-o", "a.tar")
    bundler("import", "given.tar:docker.io/library/other:1", "--store", "there")
    bundler("import", write_folder(folder / "layout", layout_files(dict(reversed(NAMES.items())))), "--store", "there")
    bundler("export", *reversed(NAMES), *NAMES, "-o", "b.tar", "--store", "there")
    assert (folder / "a.tar").read_bytes() == (folder / "b.tar").read_bytes()


@pytest.mark.parametrize("ending", [".tar.zst", ".tar.gz"])
def test_a_file_may_be_compressed(folder: Path, ending: str) -> None:
    bundler("export", *NAMES, "-o", f"all{ending}")
    bundler("import", f"all{ending}", "--store", "there")
    assert listed("there") == listed("store")


def since_lock(_folder: Path) -> list[str]:
    bundler("lock", "registry.example/app:1", "--offline", "-o", "old.lock")
    return ["old.lock"]


def since_file(_folder: Path) -> list[str]:
    bundler("export", "registry.example/app:1", "-o", "old.tar")
    return ["old.tar"]


def since_list(folder: Path) -> list[str]:
    bundler("import", "given.tar:registry.example/app:1", "--store", "there")
    (folder / "there.json").write_text(bundler("images", "--json", "--store", "there"))
    return ["there.json"]


def since_update(_folder: Path) -> list[str]:
    """A file out of which something is left, which the other side had already."""
    bundler("export", "registry.example/app:1", "-o", "old.tar")
    bundler("export", "registry.example/app:1", "-o", "update.tar", "--since", "old.tar")
    return ["update.tar"]


@pytest.mark.parametrize("since", [since_lock, since_file, since_list, since_update])
def test_only_what_the_other_side_lacks_is_carried(folder: Path, since: Callable[[Path], list[str]]) -> None:
    files = [word for path in since(folder) for word in ("--since", path)]
    report = json.loads(bundler("export", "registry.example/app:2", "-o", "new.tar", *files, "--json"))
    assert set(names_in(folder / "new.tar")) == {
        "oci-layout",
        "index.json",
        "bundler-left-out.json",
        *(blobs_of(NEW) - blobs_of(OLD)),
    }
    stored = manifest_of(NEW)[1][0]
    assert report["left_out"] == [{"digest": sha256(stored), "size": len(stored), "image": "registry.example/app:1"}]
    bundler("import", "given.tar:registry.example/app:1", "--store", "there")
    bundler("import", "new.tar", "--store", "there")
    assert sorted(listed("there")) == ["registry.example/app:1", "registry.example/app:2"]
    bundler("build", "registry.example/app:2", "--offline", "--rootless", "--store", "there", "-o", "made")
    assert (folder / "made/rootfs/below").stat().st_size == 70_000


def test_without_what_was_left_out_nothing_is_imported_and_it_is_named(folder: Path) -> None:
    bundler("export", "registry.example/app:1", "-o", "old.tar")
    bundler("export", "registry.example/app:2", "-o", "new.tar", "--since", "old.tar")
    bundler("import", "given.tar:docker.io/library/other:1", "--store", "there")
    before = sorted(path.name for path in (folder / "there").rglob("*"))
    done = call_bundler("import", "new.tar", "--store", "there")
    assert (done.returncode, done.stdout) == (3, "")
    stored = sha256(manifest_of(NEW)[1][0])
    assert f"new.tar leaves out {stored} of registry.example/app:1, which there does not have" in done.stderr
    assert "registry.example/app:1: import or fetch that first" in done.stderr
    assert sorted(path.name for path in (folder / "there").rglob("*")) == before


def test_what_was_left_out_and_is_damaged_there_is_found_out(folder: Path) -> None:
    bundler("export", "registry.example/app:1", "-o", "old.tar")
    bundler("export", "registry.example/app:2", "-o", "new.tar", "--since", "old.tar")
    bundler("import", "old.tar", "--store", "there")
    stored = manifest_of(NEW)[1][0]
    (folder / "there/blobs" / sha256(stored).replace(":", "/")).write_bytes(bytes(len(stored)))
    done = call_bundler("import", "new.tar", "--store", "there")
    assert (done.returncode, "does not have" in done.stderr) == (3, True), done.stderr
    assert list(listed_names(folder / "there")) == ["registry.example/app:1"]


def listed_names(store: Path) -> list[str]:
    entries = json.loads((store / "index.json").read_text())["manifests"]
    return [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries]


def test_an_image_that_is_there_already_costs_nothing_but_its_name(folder: Path) -> None:
    bundler("export", "registry.example/app:1", "-o", "old.tar")
    bundler("export", "registry.example/app:1", "-o", "again.tar", "--since", "old.tar")
    assert names_in(folder / "again.tar") == ["oci-layout", "index.json", "bundler-left-out.json"]
    bundler("import", "old.tar", "--store", "there")
    bundler("rm", "registry.example/app:1", "--store", "there")
    bundler("import", "again.tar", "--store", "there")
    assert list(listed("there")) == ["registry.example/app:1"]


def test_a_damaged_blob_is_not_exported(folder: Path) -> None:
    stored = manifest_of(OLD)[1][1]
    (folder / "store/blobs" / sha256(stored).replace(":", "/")).write_bytes(bytes(len(stored)))
    done = call_bundler("export", "registry.example/app:1", "-o", "old.tar")
    assert (done.returncode, "registry.example/app:1 is damaged" in done.stderr) == (3, True), done.stderr
    assert not list(folder.glob("old*"))


def test_a_file_is_replaced_only_by_force(folder: Path) -> None:
    (folder / "a.tar").write_text("precious")
    done = call_bundler("export", "registry.example/app:1", "-o", "a.tar")
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    assert (folder / "a.tar").read_text() == "precious"
    bundler("export", "registry.example/app:1", "-o", "a.tar", "--force")
    assert "index.json" in names_in(folder / "a.tar")


def test_an_image_for_several_platforms_goes_whole_and_by_its_digest_too(folder: Path) -> None:
    images = {arch: sample(architecture=arch) for arch in ("amd64", "arm64")}
    files = layout_files(images, platforms=True)
    bundler("import", write_folder(folder / "layout", files), "--name", "multi:1", "--store", "many")
    bundler("export", "multi:1", "-o", "multi.tar", "--store", "many")
    bundler("import", "multi.tar", "--store", "there")
    assert listed("there") == listed("many")
    arm = sha256(manifest_of(images["arm64"])[0])
    bundler("export", f"multi@{arm}", "-o", "arm.tar", "--store", "many")
    bundler("import", "arm.tar", "--store", "arm")
    assert listed("arm") == {f"docker.io/library/multi@{arm}": arm}


def test_both_platforms_of_one_name_go_along(folder: Path) -> None:
    images = {arch: sample(architecture=arch) for arch in ("amd64", "arm64")}
    for arch, image in images.items():
        files = layout_files({"1": image})
        index = json.loads(bytes(files["index.json"]))  # type: ignore[arg-type]
        index["manifests"][0]["platform"] = {"os": "linux", "architecture": arch}
        files["index.json"] = json.dumps(index).encode()
        bundler("import", write_folder(folder / arch, files), "--name", "two", "--store", "many")
    bundler("export", "two:1", "-o", "two.tar", "--store", "many")
    bundler("import", "two.tar", "--store", "there")
    rows = json.loads(bundler("images", "--json", "--store", "there"))["images"]
    assert [row["platform"] for row in rows] == ["linux/amd64", "linux/arm64"]


@pytest.mark.tool("skopeo")
def test_skopeo_reads_a_complete_file(folder: Path) -> None:
    bundler("export", *NAMES, "-o", "all.tar")
    source = "oci-archive:all.tar:registry.example/app:2"
    subprocess.run(["skopeo", "copy", "--quiet", source, "oci:copied:1"], check=True, timeout=60)
    assert (
        json.loads((folder / "copied/index.json").read_text())["manifests"][0]["digest"]
        == listed("store")["registry.example/app:2"]
    )


@pytest.mark.tool("skopeo")
def test_skopeo_needs_no_name_of_a_single_image(folder: Path) -> None:
    bundler("import", write_archive(folder / "docker.tar", docker_files({"web:1": sample()})))
    bundler("export", "web:1", "-o", "web.tar")
    shown = subprocess.run(["skopeo", "inspect", "oci-archive:web.tar"], check=True, capture_output=True, timeout=60)
    assert json.loads(shown.stdout)["Digest"] == listed("store")["docker.io/library/web:1"]


def test_build_reads_a_complete_file(folder: Path) -> None:
    bundler("export", "registry.example/app:2", "-o", "app.tar")
    bundler("build", "app.tar", "--rootless", "-o", "made")
    assert (folder / "made/rootfs/app").read_text() == "2" * 900
