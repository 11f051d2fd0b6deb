"""The digests of a file are those of others' programs, whatever the height of its tree; and that of the kernel."""

import os
import random
import struct
import subprocess
from pathlib import Path

import pytest

from bundler.archives.filesystems.verity import (
    BlockHashes,
    append_hash_tree,
    fsverity_digest,
    kernel_digest,
    measured_sha256,
)

BLOCK = 4096
HEIGHTS = [1, 2, 128, 129, 1025, 128 * 128, 128 * 128 + 1]  # in blocks: a hash, a block of hashes, two of them ...
DIGEST = bytes(range(32))


def test_a_file_without_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    with (tmp_path / "f").open("rb") as stream:
        assert kernel_digest(stream.fileno()) is None


def test_only_a_digest_of_sha256_counts() -> None:
    assert measured_sha256(struct.pack("=HH", 1, 32) + DIGEST) == DIGEST.hex()
    assert measured_sha256(struct.pack("=HH", 2, 32) + DIGEST) is None
    assert measured_sha256(struct.pack("=HH", 2, 64) + DIGEST * 2) is None


@pytest.mark.tool("fsverity", "veritysetup")
@pytest.mark.parametrize("blocks", HEIGHTS)
def test_the_digests_are_those_of_others_programs(tmp_path: Path, blocks: int) -> None:
    image, size = tmp_path / "image", blocks * BLOCK
    noise = random.Random(blocks)  # noqa: S311 -- the same each time
    with image.open("w+b") as file:
        for at in (0, blocks // 2, blocks - 1):
            file.seek(at * BLOCK)
            file.write(noise.randbytes(BLOCK))
        file.flush()
        nothing_known, all_known, partly_known = BlockHashes(), BlockHashes(), BlockHashes()
        for at in range(0, size, 100 * BLOCK):
            content = os.pread(file.fileno(), min(100 * BLOCK, size - at), at)
            all_known.add(at, content)
            partly_known.add(at, bytes(len(content)) if at == 0 else content)
        partly_known.forget(0, 100 * BLOCK)
        known = (nothing_known, all_known, partly_known)
        (digest,) = {fsverity_digest(hashes, file.fileno(), size) for hashes in known}
        by_fsverity = subprocess.run(
            ["fsverity", "digest", "--compact", image], capture_output=True, text=True, check=True
        )
        assert digest == by_fsverity.stdout.strip()
        tree = append_hash_tree(file.fileno(), size, bytes(range(16)))
    offset = f"--hash-offset={tree.offset}"
    subprocess.run(["veritysetup", "verify", image, image, tree.root, offset], check=True)
    with image.open("r+b") as file:
        file.seek(size - 1)
        file.write(b"\0")
    changed = subprocess.run(
        ["veritysetup", "verify", image, image, tree.root, offset], capture_output=True, check=False
    )
    assert changed.returncode != 0
