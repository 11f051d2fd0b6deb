"""`bundler pull`: a packed bundle comes from a registry, as a file, or unpacked as a bundle.

What a registry sends is hostile. The file is compared with its digest, its signature with the trusted key, and only
then does it appear. A delta is another way to the same file: if its result has another digest, the file is fetched
instead. Blobs come into the store, as those of images do, so that a complete one is not fetched twice; then they are
removed.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from filecmp import cmp
from pathlib import Path
from shutil import copyfile
from typing import Final

from bundler.bundles.replacement import rules as bundle_rules
from bundler.bundles.replacement.rules import OldVolumes, check_file
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.bundles.write import write_file
from bundler.deltas.applying import apply
from bundler.deltas.sources import open_source
from bundler.distribution.artifact import BASE, RECORD, Artifact, format_in, parse_artifact, parse_pack, parse_place
from bundler.distribution.incoming import Incoming, verify_by_one
from bundler.distribution.referrers import Referrers
from bundler.errors import DifferenceError, ImageError, LayerError, RequestError, ToolError, printable
from bundler.images.digest import Digest
from bundler.images.media_types import PUSHED_DELTA, PUSHED_SIGNATURE
from bundler.images.reference import RegistryReference
from bundler.images.transports.access import Access
from bundler.images.transports.registry import Repository
from bundler.images.transports.skopeo import Skopeo
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.packing.formats import FORMATS, format_of
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from bundler.progress import SILENT, Progress
from bundler.project import replacing as project_rules
from bundler.project.record import is_project
from bundler.store.collect import discard
from bundler.store.layout import open_store, prepare
from bundler.trust.file_signatures import SUFFIXES, suffix_of
from bundler.trust.keys import Signed, TrustedKey

_PACKED: Final = tuple(suffix for row in FORMATS for suffix in row.suffixes)


@dataclass(frozen=True, slots=True)
class Pulled:
    """The complete name, the digest of the manifest, how many bytes of files came, whether the older bundle made the
    rest, and who has signed it, if that was asked.
    """

    name: str
    digest: str
    size: int
    by_delta: bool
    signed: Signed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How to pull: from which registry, by way of the store at `store`, which is made if there is none."""

    access: Access
    store: Path
    trusted: TrustedKey | None = None
    replace: bool = False
    volumes: OldVolumes = OldVolumes.REFUSED
    limits: Limits = DEFAULTS
    progress: Progress = SILENT
    before_publishing: Callable[[], None] = lambda: None

    def into(self, reference: RegistryReference, output: Path, base: Path | None) -> Pulled:
        """Pull to `output`, a packed bundle if its name ends like one, else a bundle; by a delta from `base` if
        possible.
        """
        packs = output.name.endswith(_PACKED)
        if packs:
            check_file(output, replace=self.replace)
        else:
            rules = project_rules if is_project(output) else bundle_rules
            rules.check_destination(output, replace=self.replace, volumes=self.volumes)
        repository = Repository(Skopeo(self.access, self.limits), reference)
        artifact = parse_pack(*repository.resolve(), str(reference))
        chosen = format_in(artifact, str(reference))
        if packs and format_of(output) is not chosen:
            raise RequestError(
                f"{reference} is packed as {chosen.suffixes[0]}, and {printable(str(output))} ends otherwise",
                hint=f"let it end in {chosen.suffixes[0]}, or name a directory",
            )
        repository.check_size(artifact)
        referrers = Referrers.of(repository, artifact.digest)
        signing = [*referrers.artifacts(PUSHED_SIGNATURE)] if packs or self.trusted else []
        if self.trusted is not None and not signing:
            raise DifferenceError(
                f"{reference} has no signature in its registry", hint="bundler push --sign KEY attaches one"
            )
        prepare(self.store)
        with open_stage(output.parent) as stage:
            file = stage.workspace / (output.name if packs else f"bundle{chosen.suffixes[0]}")
            with open_store(self.store, limits=self.limits) as opened:
                incoming = Incoming(repository, opened, self.progress)
                signatures = [*incoming.signatures(signing, stage.workspace)]
                if packs:
                    self._check_places(output, signatures)
                by_delta = base is not None and self._by_base(incoming, referrers, artifact, base, file)
                if not by_delta:
                    incoming.file(artifact, file)
                signed, places = self._sign(file, signatures, str(reference))
            discard(self.store, incoming.blobs)
            if packs:
                self._publish_file(stage, file, places, output)
            else:
                unpack(
                    file,
                    output,
                    replace=self.replace,
                    volumes=self.volumes,
                    limits=self.limits,
                    label=str(reference),
                    progress=self.progress,
                    before_publishing=self.before_publishing,
                )
        return Pulled(str(reference), str(artifact.digest), incoming.size, by_delta, signed)

    def _check_places(self, output: Path, signatures: Sequence[bytes]) -> None:
        for suffix in sorted(set(map(suffix_of, signatures))):
            check_file(output.with_name(output.name + suffix), replace=self.replace)

    def _sign(self, file: Path, signatures: Sequence[bytes], name: str) -> tuple[Signed | None, list[Path]]:
        """Who has signed the file, if a key is trusted, and the files of signatures. DifferenceError, ToolError."""
        if self.trusted is not None:
            signed, place = verify_by_one(file, signatures, self.trusted, name)
            return signed, [place]
        places = []
        for suffix, content in sorted({suffix_of(each): each for each in reversed(signatures)}.items()):
            places.append(file.with_name(file.name + suffix))
            write_file(places[-1], content)
        return None, places

    def _publish_file(self, stage: Stage, file: Path, places: Sequence[Path], output: Path) -> None:
        """Signatures first: a file without its signature would be taken for one that was never signed."""
        stale = _stale(file, places, output)
        for place in places:
            stage.publish_file(place, output.with_name(place.name), replace=self.replace)
        stage.publish_file(file, output, replace=self.replace, before=self.before_publishing)
        for place in stale:
            place.unlink(missing_ok=True)

    def _by_base(self, incoming: Incoming, referrers: Referrers, artifact: Artifact, base: Path, file: Path) -> bool:
        """Whether the file was made from the older bundle and a delta in the registry; if not, the user is told why."""
        with open_source(base, self.limits, file.parent) as source:
            label, record = source.label, source.digest
        is_the_same = record == artifact.annotations.get(RECORD)
        delta = None if is_the_same else find_delta(referrers, record)
        if delta is None and not is_the_same:
            self.access.report(f"the registry has no delta from {label}: the whole is fetched")
            return False
        made, place = file.parent / "made", file.parent / "delta"
        made.mkdir()
        try:
            if delta is not None:
                incoming.file(delta, place)
            self._make(base, None if delta is None else place, made / file.name)
        except (RequestError, ImageError, LayerError, DifferenceError) as error:
            self.access.report(f"{error.what.replace(str(place), 'the delta of the registry')}; the whole is fetched")
            return False
        with (made / file.name).open("rb") as stream:
            digest = hashlib.file_digest(stream, artifact.content.digest.algorithm).hexdigest()
        if digest != artifact.content.digest.encoded:
            what = f"{label}, packed," if delta is None else "the delta of the registry"
            self.access.report(f"{what} makes another file here: the whole is fetched")
            return False
        (made / file.name).rename(file)
        return True

    def _make(self, base: Path, delta: Path | None, file: Path) -> None:
        """Make the packed `file` of the older bundle and the delta; without one, of a bundle that is the same already.

        A program of this machine that is missing or does otherwise (another gzip) is a RequestError here.
        """
        try:
            if delta is not None:
                apply(delta, base, file, limits=self.limits, progress=self.progress)
            elif base.is_dir():
                pack(base, file, progress=self.progress)
            else:
                copyfile(base, file)
        except ToolError as error:
            raise RequestError(error.what, hint=error.hint) from None

    def delta_into(self, reference: RegistryReference, output: Path, base: Digest) -> Pulled:
        """The delta from the bundle that `base` names: by its manifest in the registry, or by its bundler.json."""
        if output.name.endswith(_PACKED):
            raise RequestError(
                f"{printable(str(output))}: what comes is a delta, and not a packed bundle",
                hint="let it end otherwise; bundler apply makes a bundle of it and the older one",
            )
        if self.trusted is not None:
            raise RequestError(
                "--key is about the packed bundle, and a delta is made for whoever has the older one",
                hint="pull it --from PATH on the machine that has the older one, or verify what bundler apply makes",
            )
        check_file(output, replace=self.replace)
        repository = Repository(Skopeo(self.access, self.limits), reference)
        artifact = parse_pack(*repository.resolve(), str(reference))
        referrers = Referrers.of(repository, artifact.digest)
        delta = find_delta(referrers, str(base)) or find_delta(referrers, _record_of(repository, base))
        if delta is None:
            raise ImageError(
                f"{reference}: the registry has no delta from {base}", hint="without --from it is pulled as a whole"
            )
        prepare(self.store)
        with open_stage(output.parent) as stage:
            with open_store(self.store, limits=self.limits) as opened:
                incoming = Incoming(repository, opened, self.progress)
                incoming.file(delta, stage.workspace / output.name)
            discard(self.store, incoming.blobs)
            stage.publish_file(
                stage.workspace / output.name, output, replace=self.replace, before=self.before_publishing
            )
        return Pulled(str(reference), str(artifact.digest), delta.content.size, by_delta=True)


