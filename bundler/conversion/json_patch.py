"""JSON Patch (RFC 6902) and the removal of places, with a record of who changed what."""

import copy
import re
from typing import Final

from bundler.origins import Json, Origin, beating, pointer_token, pointer_tokens
from bundler.overrides import schema
from bundler.overrides.node import Node

_MOST_COPIED: Final = 1 << 20  # values and characters that steps of one patch may copy in all
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class _Place:
    """Where a JSON Pointer leads: the container, and the key or index in it, which may not be there yet."""

    def __init__(self, document: Json, pointer: str) -> None:
        if pointer == "":
            raise LookupError("the whole document is not one place of it")
        *parents, last = pointer_tokens(pointer)
        self.parent = ""
        for token in parents:
            key = _key(document, token)
            if not _has(document, key):
                raise LookupError(f"{self.parent}/{pointer_token(token)} is not there")
            document = document[key]
            self.parent += f"/{pointer_token(token)}"
        self.container = document
        if not isinstance(document, dict | list):
            raise LookupError(f"{self.parent or 'the document'} is neither a map nor a list")  # noqa: TRY004
        self.key = len(document) if last == "-" and isinstance(document, list) else _key(document, last)

    @property
    def pointer(self) -> str:
        return f"{self.parent}/{pointer_token(str(self.key))}"

    def value(self) -> Json:
        if not _has(self.container, self.key):
            raise LookupError(f"{self.pointer} is not there")
        return self.container[self.key]


def _key(container: Json, token: str) -> str | int:
    """A key of a map, or an index of a list without leading zeros (RFC 6901 section 4)."""
    if not isinstance(container, list):
        return token
    if not _INDEX.fullmatch(token):
        raise LookupError(f"{token[:40]!r} is not an index of a list")
    return int(token)


def _has(container: Json, key: str | int) -> bool:
    if isinstance(container, list):
        return isinstance(key, int) and key < len(container)
    return isinstance(container, dict) and key in container


def _counted(copied: int, value: Json) -> int:
    """How many values and characters of text are copied, with those of `value`. Raises LookupError for too many."""
    size, ahead = copied, [value]
    while ahead:
        each = ahead.pop()
        size += 1 + len(each) if isinstance(each, str) else 1
        if isinstance(each, dict):
            size += sum(map(len, each))
            ahead += each.values()
        elif isinstance(each, list):
            ahead += each
    if size > _MOST_COPIED:
        raise LookupError("too much is copied; each copy may hold those before it")
    return size


def apply(document: Json, steps: tuple[Node, ...], origins: dict[str, Origin]) -> Json:
    """`document` after every step; `origins` follows in place. Raises RequestError for a step that cannot be done."""
    document = copy.deepcopy(document)
    copied = 0
    for step in steps:
        entries = step.entries()
        operation, pointer = entries["op"].text(), entries["path"].text()
        try:
            if operation == "copy":
                copied = _counted(copied, _Place(document, entries["from"].text()).value())
            _STEPS[operation](document, pointer, step, origins)
        except LookupError as error:
            raise step.error(f"spec_patch: {operation} {pointer}: {error.args[0]}") from None
    return document


def remove(document: Json, names: tuple[Node, ...], origins: dict[str, Origin]) -> Json:
    """`document` without the places that `names` point at, or that the keys of those names stand for.

    Raises RequestError for a place that is not there, unless its name ends in a question mark.
    """
    document = copy.deepcopy(document)
    for node in names:
        name = node.text()
        pointer = _place_of(node, name.removesuffix("?"))
        try:
            _remove(document, pointer, node, origins)
        except LookupError as error:
            if not name.endswith("?"):
                raise node.error(f"remove: {error.args[0]}", hint=f"{name}? removes it if it is there") from None
    return document


