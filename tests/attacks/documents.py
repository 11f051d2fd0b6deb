"""Documents and digests that lie: OCI layouts, each with one thing wrong."""

import json
from dataclasses import dataclass, replace
from typing import Any

from bundler.errors import BundlerError, ImageError, RequestError
from bundler.images.digest import Digest
from bundler.limits import DEFAULTS, Limits
from tests.support.image_files import (
    OCI,
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
)
from tests.support.tarballs import file, tarball


@dataclass(frozen=True)
class ImageAttack:
    """An image as files (a folder) or as the bytes of an archive. `says` is empty for what is accepted.

    `when_read` says that the image opens, and is refused as soon as its layers are read.
    """

    image: Files | bytes
    says: str = ""
    error: type[BundlerError] = ImageError
    when_read: bool = False
    limits: Limits = DEFAULTS


ONE = sample(tarball(file("f", b"x")), tarball(file("g", b"y" * 2000)))
FILES = layout_files({"1": ONE})
RAW, STORED = manifest_of(ONE)
MANIFEST: dict[str, Any] = json.loads(RAW)
CONFIG: dict[str, Any] = json.loads(ONE.config)
LAYER: dict[str, Any] = MANIFEST["layers"][0]
ENTRY = descriptor(MANIFEST["mediaType"], RAW)


def manifest(document: Any) -> Files:
    """The layout, entered through another manifest."""
    raw = document if isinstance(document, bytes) else as_json(document)
    return FILES | {blob(raw): raw, "index.json": index_of(descriptor(MANIFEST["mediaType"], raw))}


def config(document: Any) -> Files:
    """The layout with another image config, whose digest is as it should be."""
    raw = document if isinstance(document, bytes) else as_json(document)
    return manifest(MANIFEST | {"config": descriptor(f"{OCI}.config.v1+json", raw)}) | {blob(raw): raw}


def layer(**changes: Any) -> Files:
    return manifest(MANIFEST | {"layers": [LAYER | changes, MANIFEST["layers"][1]]})


def entry(**changes: Any) -> Files:
    return FILES | {"index.json": index_of(ENTRY | changes)}


def nested(depth: int) -> Files:
    """An index in an index, and so on."""
    files, inner = dict(FILES), ENTRY
    for _ in range(depth):
        raw = index_of(inner)
        files[blob(raw)] = raw
        inner = descriptor(f"{OCI}.index.v1+json", raw)
    return files | {"index.json": index_of(inner)}


