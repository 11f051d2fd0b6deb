"""Archives, compression and images of file systems."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fuzzing.target import ENOUGH, MOST_OF_IMAGES, Target


def read_tar(content: bytes) -> None:
    """Tar archives of every dialect, PAX records and sparse maps among them."""
    import io

    from bundler.archives.stream import DamagedError
    from bundler.archives.tar import TarReader

    with suppress(DamagedError):
        reader = TarReader(io.BytesIO(content))
        for _ in reader:
            for _ in reader.content():
                pass


def read_pax(content: bytes) -> None:
    """PAX records in a header that is as it should be."""
    from tests.support.tarballs import END, extension, file

    read_tar(extension(b"x", content) + bytes(file("f", b"x" * 700)) + END)


def read_compressed(content: bytes) -> None:
    """The framing of gzip, zstd, xz and bzip2."""
    import io

    from bundler.archives.compression import decompress
    from bundler.archives.stream import DamagedError

    with suppress(DamagedError):
        _, stream = decompress(io.BytesIO(content))
        left = ENOUGH
        while left > 0 and (piece := stream.read(1 << 16)):
            left -= len(piece)


def read_file_system(content: bytes) -> None:
    """Squashfs and erofs, as far as `pack` and the writer of rootfs.erofs write them."""
    from bundler.errors import BundlerError
    from bundler.limits import DEFAULTS
    from bundler.packing.packed import open_packed

    with tempfile.NamedTemporaryFile() as file, suppress(BundlerError):
        file.write(content)
        file.flush()
        with open_packed(Path(file.name), DEFAULTS) as packed:
            for _, stored in packed.entries():
                for _ in stored:
                    pass


def attacks() -> Iterator[bytes]:
    from tests.attacks.test_layers import EVERY
    from tests.support.tarballs import tarball

    for attack in EVERY.values():
        for listing in attack.layers:
            yield tarball(*listing)


def compressed() -> Iterator[bytes]:
    from tests.support.compressors import COMPRESSORS

    for compress in COMPRESSORS.values():
        for content in (b"", b"some content", bytes(range(256)) * 40):
            yield compress(content)


def file_systems() -> Iterator[bytes]:
    from bundler.bundles.bundle import Bundle
    from bundler.packing.packing import pack
    from tests.rootfs.memory.test_image_tree import ATTRIBUTES, LINKS, WHITEOUTS, Listing
    from tests.support.bundles import make_bundle
    from tests.support.erofs_images import image_of
    from tests.support.layers import layer
    from tests.support.tarballs import directory, file, hard_link

    members = [directory("d"), file("d/f", b"x" * 5000, xattrs={"user.a": b"b"}), hard_link("l", "d/f")]
    with tempfile.TemporaryDirectory() as folder:
        bundle = Bundle(make_bundle(Path(folder, "made/b"), *members))
        for suffix in ("squashfs", "erofs"):
            yield pack(bundle, Path(folder, f"b.{suffix}")).path.read_bytes()
        listings: list[Listing] = [[*members], ATTRIBUTES, LINKS[0], WHITEOUTS[0]]
        for number, listing in enumerate(listings):
            yield image_of(Path(folder, f"image-{number}"), [layer(*listing)]).read_bytes()


TARGETS = {
    "tar": Target(read_tar, attacks),
    "pax": Target(read_pax, lambda: iter([b"9 path=a\n18 mtime=12.500000\n", b"22 GNU.sparse.major=1\n"])),
    "compression": Target(read_compressed, compressed),
    "file-system": Target(read_file_system, file_systems, MOST_OF_IMAGES),
}
