"""The digest that the kernel goes by for a file with fs-verity, where there is one."""

import struct
from pathlib import Path

from bundler.archives.filesystems.verity import kernel_digest, measured_sha256

DIGEST = bytes(range(32))


def test_a_file_without_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    with (tmp_path / "f").open("rb") as stream:
        assert kernel_digest(stream.fileno()) is None


def test_only_a_digest_of_sha256_counts() -> None:
    assert measured_sha256(struct.pack("=HH", 1, 32) + DIGEST) == DIGEST.hex()
    assert measured_sha256(struct.pack("=HH", 2, 32) + DIGEST) is None
    assert measured_sha256(struct.pack("=HH", 2, 64) + DIGEST * 2) is None
