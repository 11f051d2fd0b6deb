"""A bundle becomes one file, the same bytes for the same bundle on any machine.

Unless it is packed as it is, the rootfs is held against rootfs.mtree in the same pass (bundle_entries.py).
"""

import hashlib
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle, no_bundle
from bundler.bundles.replacement.places import check_outside
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.replacement.stage_folder import finish_replacement
from bundler.bundles.write import write_file
from bundler.disk_space import full_disk
from bundler.errors import BundlerError, RequestError, ToolError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import NONE
from bundler.packing.bundle_entries import BundleEntries
from bundler.packing.formats import Format, choose_level, format_of
from bundler.packing.packed import open_packed
from bundler.packing.project_entries import ProjectEntries, project_size
from bundler.packing.rootfs_manifest import content_size
from bundler.packing.tar_file import SourceEntries
from bundler.packing.verification import PackedVerification
from bundler.progress import SILENT, Progress
from bundler.project.record import is_project
from bundler.trust.file_signatures import sign_file, signature_place
from bundler.trust.keys import SigningKey

_PRIVATE: Final = 0o600  # as the bundle is: a reader of the file has its secrets, and its setuid programs


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed file: its path, its size in bytes, a remark for people about what the format could not hold, and the
    path of its signature.
    """

    path: Path
    size: int
    remark: str | None = None
    signature: Path | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remark, if there is one, as a kit has several."""
        return () if self.remark is None else (self.remark,)

    @property
    def sha256(self) -> str:
        """The sha256 of the file, in hexadecimal. The file is read for it, which takes a while."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def pack(
    bundle: Path | Bundle,
    output: Path,
    *,
    as_is: bool = False,
    replace: bool = False,
    level: int | None = None,
    made_at: int = 0,
    chosen: Format | None = None,
    key: SigningKey | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Packed:
    """Write the bundle, or the project in that folder, into the new file `output`, whole or not at all; its name says
    the format, if none is `chosen`.

    `level` says how hard to compress (zst 1 to 19, gz 1 to 9, squashfs 1 to 22), `made_at` (seconds since 1970) is the
    time of formats that have one of their own. `replace` allows that a file is there already. With a `key`, its
    signature appears beside the file, before it. `before_publishing` is called when nothing is left to do but the step
    that makes the file appear.

    Unless `as_is`, a bundle that is not what was built raises DifferenceError. Raises RequestError for what cannot be
    done, ToolError for a program that is missing or failed, BundlerError where the machine is the reason.
    """
    chosen = chosen or format_of(output)
    level = choose_level(chosen, level)
    source = _source(bundle, chosen, as_is=as_is)
    signature = None if key is None else signature_place(output, key)
    for place in (output, signature):
        if place is not None:
            check_file(place, replace=replace)
    check_outside(output, source.path, source.what)
    with open_stage(output.parent) as stage:
        made = stage.workspace / output.name  # which is what messages call it
        try:
            with progress.measure(f"packing {output.name}", source.size()) as meter:
                remark = chosen.write(source.entries, made, level, made_at, meter)
            if chosen.is_image and not as_is:
                _read_back(made, output)
            made.chmod(_PRIVATE)
            size = made.stat().st_size
        except OSError as error:
            label = printable(str(output))
            raise full_disk(error, label) or BundlerError(f"{label}: {error.strerror or error}") from None
        if key is not None and signature is not None:
            # First: a file without its signature would be taken for one that was never signed.
            signed = stage.workspace / signature.name
            write_file(signed, sign_file(made, output.name, key))
            stage.publish_file(signed, signature, replace=replace)
        stage.publish_file(made, output, replace=replace, before=before_publishing)
    return Packed(output, size, remark, signature)


@dataclass(frozen=True, slots=True)
class _Source:
    """The bundle or project that is packed: its kind, path and entries; `size` counts its bytes."""

    what: str
    path: Path
    entries: SourceEntries
    size: Callable[[], int | None]


def _source(packed: Path | Bundle, chosen: Format, *, as_is: bool) -> _Source:
    """The bundle, or the project in a folder. Raises RequestError for what is neither, or has no such form."""
    path = packed.path if isinstance(packed, Bundle) else packed
    finish_replacement(path)
    quoted = printable(shlex.quote(str(path)))
    hint = None if as_is else f"`bundler verify {quoted}` lists all that differs, --as-is packs it as it is"
    if not isinstance(packed, Bundle) and is_project(packed):
        if chosen.is_image:
            what = f"{printable(str(path))} is a project, and {chosen.suffixes[0]} is for one bundle that is mounted"
            raise RequestError(what, hint="let the name end in .tar.zst, .tar.gz or .tar")
        return _Source("project", path, ProjectEntries(path, hint), partial(project_size, path))
    bundle = Bundle.open(packed)
    if not (path / "config.json").is_file() or not (path / "rootfs").is_dir():
        raise no_bundle(path, "it has no config.json and rootfs")
    return _Source("bundle", path, BundleEntries(bundle, hint), partial(content_size, bundle))


def _read_back(made: Path, output: Path) -> None:
    """Raise ToolError unless the image holds the whole bundle: the programs skip what they cannot write."""
    with open_packed(made, NONE, label=printable(str(output))) as packed:
        for change in PackedVerification(packed).changes():
            raise ToolError(f"{printable(str(output))}: the image came out wrong: {printable(change.path)} differs")
