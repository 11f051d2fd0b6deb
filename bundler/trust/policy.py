"""Trust policies: rules about which keys must have signed an image, by its name. An image without a rule is refused."""

import re
from enum import StrEnum
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.trust.encoding import ForgedError
from bundler.trust.image_keys import ImageKey
from bundler.trust.image_signatures import AnyKey

_STARS: Final = {"**": "", "*": "/"}  # and what each does not go beyond


class Kind(StrEnum):
    """What a rule demands: a signature by a key of cosign's or of GPG's, nothing, or that the image is not used."""

    COSIGN = "cosign"
    GPG = "gpg"
    ANYTHING = "anything"
    REFUSED = "refused"

    @property
    def has_keys(self) -> bool:
        """Whether a rule of this kind has keys; others have none."""
        return self in (Kind.COSIGN, Kind.GPG)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for images whose repository matches `images`, where `*` matches anything but a slash, `**` anything."""

    images: str
    kind: Kind
    keys: tuple[AnyKey, ...] = ()

    def fits(self, repository: str) -> bool:
        places = {0}  # of the name, up to which the pattern fits so far
        for piece in filter(None, re.split(r"(\*\*|\*)", self.images)):
            if piece in _STARS:
                places = _reached(places, repository, _STARS[piece])
            else:
                places = {at + len(piece) for at in places if repository.startswith(piece, at)}
        return len(repository) in places


def _reached(places: set[int], repository: str, end: str) -> set[int]:
    """The places from any of `places` on, each up to the next `end`; a regular expression would try all ways there."""
    reached: set[int] = set()
    for at in range(len(repository) + 1):
        if at in places or (at - 1 in reached and repository[at - 1] != end):
            reached.add(at)
    return reached


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy: the first rule that matches an image counts. `label` is the name of its file, for messages."""

    label: str
    rules: tuple[Rule, ...]

    @property
    def has_keys(self) -> bool:
        """Whether the policy demands a signature of at least some images."""
        return any(rule.keys for rule in self.rules)

    def rule_for(self, repository: str) -> Rule | None:
        """The first rule that matches the repository."""
        return next((rule for rule in self.rules if rule.fits(repository)), None)

    def keys_for(self, repository: str) -> tuple[AnyKey, ...]:
        """The keys of which one must have signed the image; empty if none need have. Raises ForgedError for an image
        that is refused, or that no rule matches.
        """
        rule = self.rule_for(repository)
        if rule is None:
            raise ForgedError(f"is named by no rule of {self.label}")
        if rule.kind is Kind.REFUSED:
            raise ForgedError(f"is refused by {self.label} ({rule.images})")
        return rule.keys


def by_keys(keys: tuple[ImageKey, ...], label: str) -> Policy:
    """The policy by which every image has to be signed by one of the keys."""
    return Policy(label, (Rule("**", Kind.COSIGN, keys),))
