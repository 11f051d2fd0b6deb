"""`bundler push`: a packed bundle goes to a registry, after its signatures and deltas.

Signatures and deltas are sent first, then the list of them, and last the packed bundle with its tag, so that whoever
pulls the tag finds all of them. Blobs that the registry has are not sent.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bundler.bundles.write import write_file
from bundler.deltas.applying import apply
from bundler.deltas.sources import open_source, packed_record
from bundler.deltas.writing import delta
from bundler.disk_space import writing_below
from bundler.distribution.artifact import BASE, RECORD, Artifact, Content, make_artifact, parse_place, type_of
from bundler.distribution.referrers import Referrers
from bundler.distribution.upload import Upload
from bundler.errors import DifferenceError, RequestError, printable
from bundler.images.digest import Digest
from bundler.images.media_types import PUSHED_BUNDLE, PUSHED_DELTA, PUSHED_SIGNATURE
from bundler.images.reference import RegistryReference
from bundler.images.transports.access import Access
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo import Skopeo
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.packing.formats import FORMATS, format_of
from bundler.packing.packed import open_packed
from bundler.packing.packing import pack
from bundler.packing.project_verification import PackedProjectVerification
from bundler.packing.verification import PackedVerification
from bundler.path_kinds import place_hint
from bundler.progress import SILENT, Progress
from bundler.trust.file_signatures import SUFFIXES, sign_file, signature_place
from bundler.trust.keys import SigningKey

_USUAL: Final = FORMATS[0].suffixes[0]
_Attached = tuple[Artifact, Path]
"""What belongs to a packed bundle, and the file that it is of."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The name, the digest of the manifest there, the sha256 and size of the packed bundle, what belongs to it as
    (artifactType, digest), and whether the registry lacked anything of it.
    """

    name: str
    digest: str
    sha256: str
    size: int
    referrers: tuple[tuple[str, str], ...]
    sent: bool


def push(
    source: Path,
    name: str,
    *,
    access: Access,
    as_is: bool = False,
    key: SigningKey | None = None,
    base: Path | None = None,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
) -> Pushed:
    """Push `source`, a bundle or a project, in a directory or packed, as `name` (docker://REGISTRY/NAME:TAG).

    With a `key` it is signed; signatures beside a packed one are pushed, too. With `base`, an older bundle or a packed
    one, the delta from it is pushed, too. A bundle that was changed since it was built is refused, unless `as_is`.
    Raises RequestError, DifferenceError, ImageError, ToolError, BundlerError.
    """
    reference = _target(name)
    with TemporaryDirectory(prefix="bundler-push-") as folder, writing_below(Path(folder), "TMPDIR"):
        workspace = Path(folder)
        file = source
        if source.is_dir():
            file = workspace / f"{reference.path.rpartition('/')[2]}{_USUAL}"
            pack(source, file, as_is=as_is, progress=progress)
        elif not source.exists():
            raise RequestError(f"{printable(str(source))} does not exist", hint=place_hint(source))
        elif not as_is:
            _verify(file, limits, progress)
        made = _artifact_of(file, limits)
        attached = [*_signatures(file, made, workspace, key)]
        if base is not None:
            attached.append(_delta(base, file, made, workspace / "delta", limits=limits, progress=progress))
        layout = workspace / "layout"
        layout.mkdir()
        repository = Repository(Skopeo(access, limits), reference)
        sent = _send(Upload(repository, layout, progress), made, file, attached)
    digest, content = str(made.digest), made.content
    listed = tuple((artifact.kind, str(artifact.digest)) for artifact, _ in attached)
    return Pushed(str(reference), digest, content.digest.encoded, content.size, listed, sent)


def _target(name: str) -> RegistryReference:
    """Raises RequestError."""
    reference = parse_place(name)
    if reference.digest is not None:
        raise RequestError(f"{reference} is a digest, which the bundle gives itself", hint="name a tag: NAME:TAG")
    return reference


def _verify(file: Path, limits: Limits, progress: Progress) -> None:
    with open_packed(file, limits) as packed, progress.measure(f"verifying {file.name}", packed.total):
        verification = PackedProjectVerification if packed.holds_project else PackedVerification
        for change in verification(packed).changes():
            raise DifferenceError(
                f"{packed.label} is not what was built: {printable(change.path)} differs",
                hint=f"`bundler verify {packed.label}` lists all that differs, --as-is pushes it as it is",
            )


def _artifact_of(file: Path, limits: Limits) -> Artifact:
    with open_packed(file, limits) as packed:
        record = PackedProjectVerification(packed).record if packed.holds_project else packed_record(packed)
    return make_artifact(PUSHED_BUNDLE, _content(file, type_of(format_of(file))), {RECORD: record.digest})


def _content(file: Path, media_type: str) -> Content:
    with file.open("rb") as stream:
        digest = Digest("sha256", hashlib.file_digest(stream, "sha256").hexdigest())
        return Content(media_type, digest, stream.tell(), file.name)


def _signatures(file: Path, made: Artifact, workspace: Path, key: SigningKey | None) -> Iterator[_Attached]:
    """The signatures to push: a new one by the key, or those that lie beside the file."""
    places = [file.with_name(file.name + suffix) for suffix in SUFFIXES]
    places = [place for place in places if place.is_file()]
    if key is not None:
        places = [workspace / signature_place(file, key).name]
        write_file(places[0], sign_file(file, file.name, key))
    for place in places:
        yield make_artifact(PUSHED_SIGNATURE, _content(place, PUSHED_SIGNATURE), {}, made), place


def _delta(base: Path, file: Path, made: Artifact, folder: Path, *, limits: Limits, progress: Progress) -> _Attached:
    """The delta from `base` to the packed bundle, in the new `folder`. It is applied once, to see that it gives the
    same file.
    """
    folder.mkdir()
    with open_source(base, limits, folder) as source, open_packed(file, limits) as packed:
        if source.is_project != packed.holds_project:
            hint = f"--delta-from names what came before: another {'bundle' if source.is_project else 'project'}"
            raise RequestError(f"{source.label} is a {source.what}, and what is pushed is none", hint=hint)
        stated = {BASE: source.digest}
    place, again = folder / f"{file.name}.delta", folder / file.name
    delta(base, file, place, limits=limits, progress=progress)
    apply(place, base, again, limits=limits, progress=progress)
    if _content(again, "").digest != made.content.digest:
        what = "is packed at another level, or by another version, than what a delta makes"
        raise RequestError(f"{printable(str(file))} {what}", hint="push the bundle itself, or without --delta-from")
    return make_artifact(PUSHED_DELTA, _content(place, PUSHED_DELTA), stated, made), place


def _send(upload: Upload, made: Artifact, file: Path, attached: list[_Attached]) -> bool:
    """Send the packed bundle and what is attached to it; whether the registry lacked any of it."""
    repository = upload.repository
    changed = False
    if attached:
        referrers = Referrers.of(repository, made.digest)
        lacking = referrers.lacking([artifact for artifact, _ in attached])
        for artifact, place in attached:
            if artifact in lacking:
                upload.send(artifact, place)
        if lacking:
            upload.send_index(referrers.with_more(lacking), referrers.repository.reference)
            changed = True
    if _there(repository) != made.digest:
        upload.send(made, file, repository.reference)
        changed = True
    return changed


def _there(repository: Repository) -> Digest | None:
    """The digest of the manifest that the tag names now."""
    try:
        return repository.resolve()[1]
    except MissingError:
        return None
