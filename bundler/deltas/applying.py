"""Applying a delta: the new bundle is made beside the old one, and appears only when it is whole.

Before anything is written, all of the base is verified but the content of its rootfs/; that is verified as it is read
(rebuilding.py), before anything appears. The delta makes of the base the archive that `pack` would write; that archive
is unpacked and verified as any packed bundle is, or compressed into such a file.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bundler.archives.compressors import GZIP, PLAIN, ZSTD
from bundler.archives.stream import NOT_WHOLE, Content, DamagedError
from bundler.bundles.replacement import rules as bundle_rules
from bundler.bundles.replacement.rules import OldVolumes, check_file
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.deltas.gzip_program import gzip_for
from bundler.deltas.parts import open_stored
from bundler.deltas.reading import DeltaFile
from bundler.deltas.rebuilding import open_archive
from bundler.deltas.sources import Source, open_source
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, DifferenceError, ImageError, RequestError, printable
from bundler.images.layer import CheckedStream
from bundler.limits import DEFAULTS, Limits
from bundler.packing.formats import FORMATS, choose_level, format_of
from bundler.packing.packed import PackedStream, open_packed
from bundler.packing.project_verification import PackedProjectVerification
from bundler.packing.tar_file import compressed
from bundler.packing.unpacked import check, check_project, fill, fill_project
from bundler.packing.verification import PackedVerification
from bundler.progress import SILENT, Meter, Progress
from bundler.project import replacing as project_rules
from bundler.rootfs.paths import PathError
from bundler.rootfs.usage import Usage
from bundler.trust.file_signatures import verifier
from bundler.trust.keys import TrustedKey

_PRIVATE: Final = 0o600
_PIECE: Final = 1 << 20
_ARCHIVES: Final = {compressing.format.endings: compressing for compressing in (ZSTD, GZIP, PLAIN)}
_PACKED: Final = tuple(suffix for row in FORMATS for suffix in row.suffixes)


def apply(
    file: Path,
    base: Path,
    output: Path,
    *,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.REFUSED,
    level: int | None = None,
    limits: Limits = DEFAULTS,
    trusted: TrustedKey | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> None:
    """Apply the delta `file` to `base`, a bundle or a project, and write the result to `output`, whole or not at all.

    `output` becomes a packed bundle if its name ends like one (`.tar.zst` ...), else a directory, which may be `base`
    itself. With `replace`, whatever is at `output` is replaced; `volumes` says what happens to data in a replaced
    bundle, `level` how hard to compress a packed one. If `base` is to be replaced and already is the result, nothing is
    done. With a `trusted` key, the delta must have a signature by that key beside it. `before_publishing` is called
    last, before the one step that makes the result appear.

    Raises RequestError for another base than that of the delta, DifferenceError for one that was changed, ImageError
    for a delta that is damaged, LayerError for what may not be in a bundle, BundlerError.
    """
    packs = output.name.endswith(_PACKED)
    if packs:
        check_file(output, replace=replace)
    with _opened(file, trusted) as delta, open_stage(output.parent) as stage:
        delta.check()
        with open_source(base, limits, stage.workspace) as source:
            rules = project_rules if source.is_project else bundle_rules
            if not packs:
                rules.check_destination(output, replace=replace, volumes=volumes)
            if replace and output == base and source.digest == delta.document.result:
                source.verify()  # an earlier call has done what was to be done
                return
            _check_record(delta, source)
        make = _packed(stage, output, source, level, limits) if packs else _unpacked(stage, source, limits)
        with ExitStack() as held:
            with progress.measure(f"reading {source.label}", None) as meter:
                there = source.folder or base
                gzip = gzip_for(delta.document.gzip)
                archive = held.enter_context(open_archive(delta, there, stage.workspace, limits, meter, gzip=gzip))
            with progress.measure(f"applying {delta.label}", None) as meter:
                make(archive, delta.label, meter)
        if packs:
            stage.publish_file(stage.workspace / output.name, output, replace=replace, before=before_publishing)
        else:
            stage.publish(
                output,
                replace=replace,
                carried=lambda: rules.carried_folders(output, stage.bundle, volumes),
                before=before_publishing,
            )


_Make = Callable[[CheckedStream, str, Meter], None]
"""Takes the archive, what messages call it, and a meter for its bytes."""


def _unpacked(stage: Stage, source: Source, limits: Limits) -> _Make:
    def make(archive: CheckedStream, label: str, meter: Meter) -> None:
        packed = PackedStream(archive, label, limits)
        if source.is_project:
            fill_project(stage.bundle, packed, meter)
            check_project(stage.bundle, label)
        else:
            compared = fill(stage.bundle, packed, meter)
            check(stage.bundle, label, compared=compared)

    return make


def _packed(stage: Stage, output: Path, source: Source, level: int | None, limits: Limits) -> _Make:
    """Raises RequestError."""
    chosen, label = format_of(output), printable(str(output))
    compressing = _ARCHIVES.get(chosen.suffixes)
    if compressing is None:
        raise RequestError(
            f"{label}: a delta makes a directory or an archive",
            hint="let it end in .tar.zst, .tar.gz or .tar; bundler pack makes an image of a directory",
        )
    level, made = choose_level(chosen, level), stage.workspace / output.name

    def make(archive: CheckedStream, _label: str, meter: Meter) -> None:
        try:
            with compressed(compressing, made, level) as write:
                _write(archive, write, label, limits, meter)
            made.chmod(_PRIVATE)
        except OSError as error:
            raise full_disk(error, label) or BundlerError(f"{label}: {error.strerror or error}") from None
        with open_packed(made, limits, label=label) as packed:
            look = PackedProjectVerification if source.is_project else PackedVerification
            for change in look(packed).changes():
                raise DifferenceError(f"{label} would not be what was built: {printable(change.path)} differs")

    return make


def _write(archive: CheckedStream, write: Callable[[Content], None], label: str, limits: Limits, meter: Meter) -> None:
    usage = Usage(limits, ())
    while part := archive.read(_PIECE):
        usage.count(label, len(part))
        write(part)
        meter(len(part))


def _check_record(delta: DeltaFile, source: Source) -> None:
    """Raise RequestError unless it is what the delta was made from."""
    document = delta.document
    if source.digest == document.base:
        return
    if source.digest == document.result:
        raise RequestError(f"{source.label} is already what {delta.label} makes")
    if source.is_project != document.is_project:
        raise _of_another_kind(source, delta.label)
    there, wanted = (image or "no image" for image in (source.image, document.image))
    what = f"{source.label} is not the {source.what} that {delta.label} was made from"
    if there != wanted:
        raise RequestError(
            f"{what}: it was built from {printable(there)}, that one from {printable(wanted)}",
            hint="name the bundle that was OLD of bundler delta, or have a delta made from this one",
        )
    why = "both are projects" if source.is_project else "both are of one image, but built with other settings"
    record = "project.json" if source.is_project else "bundler.json"
    raise RequestError(
        f"{what}: {why}",
        hint=f"sha256 of its {record}: {source.digest}, and of that one's: {printable(document.base)}",
    )


def _of_another_kind(source: Source, delta: str) -> RequestError:
    made, hint = "project", "name the folder of the project, or the packed one"
    if source.is_project:
        made, hint = "bundle", f"name that bundle; those of a project are folders in it, as in {source.label}/SERVICE"
    return RequestError(f"{source.label} is a {source.what}, and {delta} was made from a {made}", hint=hint)


@contextmanager
def _opened(file: Path, trusted: TrustedKey | None) -> Iterator[DeltaFile]:
    """The delta, open. Damage that is found while the context lasts becomes an ImageError. Raises RequestError."""
    label = printable(str(file))
    try:
        with open_stored(file, verifier(trusted)) as stored:
            yield DeltaFile(stored, label)
    except (DamagedError, PathError) as error:
        raise ImageError(f"{label}: {error}", hint=getattr(error, "hint", None) or NOT_WHOLE) from None
