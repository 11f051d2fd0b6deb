"""Images that skopeo reaches: registries (docker://), docker-daemon: and containers-storage:.

Of a registry image, the documents are fetched first and as they are, so that their digests are the registry's and
the platform is chosen by the same code as for layouts. Layers are fetched when the first of them is opened: looking
at an image moves no layer. Every name given to skopeo after the first is by digest, so a tag that moves meanwhile
cannot mix two images.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.archives.stream import ByteStream
from bundler.errors import ImageError
from bundler.images.access import Access
from bundler.images.blobs import check_document, layer_blob
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.directory import blob_name, open_directory
from bundler.images.files import Folder, open_folder
from bundler.images.image import Blob, Image, Layer
from bundler.images.image_config import parse_image_config
from bundler.images.index import PlatformChoice, select_manifest
from bundler.images.manifest import Manifest
from bundler.images.registry_reference import RegistryReference
from bundler.images.skopeo_failures import explain
from bundler.limits import Limits, raise_hint
from bundler.progress import Progress

_FETCHED: Final = "fetched"
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo with the options that hold for every call."""

    access: Access
    limits: Limits

    def inspect(self, name: str, *options: str) -> bytes:
        """What `skopeo inspect --raw` prints: a document of `name` as it is. Raises ToolError or ImageError."""
        arguments = ["inspect", *self._options("--tls-verify"), "--raw", *options, name]
        with explain(name):
            raw = tools.run(tools.SKOPEO, *self._policy(), *arguments)
        if len(raw) > self.limits.document_size + 1:
            what = f"{len(raw)} bytes are more than the {self.limits.document_size} that a document may have"
            raise ImageError(f"{name}: {what}", hint=raise_hint("document_size"))
        return raw

    def copy(self, name: str, folder: Path, *options: str, watch: Callable[[], None] = lambda: None) -> None:
        """Copy the image `name` to `folder`, which must not exist; `watch` is called while it runs."""
        arguments = ["copy", "--quiet", *self._options("--src-tls-verify"), *options, name, f"dir:{folder}"]
        with explain(name), tools.start(tools.SKOPEO, [*self._policy(), *arguments]) as running:
            while running.wait(_POLL_SECONDS) is None:
                watch()
        watch()

    def _policy(self) -> list[str]:
        return [] if self.access.policy is None else ["--policy", str(self.access.policy)]

    def _options(self, tls_verify: str) -> list[str]:
        authfile = [] if self.access.authfile is None else ["--authfile", str(self.access.authfile)]
        verify = self.access.tls_verify
        return authfile + ([] if verify is None else [f"{tls_verify}={str(verify).lower()}"])


class _Fetched:
    """The layers of a registry image, fetched once, when the first of them is needed."""

    def __init__(self, skopeo: Skopeo, name: str, manifest: Manifest, workspace: Path, progress: Progress) -> None:
        self._skopeo = skopeo
        self._name = name
        self._manifest = manifest
        self._workspace = workspace
        self._progress = progress
        self._stack = ExitStack()

    @cached_property
    def files(self) -> Folder:
        folder = self._workspace / _FETCHED
        total = sum({layer.digest: layer.size for layer in self._manifest.layers}.values())
        with self._progress.measure("fetching", total) as meter:
            self._skopeo.copy(self._name, folder, "--preserve-digests", watch=_growth(folder, meter))
        return self._stack.enter_context(open_folder(folder))

    @contextmanager
    def open(self, layer: Descriptor) -> Iterator[ByteStream]:
        with layer_blob(self.files, blob_name(layer.digest), layer).open_raw() as source:
            yield source

    def close(self) -> None:
        self._stack.close()


