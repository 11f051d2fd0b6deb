"""Images: their documents, what they come in, and their layers, with the users in them."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from fuzzing.archives import attacks
from fuzzing.target import Target


def read_documents(content: bytes) -> None:
    """Manifests, indexes and image configs: any bytes are read as each of them."""
    from bundler.errors import ImageError
    from bundler.images.digest import Digest
    from bundler.images.documents import parse_document
    from bundler.images.image_config import parse_image_config
    from bundler.images.manifest import parse_index, select_manifest
    from bundler.images.platform import Platform

    digest = Digest.of(content)

    def absent(_descriptor: object) -> bytes:
        raise ImageError("absent")

    readers: tuple[Callable[[], object], ...] = (
        lambda: parse_image_config(content),
        lambda: parse_index(parse_document(content, "index")),
        lambda: select_manifest(content, digest, Platform.parse("linux/amd64"), absent),
    )
    for read in readers:
        with suppress(ImageError):
            read()


def read_archive(content: bytes) -> None:
    """A docker-archive or an oci-archive, its layers too."""
    from bundler.errors import BundlerError
    from bundler.images.layer_stream import open_layer
    from bundler.images.manifest import PlatformChoice
    from bundler.images.platform import Platform
    from bundler.images.transports.access import Access
    from bundler.images.transports.table import open_image, parse_reference
    from bundler.progress import SILENT

    with tempfile.TemporaryDirectory() as folder, suppress(BundlerError):
        path = Path(folder, "image.tar")
        path.write_bytes(content)
        with (
            open_image(
                parse_reference(f"{path}"),
                PlatformChoice.of(None, Platform.parse("linux/amd64")),
                access=Access(offline=True),
                workspace=Path(folder),
            ) as image,
            image.local(SILENT) as layers,
        ):
            for layer in layers:
                with open_layer(layer, lambda _count: None) as stream:
                    stream.finish()


def apply_layer(content: bytes) -> None:
    """A layer, applied in memory."""
    from bundler.errors import BundlerError
    from bundler.rootfs.unpacking.unpack_partially import unpack_partially
    from tests.support.layers import layer, stored_layer
    from tests.support.tarballs import directory, file, symlink

    lower = layer(directory("d"), file("d/f", b"x"), symlink("l", "/d"))
    with suppress(BundlerError):
        outline = unpack_partially([lower, stored_layer(content)], {b"f", b"x"})
        outline.read_regular(b"d/f", 1 << 20)


def read_accounts(content: bytes) -> None:
    """/etc/passwd and /etc/group, and who is looked up in them."""
    from bundler.conversion.process.accounts import find_group, identify, parse_accounts
    from bundler.errors import BundlerError

    text, _, asked = content.rpartition(b"\0")
    accounts = parse_accounts(text, text)
    for lookup in (identify, find_group):
        with suppress(BundlerError):
            lookup(accounts, asked.decode("utf-8", "replace"))


def documents() -> Iterator[bytes]:
    from tests.support.image_files import layout_files, sample

    files = layout_files({"1": sample()}) | layout_files({"2": sample(Cmd=["two"])}, docker=True, platforms=True)
    yield from (content for content in files.values() if isinstance(content, bytes) and content.startswith(b"{"))


def archives() -> Iterator[bytes]:
    from tests.support.image_files import archive_of, docker_files, layout_files, legacy_files, sample
    from tests.support.tarballs import file, tarball

    image = sample(tarball(file("f", b"x")))
    for files in (docker_files({"one:1": image}), legacy_files({"one:1": image}), layout_files({"1": image})):
        yield archive_of(files)


def accounts() -> Iterator[bytes]:
    yield b"root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:\n\0www:33"
    yield b"root:x:0:\nwheel:x:10:root,www\nbad:x:-1:\n\x0010"


TARGETS = {
    "documents": Target(read_documents, documents),
    "archive": Target(read_archive, archives),
    "layer": Target(apply_layer, attacks),
    "accounts": Target(read_accounts, accounts),
}
