"""Open an image as the pipeline does, with the defaults of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundler.images.image import Image
from bundler.images.layer_stream import open_layer
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.transports.access import Access
from bundler.images.transports.table import open_image, parse_reference
from bundler.progress import SILENT, Progress


@contextmanager
def opened(
    reference: str | Path,
    workspace: Path,
    *,
    platform: str | None = None,
    access: Access | None = None,
    progress: Progress = SILENT,
) -> Iterator[Image]:
    """`platform` is None when nobody asked for one; then images for linux/amd64 are looked for."""
    workspace.mkdir(exist_ok=True)
    with open_image(
        parse_reference(str(reference)),
        PlatformChoice.of(Platform.parse(platform) if platform else None, Platform("linux", "amd64")),
        access=access or Access(),
        workspace=workspace,
        progress=progress,
    ) as image:
        yield image


def layer_contents(image: Image, progress: Progress = SILENT) -> list[bytes]:
    """The checked, uncompressed bytes of every layer."""
    contents = []
    with image.local(progress) as layers:
        for layer in layers:
            with open_layer(layer, lambda _count: None) as stream:
                parts = []
                while part := stream.read(700):
                    parts.append(part)
                stream.finish()
            contents.append(b"".join(parts))
    return contents
