"""What is attached to an image goes along with it, and is verified on the other side without a network."""

import json
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_signatures import Pair
from tests.support.registry import Registry
from tests.support.signed_images import INDEX, described, digest_of, latest, repository_of

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "openssl")


@pytest.fixture
def folder(
    served: Registry, keys: Path, pairs: dict[str, Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str, str]:
    """A place with a store that has an image, also by an index, signed in both ways; and the names of both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUNDLER_STORE", "here")
    repository = repository_of(served, tmp_path)
    repository.attach_payload(pairs["key"], digest_of(repository))
    manifest, raw = latest(repository)
    platform = {"os": "linux", "architecture": "amd64"}
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described(manifest, raw, platform=platform)]}
    index = repository.put_manifest("multi", document)
    repository.attach_bundle(pairs["key"], str(described(INDEX, index)["digest"]))
    names = repository.name, f"{repository.name}:multi"
    for name in names:
        bundler("fetch", name, "--tls-verify=false", "--platform", "linux/amd64", "--verify-key", keys / "key.pub")
    return tmp_path, *names


def test_signatures_go_along_and_are_verified_first(folder: tuple[Path, str, str], keys: Path) -> None:
    place, *names = folder
    bundler("export", *names, "-o", "all.tar")
    refused = call_bundler("import", "all.tar", "--verify-key", keys / "other.pub", "--store", "there")
    assert (refused.returncode, "is not signed by" in refused.stderr) == (6, True), refused.stderr
    assert not (place / "there").exists()
    bundler("import", "all.tar", "--verify-key", keys / "key.pub", "--store", "there")
    for name in names:
        words = ["build", name, "--offline", "--rootless", "--store", "there", "-o", "web", "--force"]
        bundler(*words, "--verify-key", keys / "key.pub")
        assert call_bundler(*words, "--verify-key", keys / "other.pub").returncode == 6


def test_what_is_attached_stands_beside_its_image_and_leaves_with_it(folder: tuple[Path, str, str]) -> None:
    place, name, _ = folder
    bundler("export", f"{name}:multi", "-o", "one.tar")
    bundler("import", "one.tar", "--store", "there")
    listed = json.loads((place / "there/index.json").read_text())["manifests"]
    tags = [entry["annotations"]["org.opencontainers.image.ref.name"].rpartition(":")[2] for entry in listed]
    assert [tag[:7] for tag in tags] == ["multi", *["sha256-"] * (len(tags) - 1)]
    bundler("rm", f"{name}:multi", "--store", "there")
    assert json.loads((place / "there/index.json").read_text())["manifests"] == []


def test_what_is_signed_is_built_from_the_file_too_without_a_choice(folder: tuple[Path, str, str]) -> None:
    _, name, _ = folder
    bundler("export", name, "-o", "one.tar")
    bundler("build", "one.tar", "--rootless", "-o", "web")


def test_signatures_have_each_name_that_the_image_gets(folder: tuple[Path, str, str], keys: Path) -> None:
    _, name, _ = folder
    bundler("export", name, "-o", "one.tar")
    key = ["--verify-key", str(keys / "key.pub")]
    bundler("import", "one.tar", "--name", "inside.example/web:7", "--name", "other:1", "--store", "there", *key)
    for image, output in (("inside.example/web:7", "web"), ("other:1", "other")):
        bundler("build", image, "--offline", "--rootless", "--store", "there", "-o", output, *key)


def test_a_signature_that_is_there_already_need_not_be_carried_again(folder: tuple[Path, str, str], keys: Path) -> None:
    _, name, _ = folder
    bundler("export", name, "-o", "one.tar")
    bundler("import", "one.tar", "--store", "there")
    (Path("there.json")).write_text(bundler("images", "--json", "--store", "there"))
    bundler("export", name, "-o", "again.tar", "--since", "one.tar")
    bundler("export", name, "-o", "signature.tar", "--since", "there.json")
    for file in ("again.tar", "signature.tar"):
        bundler("import", file, "--store", "there", "--verify-key", keys / "key.pub")
    assert call_bundler("import", "again.tar", "--store", "elsewhere").returncode == 3


@pytest.mark.usefixtures("folder")
def test_an_image_of_a_file_without_a_signature_is_refused(keys: Path) -> None:
    done = call_bundler("import", "layout", "--name", "web:1", "--verify-key", keys / "key.pub", "--store", "there")
    assert (done.returncode, "has no signature" in done.stderr) == (6, True), done.stderr
    assert json.loads(bundler("images", "--json", "--store", "there"))["images"] == []
