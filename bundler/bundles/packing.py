"""A bundle becomes one file, the same bytes for the same bundle on any machine.

The rootfs is held against rootfs.mtree in the same pass: each line of the manifest is written once more from what goes
into the file. Nothing is read twice, and what was verified is what is in the file.
"""

import hashlib
import os
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.archives.entry import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
)
from bundler.archives.holes import Pieces, find_content
from bundler.archives.stream import Content, Digest
from bundler.bundles.files import BundleFile, BundleFiles
from bundler.bundles.formats import Format, choose_level, format_of
from bundler.bundles.manifest import Manifest, content_size
from bundler.bundles.packed import open_packed
from bundler.bundles.packed_verification import PackedVerification
from bundler.bundles.replacing import check_file
from bundler.bundles.stage import open_stage
from bundler.errors import BundlerError, RequestError, ToolError, printable
from bundler.limits import NONE
from bundler.progress import SILENT, Progress
from bundler.rootfs.sparse_files import add_zeros
from bundler.rootfs.tree import Tree

_PIECE: Final = 1 << 17
_KINDS: Final = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER_DEVICE,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}
_SYMLINK_MODE: Final = 0o777
_PRIVATE: Final = 0o600  # as the bundle is: whoever can read the file has its secrets, and its setuid programs


