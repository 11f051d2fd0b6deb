"""Making a delta: the new bundle, in the order of its archive, is compared with the old one."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from io import BufferedRandom
from pathlib import Path
from typing import Final

from bundler.archives.entry import Entry
from bundler.archives.stream import Content
from bundler.archives.tar_writer import END, encode_entry
from bundler.bundles.replacement.places import check_outside
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import open_stage
from bundler.deltas.base import Base, open_base
from bundler.deltas.blocks import Blocks
from bundler.deltas.format import Document, most_dictionary
from bundler.deltas.gzip_program import fingerprint, put_together
from bundler.deltas.gzipped import take_apart, text_of
from bundler.deltas.matching import Files, Known
from bundler.deltas.parts import LEAST, PartWriter
from bundler.deltas.publishing import publish
from bundler.deltas.sections import Sections
from bundler.deltas.sources import Source, open_source
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.packing.file_entries import metered
from bundler.progress import SILENT, Progress
from bundler.rootfs.paths import clean
from bundler.sizes import readable_size
from bundler.trust.keys import SigningKey

USUAL: Final = 9
BEST: Final = 19
_PRIVATE: Final = 0o600  # as a packed bundle
_WHOLE: Final = 1 << 62  # bytes of a part that is all there is
_WINDOW: Final = 4 << 20
_SMALL: Final = 64 << 10  # what is smaller shares a frame with others


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta that was written: its file, its size in bytes (all parts together), and the file of its signature."""

    path: Path
    size: int
    signature: Path | None = None

    @property
    def sha256(self) -> str:
        """The sha256 of the file, in hexadecimal. The file is read for it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def delta(
    old: Path,
    new: Path,
    output: Path,
    *,
    replace: bool = False,
    level: int = USUAL,
    split: int | None = None,
    key: SigningKey | None = None,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Delta:
    """Write the delta from `old` to `new` into the file `output`, whole or not at all.

    Both sides are bundles, or both are projects, in directories or packed, unchanged since they were built. The same
    sides give the same bytes. `replace` allows that `output` exists. With `split`, the delta is written in parts of so
    many bytes beside `output`, which lists them. With a `key`, a signature appears beside the file, and before it.
    `before_publishing` is called last, before the one step that makes the file appear. Raises DifferenceError,
    RequestError, ImageError, LayerError, BundlerError.
    """
    check_file(output, replace=replace)
    for side in (old, new):
        if side.is_dir():
            check_outside(output, side)
    if split is not None and split < LEAST:
        raise RequestError(
            f"--split: a part has {readable_size(LEAST)} at least", hint="let it be as large as the medium"
        )
    with open_stage(output.parent) as stage:
        parts = PartWriter(stage.workspace, output.name, split or _WHOLE)
        try:
            workspace = stage.workspace
            with open_source(old, limits, workspace) as base, open_source(new, limits, workspace) as result:
                _check_kinds(base, result)
                _write(base, result, parts, level, progress)
            made = parts.finish() if split else [parts.whole()]
            for file in made:
                file.chmod(_PRIVATE)
        except OSError as error:
            label = printable(str(output))
            raise full_disk(error, label) or BundlerError(f"{label}: {error.strerror or error}") from None
        signature = publish(stage, made, output, key=key, replace=replace, before=before_publishing)
    return Delta(output, parts.written, signature)


def _check_kinds(base: Source, result: Source) -> None:
    if base.is_project != result.is_project:
        raise RequestError(
            f"{base.label} is a {base.what}, and {result.label} is a {result.what}",
            hint="a delta is between two bundles, or two projects",
        )


def _write(source: Source, result: Source, parts: PartWriter, level: int, progress: Progress) -> None:
    files, workspace = Files(), parts.folder
    with ExitStack() as held:
        with progress.measure(f"reading {source.label}", None) as meter:
            base = held.enter_context(open_base(source, workspace, meter, files.note))
        frames = held.enter_context(tempfile.TemporaryFile(dir=workspace))
        sections = Sections(base, parts.write, frames, level)
        gzip = fingerprint() if level >= BEST else ""
        sections.begin(Document(source.digest, base.digest, source.image, result.digest, gzip, source.is_project))
        contents = _Contents(base, files, sections, workspace, gzip=bool(gzip))
        with progress.measure(f"comparing {result.label}", None) as meter:
            for entry, content in metered(result.entries(), meter):
                path = clean(entry.name)
                known = files.named(path)
                sections.head(encode_entry(entry), None if known is None else known.head)
                contents.add(path, entry, content)
        sections.head(END)
        sections.end()


class _Contents:
    """Adds the content of files to `sections`, by the shortest way that the base offers."""

    def __init__(self, base: Base, files: Files, sections: Sections, workspace: Path, *, gzip: bool) -> None:
        """`gzip` says that the delta may need gzip where it is applied."""
        self._gzip = gzip
        self._base = base
        self._files = files
        self._sections = sections
        self._workspace = workspace

    def add(self, path: bytes, entry: Entry, content: Iterable[Content]) -> None:
        parts = iter(content)
        if not entry.stored_size:
            return
        if entry.stored_size <= _WINDOW:
            whole = b"".join(bytes(part) for part in parts)
            same = self._files.same(hashlib.sha256(whole).digest(), len(whole))
            if same is not None:
                self._sections.copy(same.number, same.size)
            else:
                self._changed(whole, self._files.nearest(path))
            return
        with tempfile.TemporaryFile(dir=self._workspace) as large:
            digest = hashlib.sha256()
            for part in parts:
                large.write(part)
                digest.update(part)
            same = self._files.same(digest.digest(), entry.stored_size)
            if same is not None:
                self._sections.copy(same.number, same.size)
                return
            large.seek(0)
            self._large(large, self._files.nearest(path))

    def _changed(self, content: bytes, known: Known | None) -> None:
        if self._gzip and self._gzipped(content, known):
            return
        if known is not None:
            self._sections.patch(known.number, 0, content)
        elif len(content) < _SMALL:
            self._sections.small(content)
        else:
            self._sections.fresh(content)

    def _gzipped(self, content: bytes, known: Known | None) -> bool:
        """Whether the content is a gzip file that can be carried as its text; then it was added so."""
        parts = take_apart(content, put_together)
        if parts is None:
            return False
        most, number, text = most_dictionary(len(parts.header) + len(parts.text)), 0, b""
        if known is not None and known.size <= most:
            number, text = known.number, text_of(self._base.read(known.number, 0, known.size), most)
        self._sections.gzip(parts, content, number, text)
        return True

    def _large(self, large: BufferedRandom, known: Known | None) -> None:
        """Add a file that is too large for memory, window by window."""
        blocks = None if known is None else self._blocks(known)
        offset = 0
        while window := large.read(_WINDOW):
            if known is None or blocks is None:
                self._sections.fresh(window)
            else:
                for run in blocks.runs(window, offset):
                    part = window[run.start : run.end]
                    if run.same:
                        self._sections.range(known.number, run.at, part)
                    else:
                        self._sections.patch(known.number, run.at, part)
            offset += len(window)

    def _blocks(self, known: Known) -> Blocks:
        return Blocks(lambda at, size: self._base.read(known.number, at, size), known.size)