def _stale(file: Path, places: Sequence[Path], output: Path) -> list[Path]:
    """The signatures beside `output` that are over other content than that of `file`, and that none of the `places`
    replaces: with them, the new file would be taken for a forged one.
    """
    named = {place.name for place in places}
    beside = [output.with_name(output.name + suffix) for suffix in SUFFIXES]
    others = [place for place in beside if place.name not in named and place.is_file()]
    return others if others and output.is_file() and not cmp(file, output, shallow=False) else []


def find_delta(referrers: Referrers, record: str | None) -> Artifact | None:
    """The delta whose base is the bundle with the bundler.json of digest `record`."""
    if record is None:
        return None
    listed = referrers.artifacts(PUSHED_DELTA, {BASE: record})
    return next((artifact for artifact in listed if artifact.annotations.get(BASE) == record), None)


def _record_of(repository: Repository, manifest: Digest) -> str | None:
    """The digest of bundler.json that the packed bundle `manifest` in the registry states, if it is there."""
    named = Repository(repository.skopeo, changed(repository.reference, tag=None, digest=manifest))
    try:
        return parse_artifact(*named.resolve()).annotations.get(RECORD)
    except MissingError:
        return None


def pull(
    name: str,
    output: Path,
    *,
    access: Access,
    store: Path,
    base: Path | Digest | None = None,
    trusted: TrustedKey | None = None,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.REFUSED,
    limits: Limits = DEFAULTS,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> Pulled:
    """Pull the packed bundle `name` (docker://REGISTRY/NAME:TAG) that `push` has pushed, whole or not at all.

    `output` becomes the packed file if its name ends like one (`.tar.zst` ...), else a bundle. With a `trusted` key,
    the file must be signed by it. `base` is an older bundle, or a packed one: if the registry has a delta from it, only
    the delta is fetched. If `base` is a digest, the delta itself is written to `output`. Raises RequestError,
    ImageError, DifferenceError, LayerError, ToolError, BundlerError.
    """
    pulling = Pull(
        access=access,
        store=store,
        trusted=trusted,
        replace=replace,
        volumes=volumes,
        limits=limits,
        progress=progress,
        before_publishing=before_publishing,
    )
    reference = parse_place(name)
    if isinstance(base, Digest):
        return pulling.delta_into(reference, output, base)
    return pulling.into(reference, output, base)
