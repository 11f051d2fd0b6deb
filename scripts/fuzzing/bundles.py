"""What a bundle consists of, and what changes one."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fuzzing.target import Target


def read_bundle_documents(content: bytes) -> None:
    """config.json and bundler.json: any bytes are read as each of them, explained and compared."""
    from bundler.bundles.bundle import read_config_file
    from bundler.bundles.record import BundleRecord
    from bundler.compare.difference import differences
    from bundler.compare.explanation import explain_recorded
    from bundler.errors import BundlerError

    with suppress(BundlerError):
        BundleRecord(content, "b")
    with tempfile.TemporaryDirectory() as folder, suppress(BundlerError):
        Path(folder, "config.json").write_bytes(content)
        written = read_config_file(folder)
        explain_recorded(written.config.document, {"origins": {}, "beaten": {}})
        differences(written.config.document, written.config.document)


def read_manifest(content: bytes) -> None:
    """rootfs.mtree, as `verify` and `harden` read it."""
    import io

    from bundler.bundles.verification.comparison import Comparison
    from bundler.rootfs.mtree import MtreeError, group, parse, read_lines, size_of

    comparison = Comparison(lambda _file: None, lambda _file, _line: None)
    with suppress(MtreeError):
        list(comparison.changes(group(read_lines(io.BytesIO(content))), iter(())))
    with suppress(MtreeError):
        list(parse(read_lines(io.BytesIO(content))))
    for line in content.splitlines(keepends=True):
        with suppress(MtreeError):
            _ = size_of(line), [(listed.hard_link, listed.links) for listed in group([line])]


def bundle_documents() -> Iterator[bytes]:
    yield b'{"ociVersion": "1.0.2", "process": {"cwd": "/", "args": ["a"]}, "format": 1, "manifest": "", "hooks": {}}'


def manifests() -> Iterator[bytes]:
    from tests.support.bundles import MEMBERS, make_bundle

    with tempfile.TemporaryDirectory() as folder:
        yield (make_bundle(Path(folder, "made/b"), *MEMBERS[:-1]) / "rootfs.mtree").read_bytes()


def read_delta(content: bytes) -> None:
    """A delta, applied to a bundle."""
    from tests.support.fuzzed_deltas import read

    read(content)


def deltas() -> Iterator[bytes]:
    from tests.support.fuzzed_deltas import seeds

    return seeds()


TARGETS = {
    "bundle-documents": Target(read_bundle_documents, bundle_documents),
    "manifest": Target(read_manifest, manifests),
    "delta": Target(read_delta, deltas),
}
