"""An image and its signatures come from a registry, and stay together where there is none."""

import hashlib
import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.image_signatures import GENERATED, Pair, bundle_of, encoded, payload_of, statement_of
from tests.support.registry import Registry, registry

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "openssl")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PLAIN = "--tls-verify=false"


def described(media_type: str, content: bytes, **more: object) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(content), **more}


class Repository:
    """One of a registry, written to as cosign would."""

    def __init__(self, served: Registry, name: str) -> None:
        self.name, self._place = f"{served.host}/{name}", f"http://{served.host}/v2/{name}"

    def put_manifest(self, reference: str, document: dict[str, object]) -> bytes:
        content = encoded(document)
        self._send("PUT", f"{self._place}/manifests/{reference}", content, str(document["mediaType"]))
        return content

    def put_blob(self, content: bytes) -> None:
        begun = self._send("POST", f"{self._place}/blobs/uploads/", b"", "application/octet-stream")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._send("PUT", f"{begun}&digest={digest}", content, "application/octet-stream")

    def _send(self, method: str, url: str, content: bytes, media_type: str) -> str:
        request = urllib.request.Request(url, content, {"Content-Type": media_type}, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 -- the registry of this test
            return str(answer.headers.get("Location") or "")

    def attach_payload(self, pair: Pair, digest: str, payload: bytes | None = None) -> None:
        """As cosign 2 does."""
        content = payload_of(digest) if payload is None else payload
        signature = {"dev.cosignproject.cosign/signature": pair.sign(content)}
        layer = described("application/vnd.dev.cosign.simplesigning.v1+json", content, annotations=signature)
        config = encoded({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
        for blob in (content, config):
            self.put_blob(blob)
        document: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described("application/vnd.oci.image.config.v1+json", config),
            "layers": [layer],
        }
        self.put_manifest(digest.replace(":", "-") + ".sig", document)

    def attach_bundle(self, pair: Pair, digest: str) -> None:
        """As cosign 3 does where the registry has no interface for what is attached."""
        bundle = encoded(bundle_of(pair, statement_of(digest)))
        for blob in (bundle, b"{}"):
            self.put_blob(blob)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": BUNDLE,
            "config": described("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [described(BUNDLE, bundle)],
            "subject": {"mediaType": MANIFEST, "digest": digest, "size": 2},
        }
        content = encoded(document)
        self.put_manifest(f"sha256:{hashlib.sha256(content).hexdigest()}", document)
        listed = described(MANIFEST, content, artifactType=BUNDLE)
        index: dict[str, object] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}
        self.put_manifest(digest.replace(":", "-"), index)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name, kind in {"key": "ecdsa", "other": "ecdsa", "ed25519": "ed25519", "rsa": "rsa"}.items():
        (folder / name).mkdir()
        made[name] = Pair(folder / name, GENERATED[kind])
    return made


@pytest.fixture
def folder(pairs: dict[str, Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    for name, pair in pairs.items():
        (tmp_path / f"{name}.pub").write_bytes(pair.public)
    return tmp_path


@pytest.fixture
def repository(served: Registry, tmp_path: Path) -> Repository:
    """With one image, `latest`, in a repository of the test's own."""
    name = f"r{abs(hash(str(tmp_path)))}"
    layout = write_folder(tmp_path / "layout", layout_files({"1": sample()}))
    served.push(f"oci:{layout}:1", f"{name}:latest")
    return Repository(served, name)


def digest_of(repository: Repository) -> str:
    return f"sha256:{hashlib.sha256(latest(repository)[1]).hexdigest()}"


def latest(repository: Repository) -> tuple[str, bytes]:
    """The media type and the content of its manifest."""
    url = f"http://{repository.name.replace('/', '/v2/', 1)}/manifests/latest"
    request = urllib.request.Request(url, headers={"Accept": f"{MANIFEST}, {INDEX}"})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 -- the registry of this test
        return str(answer.headers["Content-Type"]), answer.read()


ATTACH: dict[str, Callable[[Repository, Pair, str], None]] = {
    "payload": Repository.attach_payload,
    "bundle": Repository.attach_bundle,
}


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
