"""The layer that umoci makes of what has become different in a rootfs, and what it expects of a bundle.

Manifests for `umoci repack`, which reads the dialect of go-mtree: what stands there and is no longer so is repacked.
Unlike mtree(8), go-mtree compares every extended attribute and takes what a manifest does not mention for new: an
entry has to have all of them. Of times it compares whole seconds (`tar_time`), as a tar archive of Go's keeps them.
Keywords that no entry has are not compared: those that differ by file system (the size of a directory) are left out.

In a bundle `umoci repack` expects umoci.json, and a manifest of the rootfs named after that of the image. The format of
umoci.json is 2, which every umoci from 0.4 on writes and reads.

umoci is not given the bundle: it would look through all of it again, take mount points and labels of the machine for
changes, and leave the ids of a user namespace in attributes. It gets a bundle that holds what is different and the
directories on the way there, and a layout with an image that has no layers; what it adds to that is the layer.
"""

import base64
import hashlib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bundler.bundles.files import WrittenOut
from bundler.bundles.write import encode, write_file
from bundler.errors import BundlerError, ImageError, RequestError, ToolError, printable
from bundler.images.digest import Digest
from bundler.images.documents import parse_document
from bundler.images.image import Image
from bundler.images.layer import LocalLayer
from bundler.images.manifest import ANY_PLATFORM
from bundler.images.media_types import OCI_MANIFEST
from bundler.images.reference import Choice
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import open_layout
from bundler.limits import DEFAULTS
from bundler.origins import Json
from bundler.progress import SILENT
from bundler.repack.changed_paths import ChangedPaths
from bundler.rootfs.attributes import Attributes
from bundler.rootfs.copying import Copy
from bundler.rootfs.inventory import write_lines
from bundler.rootfs.mtree import (
    Keywords,
    MtreeEntry,
    MtreeError,
    decode_name,
    encode_name,
    encode_path,
    parse,
    xattrs_of,
)
from bundler.rootfs.owners import IdMap, Owners
from bundler.rootfs.paths import PathError, ancestors
from bundler.rootfs.scan import walk
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.umoci import write_layout
from bundler.rootfs.upper import OF_OVERLAYS
from bundler.tools import UMOCI, run

_XATTR: Final = b"xattr."
_AS_THEY_ARE: Final = (b"type", b"uid", b"gid")
_OF_FILES: Final = (b"size", b"sha256digest")
_LONGEST: Final = 65_000  # bytes; go-mtree reads lines of at most 64 KiB
_SECOND: Final = 10**9
# Values are compared as they are encoded: exactly what go-mtree encodes has to be.
_ENCODED: Final = re.compile(rb"[^!-~]|[#*?[\\]")


def translate(entries: Iterable[MtreeEntry]) -> Iterator[bytes]:
    """The lines of a manifest that says the same as `entries`, which are in order. Raises MtreeError.

    A name without a slash is looked for in the directory before it, until a line with two dots leaves that.
    """
    depth = 0  # of the directory that names are looked for in
    for entry in entries:
        above = len(entry.path.split(b"/")) if entry.path else 0
        for _ in range(depth - above):
            yield b"..\n"
        name = encode_name(entry.path.rpartition(b"/")[2]) or b"."
        line = b" ".join((name, *_described(entry.keywords))) + b"\n"
        if len(line) > _LONGEST:
            raise MtreeError(f"{encode_path(entry.path).decode()}: its attributes are too long for umoci's manifest")
        yield line
        depth = above + 1 if entry.keywords[b"type"] == b"dir" else min(depth, above)


