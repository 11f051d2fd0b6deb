"""The trust rules in a lock: the rules of a policy that admitted the images, with their keys.

The keys are stored by content, so that a locked build needs neither the policy nor the files of the keys. They are
parsed when they are needed: to compare a lock takes no library for signatures.
"""

from collections.abc import Sequence
from typing import Final

from bundler.errors import DifferenceError
from bundler.images.documents import Member
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.trust.encoding import FormError, decode_base64
from bundler.trust.image_keys import parse_image_key
from bundler.trust.image_signatures import AnyKey
from bundler.trust.keyring import parse_keyring
from bundler.trust.policy import Kind, Policy, Rule

TRUST: Final = "trust"
_HINT: Final = "make the lock again with bundler lock --trust FILE"


@dataclass(frozen=True, slots=True)
class LockedKey:
    """A key as the lock has it. `name` is for people, and has to be that of the content."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class LockedRule:
    """A rule as the lock has it."""

    images: str
    kind: Kind
    keys: tuple[LockedKey, ...]


@dataclass(frozen=True, slots=True)
class LockedTrust:
    """The rules; `label` is the lock, for messages."""

    label: str
    rules: tuple[LockedRule, ...]

    def policy(self) -> Policy:
        """The policy that these rules are. Raises DifferenceError for a key that was damaged, ToolError."""
        return Policy(self.label, tuple(self._rule(rule) for rule in self.rules))

    def _rule(self, rule: LockedRule) -> Rule:
        if bool(rule.keys) != rule.kind.has_keys:
            raise DifferenceError(f"{self.label}: its rule for {rule.images} has no keys, or too many", hint=_HINT)
        return Rule(rule.images, rule.kind, tuple(self._key(rule.kind, key) for key in rule.keys))

    def _key(self, kind: Kind, locked: LockedKey) -> AnyKey:
        try:
            key = _parse_key(kind, locked.text.encode("utf-8", "replace"))
        except FormError as error:
            raise DifferenceError(f"{self.label}: a key in it {error}", hint=_HINT) from None
        if key.name != locked.name:
            raise DifferenceError(f"{self.label}: it calls {key.name} by another name", hint=_HINT)
        return key


def _parse_key(kind: Kind, text: bytes) -> AnyKey:
    return parse_keyring(decode_base64(text)) if kind is Kind.GPG else parse_image_key(text)


def describe_rules(policy: Policy, repositories: Sequence[str]) -> list[Json]:
    """Those that counted for images of these repositories, in the policy's order."""
    counted = [policy.rule_for(repository) for repository in repositories]
    return [_described(rule) for rule in policy.rules if rule in counted]


def parse_locked_trust(part: Member, label: str) -> LockedTrust:
    """What `describe_rules` has written. Raises ImageError."""
    return LockedTrust(label, tuple(_parse_rule(item) for item in part.items()))


def _described(rule: Rule) -> Json:
    keys: list[Json] = [{"name": key.name, "key": key.text} for key in rule.keys]
    return {"images": rule.images, "kind": str(rule.kind), **({"keys": keys} if keys else {})}


def _parse_rule(part: Member) -> LockedRule:
    stated, keys = part.get("kind"), part.find("keys")
    kind = next((kind for kind in Kind if kind == stated.content), None)
    if kind is None:
        raise stated.expected(f"one of {', '.join(Kind)}")
    listed = () if keys is None else keys.items()
    return LockedRule(
        part.get("images").text(),
        kind,
        tuple(LockedKey(each.get("name").text(), each.get("key").text()) for each in listed),
    )