@contextmanager
def open_registry_image(
    text: str, wanted: PlatformChoice, access: Access, workspace: Path, *, progress: Progress, limits: Limits
) -> Iterator[Image]:
    """The image that `text` names in a registry. Raises ImageError or ToolError."""
    reference = RegistryReference.parse(text)
    skopeo = Skopeo(access, limits)
    by_digest = replace(reference, tag=None)  # skopeo refuses a name with both; the digest is what counts

    def pinned(digest: Digest) -> str:
        return f"docker://{replace(by_digest, digest=digest)}"

    def read(descriptor: Descriptor) -> bytes:
        raw = skopeo.inspect(pinned(descriptor.digest))
        check_document(raw, descriptor)
        return raw

    first = skopeo.inspect(f"docker://{by_digest if reference.digest else reference}")
    digest = Digest.of(first, "sha256" if reference.digest is None else reference.digest.algorithm)
    if reference.digest not in (None, digest):
        raise ImageError(f"{reference}: the registry gave {digest} instead")
    manifest = select_manifest(first, digest, wanted.platform, read)
    name = pinned(manifest.digest)
    image_config = parse_image_config(
        _read_config(skopeo, name, manifest.config),
        f"image config {manifest.config.digest}",
        algorithm=manifest.config.digest.algorithm,
    )
    manifest.check_layers(image_config)
    wanted.check(image_config.platform, f"image config {image_config.digest}")
    fetched = _Fetched(skopeo, name, manifest, workspace, progress)
    pairs = zip(manifest.layers, image_config.diff_ids, strict=True)
    try:
        yield Image(
            transport="docker",
            name=str(reference),
            image_config=image_config,
            layers=tuple(Layer(_lazy_blob(fetched, layer), diff_id) for layer, diff_id in pairs),
            manifest=manifest.raw,
            manifest_digest=manifest.digest,
        )
    finally:
        fetched.close()


@contextmanager
def open_stored_image(
    name: str, wanted: PlatformChoice, access: Access, workspace: Path, *, progress: Progress, limits: Limits
) -> Iterator[Image]:
    """An image (`TRANSPORT:NAME`) of the Docker daemon or podman's storage: copied whole, as neither keeps blobs.

    The manifest that skopeo makes up for them, or rewrites, is not the image's own and differs between versions of
    skopeo, so the image has none here; the config, and so the image id, is the image's own.
    """
    transport, _, text = name.partition(":")
    complete = _complete(text)
    options = []
    if transport == "docker-daemon":
        # Unlike Docker's own client, skopeo neither adds a tag nor looks at DOCKER_HOST.
        name = f"{transport}:{complete or text}"
        host = tools.environment().get("DOCKER_HOST")
        options = ["--src-daemon-host", host] if host else []
    folder = workspace / _FETCHED
    with progress.measure(f"copying from {transport}", None) as meter:
        Skopeo(access, limits).copy(name, folder, *options, watch=_growth(folder, meter))
    with open_folder(folder, limits) as files:
        image = open_directory(files, wanted, file_name="")
        called = "" if image.id.encoded.startswith(text) else complete
        yield replace(image, transport=transport, name=called, manifest=None, manifest_digest=None)


def _complete(text: str) -> str:
    """The complete name of an image, or nothing for an image id (`sha256:...`), which is not its name.

    A name in podman's storage may say in brackets which storage (`[vfs@/ROOT+/RUN]NAME`).
    """
    try:
        return "" if text.startswith("sha256:") else str(RegistryReference.parse(text.rpartition("]")[2]))
    except ValueError:
        return ""


def _lazy_blob(fetched: _Fetched, layer: Descriptor) -> Blob:
    return Blob(layer.media_type, layer.size, layer.digest, lambda: fetched.open(layer))


def _read_config(skopeo: Skopeo, name: str, descriptor: Descriptor) -> bytes:
    raw = skopeo.inspect(name, "--config")
    if raw[-1:] == b"\n" and len(raw) == descriptor.size + 1:
        raw = raw[:-1]  # some versions end their output with a newline that is not the document's
    check_document(raw, descriptor)
    return raw


def _growth(folder: Path, meter: Callable[[int], None]) -> Callable[[], None]:
    """A watcher that tells `meter` how many bytes `folder` has gained since the last time."""
    told = 0

    def watch() -> None:
        nonlocal told
        size = 0
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    size += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return  # not begun, or a temporary file that was renamed just now
        if size > told:
            meter(size - told)
            told = size

    return watch