def mention(unchanged: Iterable[tuple[bytes, Attributes]], gone: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a manifest that speaks of nothing but directories that are as they were, and of what is gone.

    Everything else is new to umoci then. Without a type, no name is looked for in the directory before it.
    """
    for path, attributes in unchanged:
        time = b"tar_time=%d.000000000" % (attributes.mtime // _SECOND)
        line = b" ".join((encode_path(path), time, *_xattrs(attributes.xattrs))) + b"\n"
        if len(line) <= _LONGEST:  # otherwise it is in the layer, as it was
            yield line
    for path in gone:
        yield encode_path(path) + b"\n"


def _described(keywords: Keywords) -> Iterator[bytes]:
    kind = keywords[b"type"]
    for name in _AS_THEY_ARE:
        if name in keywords:
            yield b"%s=%s" % (name, keywords[name])
    if b"link" in keywords:
        yield b"link=%s" % _encode(decode_name(keywords[b"link"]))
    if b"mode" in keywords:
        yield b"mode=0%s" % keywords[b"mode"].lstrip(b"0") if keywords[b"mode"].strip(b"0") else b"mode=0"
    if kind != b"dir" and b"nlink" in keywords:
        yield b"nlink=%s" % keywords[b"nlink"]
    if kind == b"file":
        yield from (b"%s=%s" % (name, keywords[name]) for name in _OF_FILES if name in keywords)
    yield b"tar_time=%s.000000000" % keywords[b"time"].partition(b".")[0]
    if kind in (b"dir", b"file"):  # of others go-mtree does not read them
        yield from _xattrs(xattrs_of(keywords))


def _xattrs(xattrs: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for name, value in xattrs.items():
        yield b"%s%s=%s" % (_XATTR, _encode(name), base64.b64encode(value))


def _encode(text: bytes) -> bytes:
    """As vis(3) does with VIS_WHITE, VIS_OCTAL and VIS_GLOB."""
    return _ENCODED.sub(lambda match: b"\\\\" if match[0] == b"\\" else b"\\%03o" % match[0][0], text)


NAME: Final = "umoci.json"
_FORMAT: Final = "2"
_OCI: Final = "application/vnd.oci."


def check_known(image: Image) -> Digest:
    """The digest of the manifest that umoci would look for. Raises RequestError if it would not know the image."""
    hint = "`bundler repack` needs neither the metadata nor that media type"
    if image.manifest is None or image.manifest_digest is None:
        raise RequestError("--umoci-metadata: the image has no manifest that umoci could find again", hint=hint)
    manifest = parse_document(image.manifest, f"manifest {image.manifest_digest}")
    stated = [part for part in (manifest.find("mediaType"), manifest.get("config").find("mediaType")) if part]
    foreign = [part.text() for part in stated if not part.text().startswith(_OCI)]
    if foreign:
        raise RequestError(f"--umoci-metadata: umoci does not know the media type {foreign[0]}", hint=hint)
    return image.manifest_digest


def write_metadata(bundle: Path, image: Image, maps: Sequence[IdMap], *, rootless: bool) -> dict[str, str]:
    """Write both files beside rootfs.mtree; gives their digests by name. Raises ImageError, RequestError."""
    digest = check_known(image)
    manifest = manifest_name(digest)
    try:
        with (bundle / "rootfs.mtree").open("rb") as lines:
            listed = write_lines(translate(parse(lines)), bundle / manifest)
    except MtreeError as error:
        raise ImageError(f"--umoci-metadata: {error}") from None
    content = encode(describe(digest, len(image.manifest or b""), maps, rootless=rootless))
    write_file(bundle / NAME, content)
    return {manifest: f"sha256:{listed}", NAME: f"sha256:{hashlib.sha256(content).hexdigest()}"}


def manifest_name(image: Digest) -> str:
    """The name of the manifest of a rootfs that was made from the image with this manifest."""
    return f"{image.algorithm}_{image.encoded}.mtree"


def describe(manifest: Digest, size: int, maps: Sequence[IdMap] = (), *, rootless: bool = False) -> Json:
    """The content of umoci.json; the image is told by its manifest, whatever the tag it was found by."""
    users, groups = (
        (
            [{"containerID": inside, "hostID": outside, "size": count} for inside, outside, count in each.ranges]
            for each in maps
        )
        if maps
        else (None, None)
    )
    return {
        "umoci_version": _FORMAT,
        "from_descriptor_path": {
            "descriptor_walk": [{"mediaType": OCI_MANIFEST, "digest": str(manifest), "size": size}]
        },
        "map_options": {"uid_mappings": users, "gid_mappings": groups, "rootless": rootless},
    }


_TAG: Final = "repacked"


@contextmanager
def make_layer(tree: Tree, changed: ChangedPaths, owners: Owners, workspace: Path, name: str) -> Iterator[LocalLayer]:
    """The layer, for as long as the context lasts; `workspace` is an empty private folder.

    `owners` makes of the attributes on disk those of the image. `name` is that of the bundle, for messages. Raises
    BundlerError, ToolError.
    """
    bundle, layout = workspace / "bundle", workspace / "layout"
    (bundle / "rootfs").mkdir(parents=True)
    _copy(tree, changed, bundle / "rootfs", owners, name)
    listed = write_layout(layout, ())
    manifest = Digest.parse(listed["digest"])
    described = describe(manifest, listed["size"], rootless=owners.confined)
    (bundle / NAME).write_bytes(encode(described))
    new = set(changed.there)
    with (
        Tree(bundle / "rootfs", owners.as_they_are()) as copied,
        (bundle / manifest_name(manifest)).open("wb") as lines,
    ):
        unchanged = ((file.path, file.attributes) for file in walk(copied) if file.path not in new)
        lines.writelines(mention(unchanged, changed.gone))
    run(UMOCI, "repack", "--no-history", f"--image={layout}:{_TAG}", bundle)
    with open_folder(layout, DEFAULTS) as files:
        image = open_layout(files, Choice(name=_TAG), ANY_PLATFORM, transport="oci", file_name="")
        if len(image.layers) != 1:
            raise ToolError(f"umoci made {len(image.layers)} layers of what was changed, and not one")
        with image.local(SILENT) as (layer,):
            yield layer


def _copy(tree: Tree, changed: ChangedPaths, root: Path, owners: Owners, name: str) -> None:
    """What is different, and the directories on the way there, as an image would have them."""
    with Tree(root, owners) as target:
        copy = Copy(tree, target)
        holes = WrittenOut(
            name, "umoci knows no holes: make the file smaller, or keep it out of the rootfs, in a volume"
        )
        known: set[bytes] = set()
        path = b""
        try:
            for path in changed.there:
                _check(tree, path, name)
                status = tree.status(path)
                if status is not None and stat.S_ISREG(status.st_mode):
                    holes.add(path, status.st_size, status.st_blocks * 512)
                for each in (*reversed(list(ancestors(path))), path):
                    if each not in known:
                        known.add(each)
                        copy.add(each, each)
        except PathError as error:
            raise BundlerError(f"{name}: /{printable(path)} cannot be in a layer: {error}") from None
        except PermissionError:
            raise BundlerError(f"{name}: /{printable(path)} cannot be read", hint="repack it as root") from None
    if owners.skipped:
        what = ", ".join(owners.skipped)
        raise BundlerError(f"{name}: {what} cannot be read by this user", hint="repack it as root")


def _check(tree: Tree, path: bytes, name: str) -> None:
    """Raise BundlerError for what Go's writer of tar archives leaves out without a word, and umoci itself."""
    for xattr, value in tree.attributes(path).xattrs.items():
        lost = printable(xattr)
        if not value:
            what = f"{name}: /{printable(path)}: umoci would lose the empty attribute {lost}"
            raise BundlerError(what, hint="remove the attribute, or give it a value")
        if xattr.startswith(OF_OVERLAYS):
            what = f"{name}: /{printable(path)}: umoci would lose the attribute {lost}, which is an overlay's own"
            raise BundlerError(what, hint="keep the folders of overlays out of the rootfs, in a volume")
