"""Packed bundles in a registry of a test, as `bundler push` would have put them there, or as a liar would."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bundler.images.digest import Digest
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST, PUSHED_BUNDLE
from tests.support.command import bundler
from tests.support.faulty_registry import FaultyRegistry
from tests.support.image_files import sha256

PLAIN: Final = "--tls-verify=false"
WRITES = re.compile(rb'"(POST|PATCH|PUT|DELETE) /v2/(\S+?)(?:\?\S*)? HTTP')
EMPTY = b"{}"
ZSTD = f"{PUSHED_BUNDLE}.tar+zstd"


def described(content: bytes, media_type: str, **more: object) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content), **more}


def encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def artifact(kind: str, content: bytes, media_type: str = "", *, title: str = "web", **more: object) -> dict[str, Any]:
    """The manifest of a file; `more` takes the place of what it would have."""
    layer = described(content, media_type or kind, annotations={"org.opencontainers.image.title": title})
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": described(EMPTY, "application/vnd.oci.empty.v1+json"),
        "layers": [layer],
    }
    return document | more


class Shop:
    """The repository `shop/web` of a registry; each `put` gives the bytes of what it has put there."""

    def __init__(self, served: FaultyRegistry) -> None:
        self.served = served
        self.name = f"docker://{served.host}/shop/web"
        self.served.blobs[sha256(EMPTY)] = EMPTY

    def put(self, document: object, *tags: str, media_type: str = OCI_MANIFEST) -> bytes:
        content = document if isinstance(document, bytes) else encoded(document)
        for reference in (*tags, sha256(content)):
            self.served.documents[f"shop/web/manifests/{reference}"] = (media_type, content)
        return content

    def put_file(self, content: bytes) -> bytes:
        self.served.blobs[sha256(content)] = content
        return content

    def put_pack(self, content: bytes, tag: str = "1", **more: object) -> bytes:
        return self.put(artifact(PUSHED_BUNDLE, self.put_file(content), ZSTD, **more), tag)  # type: ignore[arg-type]

    def attach(self, subject: bytes, kind: str, content: bytes, /, **more: object) -> bytes:
        refers = {"subject": described(subject, OCI_MANIFEST)} | more
        return self.put(artifact(kind, self.put_file(content), **refers))  # type: ignore[arg-type]

    def list_referrers(self, subject: bytes, *manifests: bytes, **more: object) -> None:
        entries = [described(manifest, OCI_MANIFEST, **more) for manifest in manifests]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        self.put(index, f"sha256-{Digest.of(subject).encoded}", media_type=OCI_INDEX)


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def counting(log: Path) -> Iterator[list[str]]:
    """What is sent while the context lasts: the method, and the last word of the path."""
    begin, sent = log.stat().st_size, list[str]()
    yield sent
    found = WRITES.findall(log.read_bytes()[begin:])
    sent += [f"{method.decode()} {path.rpartition(b'/')[2].decode()}" for method, path in found]


def push(*words: str | Path, cwd: Path) -> str:
    """The digest that is printed."""
    return bundler("push", *words, PLAIN, cwd=cwd).split()[1]


def asked(name: str, path: str, media_type: str = OCI_MANIFEST) -> bytes:
    host, _, repository = name.removeprefix("docker://").partition("/")
    request = urllib.request.Request(f"http://{host}/v2/{repository}/{path}", headers={"Accept": media_type})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 -- the registry of this test
        return bytes(answer.read())
