"""An image and its signatures come from a registry, and stay together where there is none."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_signatures import Pair, payload_of
from tests.support.signed_images import ATTACH, INDEX, Repository, described, digest_of, latest

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "openssl")
PLAIN = "--tls-verify=false"


@pytest.mark.parametrize("key", ["key", "ed25519", "rsa"])
@pytest.mark.parametrize("form", ATTACH)
def test_what_is_signed_is_fetched_and_built_without_a_registry(
    folder: Path, repository: Repository, pairs: dict[str, Pair], form: str, key: str
) -> None:
    ATTACH[form](repository, pairs[key], digest_of(repository))
    bundler("fetch", repository.name, PLAIN, "--verify-key", f"{key}.pub", cwd=folder)
    words = ["build", repository.name, "--offline", "--rootless", "-o", "web"]
    bundler(*words, "--verify-key", f"{key}.pub", cwd=folder)
    refused = call_bundler(*words, "--force", "--verify-key", "other.pub", cwd=folder)
    assert (refused.returncode, "is not signed by ecdsa-p256" in refused.stderr) == (6, True), refused.stderr
    listed = json.loads(bundler("images", "--json", cwd=folder))
    assert [image["name"] for image in listed["images"]] == [f"{repository.name}:latest"]


def unsigned(repository: Repository, pair: Pair, digest: str) -> None:
    del repository, pair, digest


def for_another(repository: Repository, pair: Pair, digest: str) -> None:
    repository.attach_payload(pair, digest, payload_of("sha256:" + "cd" * 32))


REFUSED: dict[str, tuple[Callable[[Repository, Pair, str], None], str]] = {
    "nothing is attached": (unsigned, "has no signature"),
    "another digest": (for_another, "was signed for another image"),
    "another key": (Repository.attach_payload, "is not signed by"),
    "another key, in a bundle": (Repository.attach_bundle, "is not signed by"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_signed_is_not_fetched(
    folder: Path, repository: Repository, pairs: dict[str, Pair], case: str
) -> None:
    attach, words = REFUSED[case]
    attach(repository, pairs["other" if "another key" in case else "key"], digest_of(repository))
    done = call_bundler("fetch", repository.name, PLAIN, "--verify-key", "key.pub", cwd=folder)
    assert (done.returncode, done.stdout, words in done.stderr) == (6, "", True), done.stderr
    assert json.loads(bundler("images", "--json", cwd=folder)) == {"format": 1, "images": []}


@pytest.mark.parametrize("form", ATTACH)
@pytest.mark.parametrize("every", [[], ["--all-platforms"]])
def test_an_index_is_signed_for_what_it_lists(
    folder: Path, repository: Repository, pairs: dict[str, Pair], form: str, every: list[str]
) -> None:
    """What a tag means is signed, and that is an index for most images."""
    manifest, raw = latest(repository)
    platform = {"os": "linux", "architecture": "amd64"}
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [described(manifest, raw, platform=platform)],
    }
    index = repository.put_manifest("multi", document)
    ATTACH[form](repository, pairs["key"], f"sha256:{hashlib.sha256(index).hexdigest()}")
    name, key = f"{repository.name}:multi", ["--verify-key", "key.pub"]
    bundler("fetch", name, PLAIN, *every, *([] if every else ["--platform", "linux/amd64"]), *key, cwd=folder)
    words = ["build", name, "--offline", "--rootless", "--platform", "linux/amd64", "-o", "web"]
    bundler(*words, *key, cwd=folder)
    assert call_bundler(*words, "--force", "--verify-key", "rsa.pub", cwd=folder).returncode == 6
    listed = json.loads(bundler("images", "--json", cwd=folder))
    assert [image["name"] for image in listed["images"]] == [name]


def test_one_of_several_keys_is_enough(folder: Path, repository: Repository, pairs: dict[str, Pair]) -> None:
    repository.attach_payload(pairs["rsa"], digest_of(repository))
    keys = ["--verify-key", "key.pub", "--verify-key", "rsa.pub"]
    bundler("fetch", repository.name, PLAIN, *keys, cwd=folder)
    words = ["build", repository.name, "--offline", "--rootless", "-o", "web"]
    bundler(*words, "--lock", "web.lock", *keys, cwd=folder)
    locked = json.loads((folder / "web.lock").read_text())["images"][0]
    assert locked["signed"] == {"key": pairs["rsa"].key.name, "digest": digest_of(repository)}
    bundler(*words, "--force", "--locked", "--lock", "web.lock", *keys, cwd=folder)


def test_an_image_that_was_fetched_without_its_signature_is_refused(folder: Path, repository: Repository) -> None:
    bundler("fetch", repository.name, PLAIN, cwd=folder)
    words = ["build", repository.name, "--offline", "--rootless", "-o", "web", "--verify-key", "key.pub"]
    done = call_bundler(*words, cwd=folder)
    assert (done.returncode, "has no signature" in done.stderr) == (6, True), done.stderr
    assert not (folder / "web").exists()


def test_an_image_that_is_not_in_the_store_is_refused(folder: Path, repository: Repository) -> None:
    for name in (repository.name, "oci:layout:1"):
        words = ["build", name, PLAIN, "--rootless", "-o", "web", "--verify-key", "key.pub"]
        done = call_bundler(*words, cwd=folder)
        assert (done.returncode, "bundler fetch --verify-key" in done.stderr) == (2, True), done.stderr


POLICIES = {
    "the right key": ("{images: '127.*/**', keys: [key.pub]}", 0, ""),
    "no signature wanted": ("{images: '127.*/**', kind: anything}", 0, ""),
    "another key": ("{images: '127.*/**', keys: [other.pub]}", 6, "is not signed by"),
    "another name": ("{images: 'docker.io/**', keys: [key.pub]}", 6, "no rule of policy.yaml"),
    "refused": ("{images: '**', kind: refused}", 6, "is refused by policy.yaml"),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_says_which_key(folder: Path, repository: Repository, pairs: dict[str, Pair], case: str) -> None:
    rule, code, words = POLICIES[case]
    (folder / "policy.yaml").write_text(f"trust: [{rule}]\n")
    repository.attach_payload(pairs["key"], digest_of(repository))
    done = call_bundler("fetch", repository.name, PLAIN, "--trust", "policy.yaml", cwd=folder)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    bundler("fetch", repository.name, PLAIN, "--verify-key", "key.pub", cwd=folder)
    words_of_build = ["build", repository.name, "--offline", "--rootless", "-o", "web", "--trust", "policy.yaml"]
    done = call_bundler(*words_of_build, cwd=folder)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_a_policy_knows_no_name_of_an_image_in_a_file(folder: Path, repository: Repository) -> None:
    (folder / "policy.yaml").write_text("trust: [{images: '127.*/**', kind: anything}]\n")
    words = ["build", "oci:layout:1", "--rootless", "-o", "web", "--trust", "policy.yaml"]
    done = call_bundler(*words, cwd=folder)
    assert (done.returncode, "no name in a registry" in done.stderr) == (6, True), done.stderr


def test_a_signature_is_kept_when_the_store_is_cleared_up(
    folder: Path, repository: Repository, pairs: dict[str, Pair]
) -> None:
    if not shutil.which("umoci"):
        pytest.skip("umoci is not installed")
    repository.attach_bundle(pairs["key"], digest_of(repository))
    bundler("fetch", repository.name, PLAIN, "--verify-key", "key.pub", cwd=folder)
    bundler("gc", cwd=folder)
    bundler("build", repository.name, "--offline", "--rootless", "-o", "web", "--verify-key", "key.pub", cwd=folder)


def test_what_is_attached_leaves_the_store_with_the_last_image_of_its_repository(
    folder: Path, repository: Repository, pairs: dict[str, Pair]
) -> None:
    repository.attach_payload(pairs["key"], digest_of(repository))
    repository.put_manifest("again", json.loads(latest(repository)[1]) | {"mediaType": latest(repository)[0]})
    bundler("fetch", repository.name, PLAIN, "--verify-key", "key.pub", cwd=folder)
    bundler("fetch", f"{repository.name}:again", PLAIN, cwd=folder)
    for name, left in {"latest": 2, "again": 0}.items():
        bundler("rm", f"{repository.name}:{name}", cwd=folder)
        assert len(json.loads((folder / "store/index.json").read_text())["manifests"]) == left


def test_a_signature_in_the_store_that_was_changed_is_refused(
    folder: Path, repository: Repository, pairs: dict[str, Pair]
) -> None:
    repository.attach_payload(pairs["key"], digest_of(repository))
    bundler("fetch", repository.name, PLAIN, "--verify-key", "key.pub", cwd=folder)
    blobs = [path for path in (folder / "store/blobs/sha256").iterdir() if b"cosign" in path.read_bytes()]
    assert len(blobs) == 2
    for blob in blobs:
        content = blob.read_bytes()
        blob.write_bytes(content.replace(b"cosign", b"cosigm", 1))
        words = ["build", repository.name, "--offline", "--rootless", "-o", "web", "--verify-key", "key.pub"]
        assert call_bundler(*words, cwd=folder).returncode == 6
        blob.write_bytes(content)
