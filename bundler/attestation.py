"""What `pack --attest` states of a packed bundle: which lock it comes from, and whether it was built twice alike"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler import __version__
from bundler.bundles.bundle import Bundle
from bundler.bundles.record import part_of
from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.write import encode, write_file
from bundler.errors import DifferenceError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.project.record import NAME as PROJECT
from bundler.project.record import ProjectRecord, is_project
from bundler.reproducible.lock import load_lock
from bundler.reproducible.project_lock import load_project_lock
from bundler.reproducible.reproduction import compare_builds, compare_projects
from bundler.trust.file_signatures import sign_file, signature_place
from bundler.trust.in_toto import Material, state
from bundler.trust.keys import SigningKey

_SUFFIX: Final = ".intoto.json"
ALIKE, DIFFERENT, NOT_TRIED = "alike", "different", "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What is known of a bundle before it is packed, so that a wrong lock ends early."""

    record: Material
    materials: tuple[Material, ...]
    parameters: dict[str, Json]
    built_again: str

    def write(self, packed: Path, sha256: str, *, key: SigningKey | None, replace: bool) -> Path:
        """Write the statement about the file `packed` beside it, and a signature over it. Raises BundlerError."""
        place = attestation_place(packed)
        statement = state(
            Material(packed.name, sha256),
            version=__version__,
            materials=self.materials,
            record=self.record,
            parameters=self.parameters,
            built_again=self.built_again,
        )
        with open_stage(packed.parent) as stage:
            made = stage.workspace / place.name
            write_file(made, encode(statement))
            if key is not None:
                signature = signature_place(place, key)
                write_file(stage.workspace / signature.name, sign_file(made, place.name, key))
                stage.publish_file(stage.workspace / signature.name, signature, replace=replace)
            stage.publish_file(made, place, replace=replace)
        return place


def attestation_place(packed: Path) -> Path:
    """Where the statement about a packed file belongs."""
    return packed.with_name(packed.name + _SUFFIX)


def examine(bundle: Path, lock: Path | None, again: Path | None) -> Attestation:
    """What can be stated of a bundle or a project; `again` is one that was built a second time, anywhere.

    Raises DifferenceError unless the bundle is as it was locked, RequestError for what is no lock and no bundle.
    """
    if is_project(bundle):
        return _examine_project(bundle, lock, again)
    opened = Bundle.open(bundle)
    recorded = opened.record
    locked = () if lock is None else (_lock(lock, load_lock(lock).differences(recorded.document), opened.label),)
    return Attestation(
        record=Material("bundler.json", _encoded(recorded.digest)),
        materials=(*locked, *_materials(recorded.document)),
        parameters=_parameters(recorded.document),
        built_again=NOT_TRIED if again is None else _compared(bundle, again),
    )


def _examine_project(project: Path, lock: Path | None, again: Path | None) -> Attestation:
    """The compose files are materials, too, and those of each bundle have its name in front."""
    record = ProjectRecord.open(project)
    recorded = {bundle.name: Bundle.open(project / bundle.name).record.document for bundle in record.bundles}
    locked = () if lock is None else (_lock(lock, _unlike(record, recorded, lock), printable(str(project))),)
    files = [Material(file.name, file.sha256) for file in record.files]
    made_of = [
        replace(each, name=f"{name}: {each.name}")
        for name, document in sorted(recorded.items())
        for each in _materials(document)
    ]
    return Attestation(
        record=Material(PROJECT, _encoded(record.digest)),
        materials=(*locked, *files, *made_of),
        parameters={name: _parameters(document) for name, document in sorted(recorded.items())},
        built_again=NOT_TRIED if again is None else _compared_projects(project, again),
    )


def _unlike(record: ProjectRecord, recorded: Mapping[str, Mapping[str, Json]], lock: Path) -> list[str]:
    """What of a project is not as it was locked."""
    locked = load_project_lock(lock)
    differing = [*locked.differences(record.bundles, record.files)]
    for name in recorded.keys() & locked.locks.keys():
        differing += [f"{each} of {name}" for each in locked.locks[name].differences(recorded[name])]
    return sorted(differing)


def _parameters(recorded: Mapping[str, Json]) -> dict[str, Json]:
    return {name: recorded.get(name) for name in ("profile", "target", "target_from")}


def check_places(packed: Path, key: SigningKey | None, *, replace: bool) -> None:
    """Raise RequestError where a statement, or its signature, cannot be written."""
    place = attestation_place(packed)
    for each in (place, None if key is None else signature_place(place, key)):
        if each is not None:
            check_file(each, replace=replace)


def _lock(path: Path, differing: Collection[str], label: str) -> Material:
    """The lock, from which nothing may be `differing`. Raises DifferenceError."""
    if differing:
        what = f"{label} is not as {printable(str(path))} has it: {printable(', '.join(differing))}"
        raise DifferenceError(what, hint="bundler verify --lock shows each of them")
    return Material(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def _materials(recorded: dict[str, Json]) -> Iterator[Material]:
    image = part_of(recorded, "image")
    yield Material("image config", _encoded(str(image.get("id"))))
    diff_ids = image.get("diff_ids")
    for number, diff_id in enumerate(diff_ids if isinstance(diff_ids, list) else (), 1):
        yield Material(f"layer {number}", _encoded(str(diff_id)))
    overrides = recorded.get("overrides")
    for each in overrides if isinstance(overrides, list) else ():
        if isinstance(each, dict):
            yield Material(str(each.get("name")), str(each.get("sha256")))


def _compared(bundle: Path, again: Path) -> str:
    Bundle.open(again)
    return _alike(lambda: compare_builds(bundle, again))


def _compared_projects(project: Path, again: Path) -> str:
    ProjectRecord.open(again)
    return _alike(lambda: compare_projects(project, again))


def _alike(compare: Callable[[], None]) -> str:
    try:
        compare()
    except DifferenceError:
        return DIFFERENT
    return ALIKE


def _encoded(digest: str) -> str:
    return digest.partition(":")[2]
