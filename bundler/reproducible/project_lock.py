"""bundler.lock of a project: the images of all its bundles, what each is made from besides, and the compose files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

from bundler import __version__
from bundler.bundles.write import encode
from bundler.conversion.rule import Inputs
from bundler.errors import DifferenceError, printable
from bundler.images.documents import Member
from bundler.images.image import Image
from bundler.light_dataclasses import dataclass
from bundler.overrides.files import OverridesFile
from bundler.project.record import ProjectBundle
from bundler.reproducible.lock import (
    FORMAT,
    SERVICES,
    WITH_TRUST,
    Lock,
    described_givens,
    described_images,
    described_trust,
    locks_a_bundle,
    locks_a_project,
    parse_givens,
    parse_images,
    parse_lock,
    parse_trust,
    read_lock,
)
from bundler.trust.policy import Policy


@dataclass(frozen=True, slots=True)
class ProjectLock:
    """What was locked. `locks` are by bundle; `files` are the compose files and what they name, in their order."""

    label: str
    locks: Mapping[str, Lock]
    files: tuple[OverridesFile, ...]

    def of_project(self) -> Self:
        """The lock of a project, which it is."""
        return self

    def of_bundle(self) -> NoReturn:
        """Raises RequestError."""
        raise locks_a_project(self.label)

    def of(self, bundle: str) -> Lock:
        """The lock of one bundle. Raises DifferenceError for one that is not there."""
        if bundle not in self.locks:
            raise self._differs(f"the bundle {printable(bundle)} is not in it")
        return self.locks[bundle]

    def differences(
        self, bundles: Sequence[ProjectBundle], files: Sequence[OverridesFile]
    ) -> dict[str, tuple[str | None, str | None]]:
        """What of a project is not as it was locked: its bundles, and the files it was made from."""
        pairs = {
            "services": (", ".join(sorted(self.locks)), ", ".join(sorted(bundle.name for bundle in bundles))),
            "files sha256": (_sums(self.files), _sums(files)),
        }
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def check(self, bundles: Sequence[str], files: Sequence[OverridesFile]) -> None:
        """Raise DifferenceError unless the project has the bundles and is made from the files that are locked."""
        for bundle in (*bundles, *self.locks):
            if bundle not in self.locks or bundle not in bundles:
                where = "not in it" if bundle not in self.locks else "locked, and no more in the project"
                raise self._differs(f"the bundle {printable(bundle)} is {where}")
        for locked, file in zip(self.files, files, strict=False):
            if locked != file:
                raise self._differs(
                    f"the sha256 of {printable(file.name)} is locked as {locked.sha256}, and now is {file.sha256}"
                )
        if len(self.files) != len(files):
            raise self._differs(f"the number of files is locked as {len(self.files)}, and now is {len(files)}")

    def _differs(self, what: str) -> DifferenceError:
        hint = "if that is what you want, make the lock again with bundler project --lock"
        return DifferenceError(f"{self.label}: {what}", hint=hint)


def _sums(files: Sequence[OverridesFile]) -> str:
    return ", ".join(file.sha256 for file in files)


def describe_project(
    inputs: Mapping[str, Inputs], images: Sequence[Image], files: Sequence[OverridesFile], trust: Policy | None = None
) -> bytes:
    """The content of a lock for bundles that are made from `inputs`, and whose images `trust` lets be used."""
    return encode(
        {
            "format": FORMAT if trust is None else WITH_TRUST,
            "bundler": __version__,
            "images": described_images(images),
            **described_trust(trust, images),
            SERVICES: {bundle: described_givens(each) for bundle, each in sorted(inputs.items())},
            "files": [{"name": file.name, "sha256": file.sha256} for file in files],
        }
    )


def load_project_lock(path: Path) -> ProjectLock:
    """Read the lock at `path`. Raises RequestError, which says what of it is wrong."""
    return read_lock(path, _parse)


def load_any_lock(path: Path) -> Lock | ProjectLock:
    """Read the lock at `path`, of a bundle or of a project. Raises RequestError."""
    return read_lock(path, lambda part, label: (parse_lock if part.find(SERVICES) is None else _parse)(part, label))


def _parse(part: Member, label: str) -> ProjectLock:
    services = part.find(SERVICES)
    if services is None:
        raise locks_a_bundle(label)
    images, trust = parse_images(part), parse_trust(part, label)
    return ProjectLock(
        label,
        {bundle: parse_givens(each, label, images, trust) for bundle, each in services.members()},
        tuple(OverridesFile(each.get("name").text(), each.get("sha256").text()) for each in part.get("files").items()),
    )
