"""Trust policies: which keys must have signed which images, as a file of YAML or JSON says under the word `trust`"""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

from bundler.errors import closest, printable
from bundler.images.reference import RegistryReference
from bundler.overrides.files import read
from bundler.overrides.node import Node
from bundler.trust.image_signatures import AnyKey
from bundler.trust.keys import load_image_key, load_keyring
from bundler.trust.policy import Kind, Policy, Rule

_TRUST: Final = "trust"
_WORDS: Final = ("images", "kind", "keys")
_LOADERS: Final[dict[Kind, Callable[[Path], AnyKey]]] = {Kind.COSIGN: load_image_key, Kind.GPG: load_keyring}
# What stars may stand for, in names of which one at least is a repository's if any is that the pattern fits.
_SAMPLES: Final = tuple(product(("", "a", "a/a", "a.a/a", "a.a/a/a"), ("", "a", "a.a")))
_EXAMPLE: Final = "for example trust: [{images: docker.io/library/*, keys: [cosign.pub]}]"


def load_policy(path: Path) -> Policy:
    """The policy in a file; keys lie beside it. Raises RequestError, which says where, DifferenceError, ToolError."""
    source = read(path)
    root = source.document()
    rules = root.value.get(_TRUST) if isinstance(root.value, dict) else None
    if rules is None or not isinstance(rules.value, tuple):
        raise root.error("there is no list `trust`, and this is to be a trust policy", hint=_EXAMPLE)
    return Policy(printable(str(path)), tuple(_rule(node, source.folder) for node in rules.items()))


def _rule(node: Node, folder: Path) -> Rule:
    if not isinstance(node.value, dict):
        raise node.error("a rule is a map", hint=_EXAMPLE)
    for word, value in node.value.items():
        if word not in _WORDS:
            near = closest(word, _WORDS)
            raise value.key_error(f"unknown key {printable(word)!r}", f"did you mean {near}?" if near else _EXAMPLE)
    images, kind, keys = (node.value.get(word) for word in _WORDS)
    if images is None or not isinstance(images.value, str) or not images.value:
        raise node.error("a rule names images by their repository", hint=_EXAMPLE)
    if not _fits_any(images.value):
        meant = RegistryReference.find(images.value)
        hint = f"no tag is part of it, and it begins with the registry: {meant.repository}" if meant else _EXAMPLE
        raise images.error(f"no repository is like {printable(images.value)!r}", hint=hint)
    chosen = _kind(kind)
    listed = () if keys is None else keys.listed()
    if bool(listed) != chosen.has_keys:
        what = "a rule of this kind has keys" if chosen.has_keys else f"a rule of kind {chosen} has no keys"
        raise node.error(what, hint=_EXAMPLE)
    return Rule(images.value, chosen, tuple(_LOADERS[chosen](folder / _text(key)) for key in listed))


def _fits_any(pattern: str) -> bool:
    """Whether the pattern can fit a repository. A rule that never counts would leave its images to the rules below."""
    for stars, star in _SAMPLES:
        name = pattern.replace("**", stars).replace("*", star)
        reference = RegistryReference.find(name)
        if reference is not None and reference.repository == name:
            return True
    return False


def _kind(node: Node | None) -> Kind:
    if node is None:
        return Kind.COSIGN
    chosen = next((kind for kind in Kind if kind == node.value), None)
    if chosen is None:
        raise node.error(f"unknown kind {printable(str(node.value))!r}", hint=f"known are {', '.join(Kind)}")
    return chosen


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise node.error("the path of a key is text", hint=_EXAMPLE)
    return node.value
