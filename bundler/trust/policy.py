"""Which keys must have signed an image of a name, as a person has decided it. What no rule speaks of is refused."""

import re
from enum import StrEnum
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.trust.encoding import ForgedError
from bundler.trust.image_keys import ImageKey
from bundler.trust.image_signatures import AnyKey

_STARS: Final = {"**": "", "*": "/"}  # and what each does not go beyond


class Kind(StrEnum):
    """What is demanded of an image: a signature by a key of cosign's or GPG's, nothing, or that it is another one."""

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
    """For images whose repository is like `images`: `*` stands for a part of a name without a slash, `**` for any."""

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
    """The rules, of which the first that fits counts; `label` says where they stand."""

    label: str
    rules: tuple[Rule, ...]

    @property
    def has_keys(self) -> bool:
        """Whether it demands a signature of any image."""
        return any(rule.keys for rule in self.rules)

    def rule_for(self, repository: str) -> Rule | None:
        """The one that counts for it."""
        return next((rule for rule in self.rules if rule.fits(repository)), None)

    def keys_for(self, repository: str) -> tuple[AnyKey, ...]:
        """The keys, of which one must have signed it; none where nothing is demanded. Raises ForgedError."""
        rule = self.rule_for(repository)
        if rule is None:
            raise ForgedError(f"is named by no rule of {self.label}")
        if rule.kind is Kind.REFUSED:
            raise ForgedError(f"is refused by {self.label} ({rule.images})")
        return rule.keys


def by_keys(keys: tuple[ImageKey, ...], label: str) -> Policy:
    """That any image has to be signed by one of the keys."""
    return Policy(label, (Rule("**", Kind.COSIGN, keys),))
