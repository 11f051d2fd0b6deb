"""What images and packed bundles are carried in: files of `import` and `--since`, and artifacts of a registry."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuzzing.images import archives
from fuzzing.target import MOST_OF_IMAGES, Target

if TYPE_CHECKING:
    from bundler.images.descriptor import Descriptor


def read_artifact(content: bytes) -> None:
    """A manifest of a registry, read as a packed bundle, and as what belongs to one."""
    from bundler.distribution.artifact import parse_artifact, parse_pack
    from bundler.errors import BundlerError
    from bundler.images.digest import Digest

    digest = Digest.of(content)
    with suppress(BundlerError):
        parse_artifact(content, digest)
    with suppress(BundlerError):
        parse_pack(content, digest, "a.example/b:1")


def read_referrers(content: bytes) -> None:
    """An index of what refers to a packed bundle, in which every manifest is the second half of these bytes."""
    from bundler.distribution.referrers import Referrers
    from bundler.errors import BundlerError
    from bundler.images.digest import Digest
    from bundler.images.documents import parse_document
    from bundler.images.media_types import PUSHED_DELTA

    listing, _, manifest = content.partition(b"\0")

    class Repository:
        reference = None

        def read(self, _descriptor: "Descriptor") -> bytes:
            return manifest

    def referrers() -> Referrers:
        index = parse_document(listing, "index")
        named: Any = Repository()
        return Referrers(named, Digest.of(b"{}"), index)

    with suppress(BundlerError):
        listed = referrers()
        made = list(listed.artifacts(PUSHED_DELTA, {"oci-bundler.base": "x"}))
        listed.with_more(listed.lacking(made))


def read_carried(content: bytes) -> None:
    """A folder of images, in which these bytes are a document of it, and a file of `import` that they are."""
    with tempfile.TemporaryDirectory() as folder:
        for name, place in _places(content, Path(folder)):
            _import(name, place)


def read_since(content: bytes) -> None:
    """What `export --since` is given."""
    from bundler.carrying.known import Since
    from bundler.errors import BundlerError
    from bundler.limits import DEFAULTS
    from bundler.store.layout import open_store, prepare

    with tempfile.TemporaryDirectory() as folder, suppress(BundlerError):
        given, store = Path(folder, "given"), Path(folder, "store")
        given.write_bytes(content)
        prepare(store)
        with open_store(store, limits=DEFAULTS) as opened:
            list(Since(opened, Path(folder), DEFAULTS).blobs(given))


def _places(content: bytes, folder: Path) -> Iterator[tuple[str, Path]]:
    """Files and folders with these bytes in them, in several places."""
    from tests.support.image_files import blob, docker_files, layout_files, sample, sha256, write_folder

    whole = layout_files({"a.example/b:1": sample()})
    described = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(content)}
    named = described | {"annotations": {"org.opencontainers.image.ref.name": "a.example/b:1"}, "size": len(content)}
    index = json.dumps({"schemaVersion": 2, "manifests": [named]}).encode()
    for name, files in {
        "index": whole | {"index.json": content},
        "left out": whole | {"bundler-left-out.json": content},
        "manifest": whole | {"index.json": index, blob(content): content},
        "docker": docker_files({"a.example/b:1": sample()}) | {"manifest.json": content},
    }.items():
        yield name, write_folder(folder / name, files)
    file = folder / "given.tar"
    file.write_bytes(content)
    yield "file", file


def _import(name: str, place: Path) -> None:
    """Look at all that an import looks at before it changes a store."""
    from bundler.carrying.importing import Import
    from bundler.carrying.source import Source
    from bundler.errors import BundlerError
    from bundler.limits import DEFAULTS
    from bundler.progress import SILENT

    with ExitStack() as held, suppress(BundlerError):
        store = Path(held.enter_context(tempfile.TemporaryDirectory()), name)
        Import(limits=DEFAULTS, progress=SILENT).into(store, Source.parse(str(place)))


def _artifact(kind: str, **more: object) -> bytes:
    from tests.support.image_files import sha256
    from tests.support.pushed import EMPTY, artifact, encoded

    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(EMPTY), "size": len(EMPTY)}
    return encoded(artifact(kind, b"x", f"{kind}.tar+zstd", subject=subject, **more))  # type: ignore[arg-type]


def artifacts() -> Iterator[bytes]:
    from bundler.images.media_types import PUSHED_BUNDLE, PUSHED_DELTA

    yield _artifact(PUSHED_BUNDLE, annotations={"oci-bundler.record": "sha256:" + "a" * 64})
    yield _artifact(PUSHED_DELTA, annotations={"oci-bundler.base": "sha256:" + "a" * 64})
    yield b'{"schemaVersion":2,"manifests":[]}'


def referrers() -> Iterator[bytes]:
    from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST, PUSHED_DELTA
    from tests.support.pushed import described, encoded

    manifest = _artifact(PUSHED_DELTA, annotations={"oci-bundler.base": "x"})
    for more in ({}, {"artifactType": PUSHED_DELTA, "annotations": {"oci-bundler.base": "x"}}):
        entry = described(manifest, OCI_MANIFEST, **more)
        yield encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}) + b"\0" + manifest


def carried() -> Iterator[bytes]:
    from tests.support.image_files import docker_files, layout_files, sample

    files = layout_files({"a.example/b:1": sample()}) | docker_files({"a.example/b:1": sample()})
    yield from (content for content in files.values() if isinstance(content, bytes))
    yield json.dumps({"format": 1, "blobs": [{"digest": "sha256:" + "a" * 64, "size": 1, "image": "a"}]}).encode()
    yield from archives()


def since() -> Iterator[bytes]:
    digest = "sha256:" + "a" * 64
    yield json.dumps({"images": [{"name": "a", "blobs": [digest]}]}).encode()
    locked = {"reference": "a", "id": digest, "manifest": digest, "platform": "linux/amd64", "layers": [digest]}
    yield json.dumps({"format": 2, "images": [locked]}).encode()
    yield from carried()


TARGETS = {
    "artifact": Target(read_artifact, artifacts),
    "referrers": Target(read_referrers, referrers),
    "carried": Target(read_carried, carried, MOST_OF_IMAGES),
    "since": Target(read_since, since, MOST_OF_IMAGES),
}
