"""bundler.lock: which images, defaults and overrides a build is held to.

The image id and the diff_ids are the same however an image travels, so what was locked from a registry holds for the
file that was carried by hand. The manifest's digest pins the image in the registry, where a tag may move.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn, Self, TypeVar

from bundler import __version__
from bundler.bundles.record import check_format
from bundler.bundles.replacement.replaced_file import check_file_place
from bundler.bundles.write import encode
from bundler.conversion.rule import Inputs
from bundler.errors import DifferenceError, ImageError, RequestError, printable
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import Reference, RegistryReference
from bundler.input_files import InputError, read_named
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.reproducible.locked_trust import TRUST, LockedTrust, describe_rules, parse_locked_trust
from bundler.trust.policy import Policy

FORMAT: Final = 1
WITH_TRUST: Final = 2  # a bundler that does not know of keys must not leave them out
NAME: Final = "bundler.lock"
SERVICES: Final = "services"  # what the lock of a project has in the place of one build
T = TypeVar("T")
_LARGEST: Final = 16 << 20  # bytes
# Where the manifest is the one that the registry has; a file may hold one of its own.
_EXACT: Final = ("docker", "store")
_MAKE_ONE: Final = "bundler lock IMAGE makes a lock"
_HINT: Final = "if that is what you want, make the lock again with bundler lock"
_NAME_IT: Final = "name that file: bundler build FILE --locked"


@dataclass(frozen=True, slots=True)
class LockedImage:
    """One image for one platform. `manifest` is None when it was locked from a file.

    `signed` (key, digest) is the key whose signature was verified when the lock was written. It is for people: a build
    that demands signatures verifies them anew.
    """

    reference: str
    platform: Platform
    manifest: Digest | None
    id: Digest
    diff_ids: tuple[Digest, ...]
    signed: tuple[str, str] | None = None

    @classmethod
    def of(cls, image: Image) -> Self:
        stated = image.image_config
        manifest = image.manifest_digest if image.transport in _EXACT else None
        return cls(image.name, stated.platform, manifest, image.id, stated.diff_ids, image.signed)

    @property
    def name(self) -> RegistryReference | None:
        """The image's name in a registry; None for a name that no registry takes."""
        return RegistryReference.find(self.reference)

    def is_meant_by(self, asked: RegistryReference) -> bool:
        name = self.name
        if name is None:
            return False
        return name == asked or (name.repository == asked.repository and asked.digest == self.manifest is not None)

    def is_alike(self, other: Self) -> bool:
        """Whether both have one repository and tag; `other` may have been asked for by digest, which has no tag."""
        name, asked = self.name, other.name
        if name is None or asked is None:
            return False
        return name.repository == asked.repository and (name.tag == asked.tag or asked.tag is None)

    @property
    def facts(self) -> dict[str, Json]:
        """The facts about the image that do not depend on where it was read from, as JSON."""
        return {
            "id": str(self.id),
            "platform": str(self.platform),
            "diff_ids": [str(diff_id) for diff_id in self.diff_ids],
        }

    def described(self) -> dict[str, Json]:
        facts = self.facts
        manifest = None if self.manifest is None else str(self.manifest)
        signed: dict[str, Json] = {}
        if self.signed is not None:
            signed = {"signed": {"key": self.signed[0], "digest": self.signed[1]}}
        return {"reference": self.reference, "platform": facts["platform"], "manifest": manifest, **facts, **signed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What was locked. `label` is the file, for messages; `overrides` are sha256 sums in hex, in their order.

    `trust` is who has to have signed the images.

    The version of bundler that wrote it is recorded for people and not held against another one.
    """

    label: str
    images: tuple[LockedImage, ...]
    profile: str
    target: dict[str, Json]
    overrides: tuple[str, ...]
    trust: LockedTrust | None = None

    def of_bundle(self) -> Self:
        """The lock of one bundle, which it is."""
        return self

    def of_project(self) -> NoReturn:
        """Raises RequestError."""
        raise locks_a_bundle(self.label)

    @property
    def only_reference(self) -> str | None:
        """The name of its image, if it has but one that has a name."""
        names = {image.reference for image in self.images}
        return next(iter(names)) or None if len(names) == 1 else None

    @property
    def platform(self) -> Platform | None:
        """The platform of all its images; None if they differ."""
        platforms = {image.platform for image in self.images}
        return next(iter(platforms)) if len(platforms) == 1 else None

    def pin(self, reference: Reference, platform: Platform) -> Reference:
        """`reference`, by the digest of the locked manifest if it is a registry's. Raises DifferenceError."""
        asked = reference.registry
        if asked is None:
            return reference
        named = [image for image in self.images if image.is_meant_by(asked)]
        if not named:
            self._refuse(f"{asked} is not in it")
        fits = [image for image in named if platform.accepts(image.platform)]
        locked = (fits or named)[0]
        if locked.manifest is None:
            self._refuse(f"it has no manifest digest of {asked}, because that was locked from a file", _NAME_IT)
        return reference.renamed(asked.pinned(locked.manifest))

    def check_platform(self, wanted: PlatformChoice) -> None:
        """Raise DifferenceError if a person asks for a platform that nothing is locked for."""
        locked = {image.platform for image in self.images}
        if wanted.requested and not any(wanted.platform.accepts(platform) for platform in locked):
            self._differ("the platform", ", ".join(sorted(map(str, locked))), wanted.platform)

    def check_image(self, image: Image) -> None:
        """Raise DifferenceError, with the value, unless `image` is locked. Where it was read from does not matter."""
        opened = LockedImage.of(image)
        if any(locked.facts == opened.facts for locked in self.images):
            return
        name = f"{printable(opened.reference)}: " if opened.reference else ""
        meant = self._likeliest(opened)
        if meant is None:
            self._refuse(f"{name}the image id {opened.id} is not in it")
        if meant.platform != opened.platform:
            self._differ(f"{name}the platform", meant.platform, opened.platform)
        if meant.id != opened.id:
            self._differ(f"{name}the image id", meant.id, opened.id)
        self._differ(f"{name}the list of diff_ids", _listed(meant.diff_ids), _listed(opened.diff_ids))

    def check_givens(self, inputs: Inputs) -> None:
        """Raise DifferenceError, with the value, unless profile, target and overrides are the locked ones."""
        if self.profile != inputs.profile.id:
            self._differ("the profile", self.profile, inputs.profile.id)
        target = inputs.target.described()
        for name in sorted(self.target.keys() | target.keys()):
            if self.target.get(name) != target.get(name):
                self._differ(f"the target's {name}", self.target.get(name), target.get(name))
        overrides = [file.sha256 for file in inputs.overrides.files]
        if len(self.overrides) != len(overrides):
            self._differ("the number of overrides files", len(self.overrides), len(overrides))
        for locked, file in zip(self.overrides, inputs.overrides.files, strict=True):
            if locked != file.sha256:
                self._differ(f"the sha256 of {printable(file.name)}", locked, file.sha256)

    def differences(self, recorded: Mapping[str, Json]) -> dict[str, tuple[str | None, str | None]]:
        """What of a bundle's bundler.json is not as it was locked: by name (locked, recorded)."""
        image, target = recorded.get("image"), recorded.get("target")
        image, target = (given if isinstance(given, dict) else {} for given in (image, target))
        overrides = recorded.get("overrides")
        sums = [each.get("sha256") for each in overrides if isinstance(each, dict)] if overrides else []
        facts = [one.facts for one in self.images]
        found = {name: image.get(name) for name in ("id", "platform", "diff_ids")}
        # Of several images that are locked, the one that is meant has the same id, or else the same platform.
        meant = next((one for one in facts if one["id"] == found["id"]), None) or next(
            (one for one in facts if one["platform"] == found["platform"]), facts[0] if facts else dict.fromkeys(found)
        )
        pairs = {f"image {name}": (meant[name], value) for name, value in found.items()}
        pairs["profile"] = self.profile, recorded.get("profile")
        pairs |= {f"target {name}": (self.target.get(name), target.get(name)) for name in {**self.target, **target}}
        pairs["overrides sha256"] = list(self.overrides), sums
        return {name: (_plain(locked), _plain(value)) for name, (locked, value) in pairs.items() if locked != value}

    def _likeliest(self, opened: LockedImage) -> LockedImage | None:
        """What `opened` was probably meant to be: of the same id or name, for the same platform if there is one."""
        named = [locked for locked in self.images if locked.id == opened.id or locked.is_alike(opened)]
        candidates = named or (list(self.images) if len(self.images) == 1 else [])
        same = [locked for locked in candidates if locked.platform == opened.platform]
        return next(iter(same or candidates), None)

    def _differ(self, what: str, locked: object, found: object) -> NoReturn:
        self._refuse(f"{what} is locked as {_shown(locked)}, and now is {_shown(found)}")

    def _refuse(self, what: str, hint: str = _HINT) -> NoReturn:
        raise DifferenceError(f"{self.label}: {what}", hint=hint)


def describe(inputs: Inputs, images: Sequence[Image], trust: Policy | None = None) -> bytes:
    """The content of a lock for `images`, each once and by name, under what `inputs` say besides.

    Of `trust`, it has the rules that these images were let through by.
    """
    return encode(
        {
            "format": FORMAT if trust is None else WITH_TRUST,
            "bundler": __version__,
            "images": described_images(images),
            **described_trust(trust, images),
            **described_givens(inputs),
        }
    )


def described_images(images: Sequence[Image]) -> list[Json]:
    """Each once and by name, as a lock has them."""
    locked = {LockedImage.of(image): None for image in images}
    return [each.described() for each in sorted(locked, key=lambda one: (one.reference, str(one.platform), one.id))]


def described_trust(trust: Policy | None, images: Sequence[Image]) -> dict[str, Json]:
    """The rules of `trust` that these images were let through by, as a lock has them; nothing if there is no policy."""
    if trust is None:
        return {}
    names = (RegistryReference.find(image.name) for image in images)
    return {TRUST: describe_rules(trust, ["" if name is None else name.repository for name in names])}


def described_givens(inputs: Inputs) -> dict[str, Json]:
    """What one build is made from besides, as a lock has it."""
    return {
        "profile": inputs.profile.id,
        "target": inputs.target.described(),
        "overrides": [{"name": file.name, "sha256": file.sha256} for file in inputs.overrides.files],
    }


def check_lock_place(path: Path) -> None:
    """Raise RequestError where a new lock would take the place of a file that is no lock: before the work."""
    check_file_place(path)
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        read_lock(path, lambda document, _label: parse_images(document))
    except RequestError:
        hint = "name another file for the lock, or remove this one"
        raise RequestError(f"{printable(str(path))} is there already, and is no lock", hint=hint) from None


def load_lock(path: Path) -> Lock:
    """Read the lock at `path`. Raises RequestError, which says what of it is wrong."""
    return read_lock(path, parse_lock)


def locks_a_bundle(label: str) -> RequestError:
    """The error for the lock of a bundle where that of a project is needed."""
    return RequestError(f"{label} is the lock of a bundle", hint="bundler project --lock FILE makes one of a project")


def locks_a_project(label: str) -> RequestError:
    """The error for the lock of a project where that of one bundle is needed."""
    hint = "bundler project --locked reads it, and verify --lock of the project"
    return RequestError(f"{label} is the lock of a project", hint=hint)


def read_lock(path: Path, parse: Callable[[Member, str], T]) -> T:
    """What `parse` makes of the lock at `path`, which it is told with the name. Raises RequestError."""
    label = printable(str(path))
    try:
        document = parse_document(read_named(path, _LARGEST), label)
    except InputError as error:
        raise RequestError(f"{label} {error}", hint=_MAKE_ONE) from None
    except ImageError as error:
        raise RequestError(error.what, hint=_MAKE_ONE) from None
    content = document.content if isinstance(document.content, dict) else {}
    check_format(content, label, WITH_TRUST if TRUST in content else FORMAT)
    try:
        return parse(document, label)
    except ImageError as error:
        raise RequestError(error.what, hint=_MAKE_ONE) from None


def parse_lock(part: Member, label: str) -> Lock:
    """The lock of one bundle. Raises ImageError, RequestError."""
    if part.find(SERVICES) is not None:
        raise locks_a_project(label)
    return parse_givens(part, label, parse_images(part), parse_trust(part, label))


def parse_images(part: Member) -> tuple[LockedImage, ...]:
    """The images of a lock. Raises ImageError."""
    return tuple(_parse_image(item) for item in part.get("images").items())


def parse_trust(part: Member, label: str) -> LockedTrust | None:
    """Who has to have signed the images. Raises ImageError."""
    rules = part.find(TRUST)
    return None if rules is None else parse_locked_trust(rules, label)


def parse_givens(part: Member, label: str, images: tuple[LockedImage, ...], trust: LockedTrust | None = None) -> Lock:
    """A lock of `images`, with what `part` says of one build besides. Raises ImageError."""
    target = part.get("target")
    return Lock(
        label=label,
        images=images,
        profile=part.get("profile").text(),
        target={name: value.content for name, value in target.members()},
        overrides=tuple(item.get("sha256").text() for item in part.get("overrides").items()),
        trust=trust,
    )


def _parse_image(part: Member) -> LockedImage:
    manifest, stated = part.find("manifest"), part.get("platform")
    try:
        platform = Platform.parse(stated.text())
    except ValueError:
        raise stated.expected("a platform such as linux/amd64") from None
    return LockedImage(
        part.get("reference").text(),
        platform,
        None if manifest is None else manifest.digest(),
        part.get("id").digest(),
        tuple(item.digest() for item in part.get("diff_ids").items()),
    )


def _plain(value: Json) -> str | None:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return None if value is None else str(value)


def _listed(digests: Sequence[Digest]) -> str:
    return ", ".join(map(str, digests)) or "none"


def _shown(value: object) -> str:
    return "nothing" if value in (None, "") else printable(str(value))