@dataclass(frozen=True, slots=True)
class Packed:
    """The file, its size in bytes, and what it could not hold, for people."""

    path: Path
    size: int
    remark: str | None = None

    @property
    def sha256(self) -> str:
        """In hexadecimal. The file is read for it, which takes a while, and not everybody asks."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def pack(
    bundle: Path,
    output: Path,
    *,
    as_is: bool = False,
    replace: bool = False,
    level: int | None = None,
    made_at: int = 0,
    chosen: Format | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Packed:
    """Write the bundle into the new file `output`, whole or not at all; its name says the format, if none is `chosen`.

    `made_at` (seconds) is the time of formats that want one of their own. Unless `as_is`, a bundle that is not what was
    built raises DifferenceError. Raises RequestError for what cannot be done, BundlerError where the machine is the
    reason.
    """
    chosen = chosen or format_of(output)
    level = choose_level(chosen, level)
    check_file(output, replace=replace)
    if not (bundle / "config.json").is_file() or not (bundle / "rootfs").is_dir():
        raise RequestError(f"{printable(str(bundle))} is not a bundle", hint="name a directory that `build` has made")
    if output.parent.resolve().is_relative_to(bundle.resolve()):
        raise RequestError(f"{printable(str(output))} lies in the bundle", hint="choose another place with -o")
    total = content_size(bundle)
    with open_stage(output.parent) as stage, ExitStack() as open_manifest:
        manifest = None
        if not as_is:
            shown = printable(shlex.quote(str(bundle)))
            hint = f"`bundler verify {shown}` lists all that differs, --as-is packs it as it is"
            manifest = open_manifest.enter_context(closing(Manifest(bundle, hint)))
        made = stage.workspace / output.name  # which is what messages call it
        try:
            with progress.measure(output.name, total) as meter:
                remark = chosen.write(_Packing(bundle, manifest), made, level, made_at, meter)
            if chosen.is_image and not as_is:
                _read_back(made, output)
            made.chmod(_PRIVATE)
            size = made.stat().st_size
        except OSError as error:
            raise BundlerError(f"{printable(str(output))}: {error.strerror or error}") from None
        stage.publish_file(made, output, replace=replace, before=before_publishing)
    return Packed(output, size, remark)


def _read_back(made: Path, output: Path) -> None:
    """Raise ToolError unless the image holds the bundle: programs leave out, with a word at most, what they cannot."""
    with open_packed(made, NONE, label=printable(str(output))) as packed:
        for change in PackedVerification(packed).changes():
            raise ToolError(f"{printable(str(output))}: the image came out wrong: {printable(change.path)} differs")


class _Packing:
    """The entries of the bundle, each with what is stored for it, in pieces of which each is good until the next."""

    def __init__(self, bundle: Path, manifest: Manifest | None) -> None:
        self._bundle = bundle
        self._files = BundleFiles(bundle)
        self._manifest = manifest
        self._digest: str | None = None
        # One piece of memory for all files: a new one for each would take longer than compressing what it holds.
        self._room = memoryview(bytearray(_PIECE))
        self._digests: dict[bytes, str | None] = {}  # of files with several names, by their first

    def __iter__(self) -> Iterator[tuple[Entry, Iterable[Content]]]:
        with self._files.open() as tree:
            for file in self._files.walk(tree):
                manifest = self._manifest if file.in_rootfs else None
                if file.found.kind == stat.S_IFREG and file.first is None:
                    yield from self._read(tree, file, manifest)
                else:
                    self._digest = self._digests.get(file.first or b"")
                    yield _entry(file), ()
                if manifest is not None:
                    manifest.compare(self._files.manifest_line(file, self._digest))
        if self._manifest is not None:
            self._manifest.finish()

    def _read(
        self, tree: Tree, file: BundleFile, manifest: Manifest | None
    ) -> Iterator[tuple[Entry, Iterable[Content]]]:
        """The entry of a regular file. Then the sha256 of its content is known, if the manifest will ask for it."""
        found = file.found
        descriptor = tree.open_file(found.place or tree.locate(found.path), found.kind)
        try:
            pieces = find_content(descriptor, found.size)
            wanted = manifest is not None and (pieces is None or manifest.next_has_digest())
            if pieces is None and found.size <= _PIECE:
                part = self._part(descriptor, file, 0, found.size)
                digest = hashlib.sha256(part) if wanted else None
                yield _entry(file), (part,)
            else:
                digest = hashlib.sha256() if wanted else None
                yield _entry(file, pieces), self._content(descriptor, file, pieces, digest)
        finally:
            os.close(descriptor)
        self._digest = digest.hexdigest() if digest is not None else None
        if found.file is not None:
            self._digests[found.path] = self._digest

    def _content(
        self, descriptor: int, file: BundleFile, pieces: Pieces | None, digest: Digest | None
    ) -> Iterator[Content]:
        end = 0
        for start, length in pieces if pieces is not None else ((0, file.found.size),):
            if digest is not None:
                add_zeros(digest, start - end)
            at, end = start, start + length
            while at < end:
                part = self._part(descriptor, file, at, min(end - at, _PIECE))
                at += len(part)
                if digest is not None:
                    digest.update(part)
                yield part
        if digest is not None:
            add_zeros(digest, file.found.size - end)

    def _part(self, descriptor: int, file: BundleFile, at: int, size: int) -> memoryview:
        """Of the file, the `size` bytes from `at` on."""
        part = self._room[:size]
        count = os.preadv(descriptor, (part,), at)
        while count < size:
            more = os.preadv(descriptor, (part[count:],), at + count)
            if not more:
                name = printable(file.found.path)
                raise BundlerError(f"{printable(str(self._bundle))}: {name} was changed while it was packed")
            count += more
        return part


def _entry(file: BundleFile, pieces: Pieces | None = None) -> Entry:
    """The file as an archive has it, below `./`, which is the bundle's own directory."""
    found, attributes = file.found, file.found.attributes
    linked = file.first is not None
    slash = b"/" if found.kind == stat.S_IFDIR and found.path else b""
    stored = found.size if pieces is None else sum(length for _, length in pieces)
    return Entry(
        name=b"./" + found.path + slash,
        kind=HARD_LINK if linked else _KINDS[found.kind],
        mode=_SYMLINK_MODE if attributes.mode is None else attributes.mode,
        uid=attributes.uid,
        gid=attributes.gid,
        size=found.size,
        stored_size=0 if linked else stored,
        offset=0,
        mtime=attributes.mtime,
        atime=attributes.atime,
        link_name=b"./" + file.first if file.first is not None else found.target,
        device=found.device,
        xattrs={} if linked else dict(attributes.xattrs),
        sparse=pieces,
    )
