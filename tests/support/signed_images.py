"""Images of a registry, and what is attached to them as cosign would attach it."""

import hashlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler.images.descriptor import REF_NAME
from bundler.store.layout import open_store, prepare
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.image_signatures import GENERATED, Pair, bundle_of, encoded, payload_of, statement_of
from tests.support.registry import Registry, registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


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


def pairs_in(folder: Path) -> dict[str, Pair]:
    """Pairs of keys by name: `key` and `other` are of one kind. The public ones are in files of these names, .pub."""
    made = {}
    for name, kind in {"key": "ecdsa", "other": "ecdsa", "ed25519": "ed25519", "rsa": "rsa"}.items():
        (folder / name).mkdir()
        made[name] = Pair(folder / name, GENERATED[kind])
        (folder / f"{name}.pub").write_bytes(made[name].public)
    return made


def repository_of(served: Registry, folder: Path) -> Repository:
    """With one image, `latest`, in a repository called after the folder, where the image is a layout, too."""
    name = f"r{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}"
    layout = write_folder(folder / "layout", layout_files({"1": sample()}))
    served.push(f"oci:{layout}:1", f"{name}:latest")
    return Repository(served, name)


def digest_of(repository: Repository, tag: str = "latest") -> str:
    return f"sha256:{hashlib.sha256(latest(repository, tag)[1]).hexdigest()}"


def latest(repository: Repository, tag: str = "latest") -> tuple[str, bytes]:
    """The media type and the content of its manifest."""
    url = f"http://{repository.name.replace('/', '/v2/', 1)}/manifests/{tag}"
    request = urllib.request.Request(url, headers={"Accept": f"{MANIFEST}, {INDEX}, {DOCKER}"})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 -- the registry of this test
        return str(answer.headers["Content-Type"]), answer.read()


ATTACH: dict[str, Callable[[Repository, Pair, str], None]] = {
    "payload": Repository.attach_payload,
    "bundle": Repository.attach_bundle,
}


def signed_store(place: Path, pair: Pair, name: str = "registry.example/team/web:1") -> str:
    """A store with an image and a signature of it, as `fetch` would leave them; gives the image's name."""
    prepare(place)
    repository = name.rpartition(":")[0]
    files = layout_files({"1": sample()})
    blobs = {
        path: content for path, content in files.items() if path.startswith("blobs/") and isinstance(content, bytes)
    }
    index = files["index.json"]
    assert isinstance(index, bytes)
    listed = json.loads(index)["manifests"][0]
    payload = payload_of(listed["digest"])
    signature = {"dev.cosignproject.cosign/signature": pair.sign(payload)}
    layer = described("application/vnd.dev.cosign.simplesigning.v1+json", payload, annotations=signature)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described("application/json", b"{}"),
        "layers": [layer],
    }
    entries = {
        name: listed,
        f"{repository}:{listed['digest'].replace(':', '-')}.sig": described(MANIFEST, encoded(document)),
    }
    for content in (payload, b"{}", encoded(document)):
        blobs[f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"] = content
    for path, content in blobs.items():
        (place / path).write_bytes(content)
    named = [
        {key: entry[key] for key in ("mediaType", "digest", "size")} | {"annotations": {REF_NAME: tag}}
        for tag, entry in entries.items()
    ]
    with open_store(place) as store:
        store.add(*named, replaces=lambda _old, _new: False)
    return name


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry") / "here") as served:
        yield served


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with key.pub and other.pub, once there are `pairs`."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def pairs(keys: Path) -> dict[str, Pair]:
    return pairs_in(keys)