def _place_of(node: Node, name: str) -> str:
    if name.startswith("/"):
        return name
    rule = schema.rule(name)
    if not rule:
        raise node.error(f"remove: {name!r} is no key", hint="give a JSON Pointer, such as /linux/seccomp")
    places = [place for place in rule.get("config", ()) if place]
    if len(places) != 1:
        hint = f"give its place: {', '.join(places)}" if places else "it has no place in config.json"
        raise node.error(f"remove: {name} does not stand for one place", hint=hint)
    return str(places[0])


def _add(document: Json, pointer: str, step: Node, origins: dict[str, Origin]) -> None:
    _put(_Place(document, pointer), step.entries()["value"].plain(), step, origins)


def _put(place: _Place, value: Json, step: Node, origins: dict[str, Origin]) -> None:
    """Set a member of a map, or insert into a list, whose later elements make room."""
    container, key = place.container, place.key
    if isinstance(container, list):
        if not isinstance(key, int) or key > len(container):
            raise LookupError(f"{place.pointer} is beyond the end of the list")
        _shift(origins, place.parent, key, 1)
        container.insert(key, value)
        _settle(origins, place.pointer, step.origin)
    else:
        beaten = _owner(origins, place.pointer) if key in container else None
        container[key] = value
        _settle(origins, place.pointer, beating(step.origin, beaten))


def _remove(document: Json, pointer: str, _step: Node, origins: dict[str, Origin]) -> None:
    place = _Place(document, pointer)
    place.value()
    del place.container[place.key]
    _settle(origins, place.pointer, None)
    if isinstance(place.key, int):
        _shift(origins, place.parent, place.key + 1, -1)


def _replace(document: Json, pointer: str, step: Node, origins: dict[str, Origin]) -> None:
    place = _Place(document, pointer)
    place.value()
    place.container[place.key] = step.entries()["value"].plain()
    _settle(origins, place.pointer, beating(step.origin, _owner(origins, place.pointer)))


def _move(document: Json, pointer: str, step: Node, origins: dict[str, Origin]) -> None:
    source = step.entries()["from"].text()
    if f"{pointer}/".startswith(f"{source}/") and pointer != source:
        raise LookupError("a place cannot be moved into itself")
    value = _Place(document, source).value()
    _remove(document, source, step, origins)
    _put(_Place(document, pointer), value, step, origins)


def _copy(document: Json, pointer: str, step: Node, origins: dict[str, Origin]) -> None:
    value = _Place(document, step.entries()["from"].text()).value()
    _put(_Place(document, pointer), copy.deepcopy(value), step, origins)


def _test(document: Json, pointer: str, step: Node, _origins: dict[str, Origin]) -> None:
    if not _same(_Place(document, pointer).value(), step.entries()["value"].plain()):
        raise LookupError("the value is another one")


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON (RFC 6902 section 4.6): to Python true is 1, too."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


_STEPS: Final = {"add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy, "test": _test}


def _owner(origins: dict[str, Origin], pointer: str) -> Origin | None:
    """Who set the value at `pointer`: the entry there, or the nearest above."""
    while pointer and pointer not in origins:
        pointer = pointer.rpartition("/")[0]
    return origins.get(pointer)


def _settle(origins: dict[str, Origin], pointer: str, origin: Origin | None) -> None:
    """What is at `pointer` and below has one origin now, or none."""
    for known in [known for known in origins if known == pointer or known.startswith(f"{pointer}/")]:
        del origins[known]
    if origin is not None:
        origins[pointer] = origin


def _shift(origins: dict[str, Origin], parent: str, first: int, by: int) -> None:
    """Entries of a list's elements from index `first` on move by `by`."""
    moved: dict[str, Origin] = {}
    for known in [known for known in origins if known.startswith(f"{parent}/")]:
        index, separator, rest = known.removeprefix(f"{parent}/").partition("/")
        if index.isdecimal() and int(index) >= first:
            moved[f"{parent}/{int(index) + by}{separator}{rest}"] = origins.pop(known)
    origins.update(moved)