SWAPPED = CONFIG | {"rootfs": CONFIG["rootfs"] | {"diff_ids": CONFIG["rootfs"]["diff_ids"][::-1]}}
DOCUMENTS: dict[str, ImageAttack] = {
    "honest": ImageAttack(FILES),
    "a digest that climbs": ImageAttack(entry(digest="sha256:../../../etc/passwd"), "is not a digest"),
    "a digest of slashes": ImageAttack(layer(digest="sha256:" + "/" * 64), "is not a digest"),
    "a digest in upper case": ImageAttack(layer(digest=LAYER["digest"].upper()), "is not a digest"),
    "a digest that is too short": ImageAttack(entry(digest=ENTRY["digest"][:-1]), "lowercase hex digits"),
    "a digest with a line break": ImageAttack(entry(digest=ENTRY["digest"] + "\n"), "is not a digest"),
    "a digest of a broken algorithm": ImageAttack(entry(digest="md5:" + "0" * 32), "is not supported"),
    "an algorithm that climbs": ImageAttack(entry(digest="../sha256:" + "0" * 64), "is not a digest"),
    "a digest that is a number": ImageAttack(entry(digest=5), "expected a string"),
    "a digest of nobody": ImageAttack(entry(digest=sha256(b"nobody")), "does not exist"),
    "the digest of the config for a layer": ImageAttack(
        layer(digest=sha256(ONE.config), size=len(ONE.config)), "", when_read=True
    ),
    "a layer for the config": ImageAttack(
        manifest(MANIFEST | {"config": LAYER | {"mediaType": f"{OCI}.config.v1+json"}}), "not JSON"
    ),
    "the manifest for its own config": ImageAttack(entry(mediaType=f"{OCI}.config.v1+json"), "there is no image"),
    # What a document says of itself decides, so it cannot be two things to two readers (CVE-2021-41190).
    "a manifest that is called an index": ImageAttack(entry(mediaType=f"{OCI}.index.v1+json")),
    "a negative size": ImageAttack(layer(size=-1), "expected a whole number"),
    "a size with a fraction": ImageAttack(layer(size=1.5), "expected a whole number"),
    "a size as text": ImageAttack(layer(size=str(LAYER["size"])), "expected a whole number"),
    "a size that is true": ImageAttack(layer(size=True), "expected a whole number"),
    "a size of 64 bits": ImageAttack(layer(size=1 << 63), "no blob is that large"),
    "a size of a thousand digits": ImageAttack(layer(size=10**1000), "more than 64 bits"),
    "a size that is 1e999": ImageAttack(
        manifest(RAW.replace(b'"size":', b'"size":1e999,"x":', 1)), "is too large a number"
    ),
    "a size one too large": ImageAttack(layer(size=LAYER["size"] + 1), "are stated"),
    "a size one too small": ImageAttack(layer(size=LAYER["size"] - 1), "are stated"),
    "data in a descriptor": ImageAttack(layer(data="ZGVhZA==")),
    "urls in a descriptor": ImageAttack(layer(urls=["file:///etc/passwd", "http://127.0.0.1/"])),
    "a layer that is a symlink out": ImageAttack(FILES | {blob(STORED[0]): Link("/etc/passwd")}, "is a symbolic link"),
    "a manifest that is a symlink": ImageAttack(FILES | {blob(RAW): Link("/etc/passwd")}, "is a symbolic link"),
    "index.json is a symlink": ImageAttack(FILES | {"index.json": Link("/etc/passwd")}, "is a symbolic link"),
    "layers of another order": ImageAttack(config(SWAPPED), "its diff_id is", when_read=True),
    "a diff_id too many": ImageAttack(
        config(CONFIG | {"rootfs": {"type": "layers", "diff_ids": [*CONFIG["rootfs"]["diff_ids"], sha256(b"")]}}),
        "2 layers, but the image config states 3",
    ),
    "no diff_ids": ImageAttack(config(CONFIG | {"rootfs": {"type": "layers"}}), "states 0 diff_ids"),
    "diff_ids of compressed bytes": ImageAttack(
        config(CONFIG | {"rootfs": {"type": "layers", "diff_ids": [sha256(stored) for stored in STORED]}}),
        "its diff_id is",
        when_read=True,
    ),
    "another kind of rootfs": ImageAttack(config(CONFIG | {"rootfs": {"type": "disk", "diff_ids": []}}), '"layers"'),
    "no rootfs": ImageAttack(config({key: CONFIG[key] for key in ("os", "architecture")}), "rootfs: missing"),
    "an image of another system": ImageAttack(config(CONFIG | {"os": "windows"}), "only Linux images"),
    "a system with an escape": ImageAttack(config(CONFIG | {"os": "linux\x1b[2J"}), "expected a word"),
    "an environment without a name": ImageAttack(config(CONFIG | {"config": {"Env": ["=x"]}}), "NAME=VALUE"),
    "a NUL in the environment": ImageAttack(config(CONFIG | {"config": {"Env": ["A=\0"]}}), "NUL"),
    "a NUL in a volume": ImageAttack(config(CONFIG | {"config": {"Volumes": {"/a\0b": {}}}}), "NUL"),
    "a command that is a number": ImageAttack(config(CONFIG | {"config": {"Cmd": [1]}}), "expected a string"),
    "a config that is a list": ImageAttack(config([]), "expected an object"),
    "a name that stands twice": ImageAttack(manifest(RAW.replace(b"{", b'{"config":{},', 1)), "stands twice"),
    "a name that stands twice, escaped": ImageAttack(
        manifest(RAW.replace(b"{", b'{"\\u0063onfig":{},', 1)), "stands twice"
    ),
    "both manifest and index": ImageAttack(manifest(MANIFEST | {"manifests": [ENTRY]}), "both"),
    "both index and manifest": ImageAttack(
        FILES | {"index.json": as_json(json.loads(index_of(ENTRY)) | {"layers": []})}, "both"
    ),
    "schema 1": ImageAttack(manifest(MANIFEST | {"schemaVersion": 1}), "schema 1"),
    "schema 3": ImageAttack(manifest(MANIFEST | {"schemaVersion": 3}), "has to be 2"),
    "an artifact": ImageAttack(
        manifest(MANIFEST | {"config": descriptor("application/vnd.oci.empty.v1+json", b"{}")}), "config.mediaType"
    ),
    "an encrypted layer": ImageAttack(layer(mediaType=f"{OCI}.layer.v1.tar+gzip+encrypted"), "mediaType"),
    "nested without end": ImageAttack(FILES | {"index.json": b"[" * 200_000}, "nested too deeply"),
    "an index in an index": ImageAttack(nested(3)),
    "nine indexes in each other": ImageAttack(nested(12), "more indexes inside indexes"),
    "ten thousand layers": ImageAttack(manifest(MANIFEST | {"layers": [LAYER] * 10_001}), "more than the 10000"),
    "a byte order mark": ImageAttack(manifest(b"\xef\xbb\xbf" + RAW), "not JSON"),
    "UTF-16": ImageAttack(manifest(RAW.decode().encode("utf-16")), "not JSON"),
    "NaN": ImageAttack(FILES | {"index.json": b'{"schemaVersion": NaN}'}, "NaN is not a JSON value"),
    "a number of 5000 digits": ImageAttack(FILES | {"index.json": b"9" * 5000}, "more than 64 bits"),
    "an escape in a name": ImageAttack(entry(annotations={"\x1b[2J": 5}), "expected a string"),
    "a manifest of 5 MiB": ImageAttack(manifest(RAW + b" " * (5 << 20)), "are more than the 4 MiB allowed"),
    "a manifest of 5 MiB that is allowed": ImageAttack(
        manifest(RAW + b" " * (5 << 20)), limits=replace(DEFAULTS, document_size=6 << 20)
    ),
    "a manifest over a limit": ImageAttack(
        FILES, "bytes are more than the 300 bytes allowed", limits=replace(DEFAULTS, document_size=300)
    ),
    "two images of one name": ImageAttack(
        FILES
        | layout_files({"1": sample()})
        | {"index.json": index_of(ENTRY, descriptor(ENTRY["mediaType"], manifest_of(sample())[0]))},
        "several images could be meant",
        RequestError,
    ),
    "a marker of another version": ImageAttack(FILES | {"oci-layout": b'{"imageLayoutVersion": "9"}'}, "imageLayout"),
    "a digest of another hash": ImageAttack(
        layer(digest=str(Digest.of(STORED[0], "sha512")))
        | {f"blobs/sha512/{Digest.of(STORED[0], 'sha512').encoded}": STORED[0]}
    ),
}
