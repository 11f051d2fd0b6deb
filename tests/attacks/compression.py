"""Compressed layers that are damaged, cut, hidden behind each other, or bombs."""

import gzip
import struct
from collections.abc import Callable

import zstandard

from bundler.errors import ImageError
from bundler.limits import Limits
from tests.attacks.attack import Attacks, accepted, refused
from tests.support.compressors import COMPRESSORS, Compress
from tests.support.tarballs import directory, file, pax_header

LISTING = [file("f", b"x"), file("g", b"y" * 3000)]
ON_DISK = ["f=x", "g=3000 bytes"]


def then(compress: Compress, change: Callable[[bytes], bytes]) -> Compress:
    return lambda content: change(compress(content))


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def attacks_on(name: str) -> Attacks:
    """Each damage to a layer of one compression. The digest is that of the damaged bytes: only the content is wrong."""
    compress = COMPRESSORS[name]
    damaged = {
        "cut in the middle": lambda stored: stored[: len(stored) // 2],
        "without its last byte": lambda stored: stored[:-1],
        "with its last byte changed": lambda stored: flipped(stored, -1),
        "with a byte in the middle changed": lambda stored: flipped(stored, len(stored) // 2),
        "with rubbish after it": lambda stored: stored + b"rubbish behind the end",
        "with another member after it": lambda stored: stored + compress(bytes(file("hidden", b"dead"))),
        "compressed twice": compress,
    }
    if name == "zstd":
        # Its library does not tell that the checksum is missing, and all of the content has come out.
        del damaged["without its last byte"]
    return {
        f"{name} {how}": refused(LISTING, says="layer sha256:", error=ImageError, compress=then(compress, change))
        for how, change in damaged.items()
    } | {f"{name} as it should be": accepted(LISTING, on_disk=ON_DISK, compress=compress)}


def skippable(content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, len(content)) + content


COMPRESSION: Attacks = {
    **{case: attack for name in COMPRESSORS for case, attack in attacks_on(name).items()},
    "gzip with empty members": accepted(
        LISTING, on_disk=ON_DISK, compress=lambda content: gzip.compress(b"") * 50 + gzip.compress(content)
    ),
    "zstd with frames to be skipped": accepted(
        LISTING,
        on_disk=ON_DISK,
        compress=lambda content: skippable(b"x") + zstandard.compress(content) + skippable(b"toc"),
    ),
    "a window of 2 GiB": refused(
        LISTING,
        says="zstd",
        error=ImageError,
        compress=lambda content: b"\x28\xb5\x2f\xfd\x00\xa8" + zstandard.compress(content)[6:],
    ),
    "a magic number and nothing else": refused(LISTING, says="", error=ImageError, compress=lambda _: b"\x1f\x8b\x08"),
    "a layer of no bytes": refused(LISTING, says="diff_id", error=ImageError, compress=lambda _: b""),
}

FULL = [directory("d"), *(file(f"d/{number}", b"x" * 600) for number in range(10))]
LIMITED: Attacks = {
    "more than the layers may unpack to": refused(
        FULL, says="more than 4.9 KiB", limits=Limits(unpacked_size=5000), compress=COMPRESSORS["gzip"]
    ),
    "more than may be fetched": refused(FULL, says="already as they are stored", limits=Limits(unpacked_size=2000)),
    "more than two layers may unpack to": refused(
        FULL, FULL, says="more than 19.5 KiB", limits=Limits(unpacked_size=20000), compress=COMPRESSORS["xz"]
    ),
    "as much as the layers may unpack to": accepted(
        [file("f", b"x")], on_disk=["f=x"], limits=Limits(unpacked_size=2048)
    ),
    "more behind the end of the archive": refused(
        [file("f", b"x"), bytes(1 << 20)],
        says="unpack to more than",
        limits=Limits(unpacked_size=4096),
        compress=COMPRESSORS["gzip"],
    ),
    "more entries": refused(FULL, says="more than 10 entries", limits=Limits(entries=10)),
    "more entries in two layers": refused(FULL, FULL, says="more than 20 entries", limits=Limits(entries=20)),
    "as many entries": accepted([directory("d"), file("d/f")], on_disk=["d/f="], limits=Limits(entries=2)),
    "a longer path": refused([file("a/bcdef")], says="the path is too long: 7 bytes", limits=Limits(path_length=6)),
    "as long a path": accepted([file("a/bcdef")], on_disk=["a/bcdef="], limits=Limits(path_length=7)),
    "more PAX records": refused(
        [pax_header({"comment": "c" * 1000}), file("f")],
        says="larger than",
        error=ImageError,
        limits=Limits(pax_size=1000),
    ),
}
