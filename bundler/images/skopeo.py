"""skopeo, and the images that it copies whole: docker-daemon: and containers-storage: (registry.py has docker://)."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bundler import tools
from bundler.errors import ImageError
from bundler.images.access import Access
from bundler.images.directory import open_directory
from bundler.images.files import open_folder
from bundler.images.image import Image
from bundler.images.index import PlatformChoice
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
            while not running.ends_within(_POLL_SECONDS):
                watch()
            running.wait()
        watch()

    def copy_layers(
        self, name: str, layout: Path, blobs: Path, *, inherited: Sequence[int], watch: Callable[[], None]
    ) -> None:
        """Copy the layers of the image `name` to `blobs`/ALGORITHM/DIGITS, where those that are there are left alone.

        A layer appears there whole and checked. Only an OCI layout as destination can do this: the documents that
        skopeo writes to `layout` and `blobs`, converted to OCI's media types, are not the registry's own.
        """
        options = ["--remove-signatures", "--dest-oci-accept-uncompressed-layers", "--dest-shared-blob-dir", str(blobs)]
        arguments = ["copy", "--quiet", *self._options("--src-tls-verify"), *options, name, f"oci:{layout}"]
        command = [*self._policy(), *arguments]
        with explain(name), tools.start(tools.SKOPEO, command, inherited=inherited) as running:
            while not running.ends_within(_POLL_SECONDS):
                watch()
            running.wait()
        watch()

    def _policy(self) -> list[str]:
        return [] if self.access.policy is None else ["--policy", str(self.access.policy)]

    def _options(self, tls_verify: str) -> list[str]:
        authfile = [] if self.access.authfile is None else ["--authfile", str(self.access.authfile)]
        verify = self.access.tls_verify
        return authfile + ([] if verify is None else [f"{tls_verify}={str(verify).lower()}"])


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
        Skopeo(access, limits).copy(name, folder, *options, watch=growth(folder, meter))
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


def growth(folder: Path, meter: Callable[[int], None]) -> Callable[[], None]:
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
