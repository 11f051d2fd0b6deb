"""Native and umoci agree."""

from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from bundler.errors import ImageError, ToolError
from bundler.images.digest import Digest
from bundler.rootfs.unpacking.unpack import UNPACKERS
from tests.support.compressors import Compress
from tests.support.layers import layer, plain, unpacked, zipped
from tests.support.tarballs import (
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    symlink,
    tarball,
    whiteout,
)
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("umoci")]
S = 10**9
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


LOWER = [
    directory(".", 0o755, mtime=9 * S),
    directory("etc", 0o755, mtime=8 * S),
    file("etc/passwd", b"root:x:0:0::/:/bin/sh\n", mtime=7 * S + 123456789),
    file("etc/old", b"old"),
    directory("usr", mtime=S),
    directory("usr/lib", mtime=2 * S),
    symlink("lib", "usr/lib", mtime=3 * S),
    file("lib/libc.so", b"\x7fELF" * 10000, 0o755, mtime=4 * S),
    hard_link("usr/lib/libc.so.6", "usr/lib/libc.so"),
    file("usr/su", b"su", 0o4755, owner=(0, 50), mtime=S),
    file("usr/ping", b"ping", 0o755, mtime=S, xattrs=CAPABLE | {"user.note": b"\0\xff"}),
    # umoci gives a directory without an entry, and the one that holds it, the time of their making.
    directory("var", mtime=6 * S),
    directory("var/spool", 0o3777, owner=(8, 12), mtime=5 * S, xattrs={"trusted.d": b"1"}),
    fifo("var/fifo", mode=0o620, owner=(3, 4), mtime=S),
    directory("dev", mtime=S),
    character_device("dev/null", 1, 3, mode=0o666, mtime=S),
    block_device("dev/sda", 8, 0, mode=0o660, owner=(0, 6), mtime=S),
    directory("gone", mtime=S),
    file("gone/a"),
    directory("opaque", mtime=S),
    file("opaque/old"),
    directory("locked", 0, owner=(9, 9), mtime=S),
    file("locked/secret", b"x", 0),
    file("n" * 255, b"long name"),
    file(b"latin-\xe4", b"not UTF-8"),
    symlink("dangling", "/no/such/file", owner=(1, 2), mtime=S),
]
MIDDLE = [
    file("etc/passwd", b"changed\n", 0o600, owner=(1, 1), mtime=11 * S),
    whiteout("etc/old"),
    whiteout("gone"),
    opaque("opaque"),
    file("opaque/new", mtime=S),
    file("lib/through-the-link", mtime=S),
    directory("locked", 0o700, owner=(7, 7), mtime=2 * S),
    symlink("lib64", "lib", mtime=S),
]
UPPER = [
    whiteout("usr/lib/libc.so"),
    file("gone", b"now a file", mtime=S),
    directory("dangling", mtime=S),
    file("dangling/x", mtime=S),
    file("late-time", mtime=2_000_000_000 * S + 999_999_999),
    file("early-time", mtime=-3 * S // 2),
]


@pytest.mark.parametrize("compress", [plain, zipped, zstd], ids=["tar", "gzip", "zstd"])
def test_both_make_the_same_tree(tmp_path: Path, compress: Compress) -> None:
    layers = [layer(*members, compress=compress) for members in (LOWER, MIDDLE, UPPER)]
    native, by_umoci = (tree(unpacked(tmp_path / name, *layers, unpacker=name)) for name in UNPACKERS)
    assert differences(native, by_umoci) == {}
    assert len(native) == 28


def test_layers_without_a_digest_are_given_one(tmp_path: Path) -> None:
    original = layer(*LOWER, compress=zipped)
    silent = replace(original, blob=replace(original.blob, digest=None))
    native, by_umoci = (tree(unpacked(tmp_path / name, silent, unpacker=name)) for name in UNPACKERS)
    assert differences(native, by_umoci) == {}


def test_nothing_but_the_root_is_left(tmp_path: Path) -> None:
    unpacked(tmp_path / "root", layer(file("a")), unpacker="umoci")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_layer_with_a_wrong_digest_never_reaches_umoci(tmp_path: Path) -> None:
    original = layer(file("a"), compress=zipped)
    other = replace(original, blob=replace(original.blob, digest=Digest.of(b"other")))
    with pytest.raises(ImageError, match="digest"):
        unpacked(tmp_path / "root", other, unpacker="umoci")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_layer_with_a_wrong_diff_id_is_refused(tmp_path: Path) -> None:
    original = layer(file("a"), compress=zipped)
    with pytest.raises((ImageError, ToolError), match="sha256"):
        unpacked(tmp_path / "root", replace(original, diff_id=Digest.of(tarball())), unpacker="umoci")
