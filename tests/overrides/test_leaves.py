"""Every place of an overrides file can say what it takes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.overrides import schema
from bundler.overrides.foreign_words import DOCUMENTS, WORDS, meant
from bundler.overrides.leaves import Leaf, in_words
from bundler.overrides.load import load_one

ROOT = schema.document()


def parts(part: Any, path: tuple[str, ...], titled: bool = False) -> Iterator[tuple[tuple[str, ...], bool, Any]]:
    """Every value that the schema is about: where, whether what is above it says what it is, and its constraints."""
    if not isinstance(part, dict):
        return
    titled |= "title" in part
    yield path, titled, part
    for name in ("properties", "$defs"):
        for key, inner in part.get(name, {}).items():
            yield from parts(inner, (*path, key))
    for name in ("items", "additionalProperties", "propertyNames"):
        yield from parts(part.get(name), (*path, name))
    for name in ("anyOf", "oneOf"):
        for inner in part.get(name, ()):
            yield from parts(inner, (*path, name), titled)


PARTS = [*parts(ROOT, ())]


def test_what_has_a_pattern_says_in_words_what_fits() -> None:
    assert len(PARTS) > 500
    assert [".".join(path) for path, titled, part in PARTS if "pattern" in part and not titled] == []


def test_words_are_those_of_people() -> None:
    words = {in_words(ROOT, part) for _, _, part in PARTS}
    assert [each for each in words if not each or re.search(r"None|\$|#/", each)] == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (["properties", "target", "properties", "kernel", "pattern"], "a kernel's version, such as 6.1"),
        (["properties", "cap_add", "items", "type"], "a capability, such as NET_ADMIN"),
        (["properties", "target", "properties", "controllers", "type"], "a list, each of it the name of a cgroup"),
        (["properties", "read_only", "type"], "true or false"),
        (["properties", "mem_limit", "pattern"], "a size, such as 512m, or -1 for no limit"),
        (["properties", "target", "properties", "last_capability", "type"], "a whole number, 0 to 63"),
    ],
)
def test_a_leaf_is_found_through_references(path: list[str], words: str) -> None:
    assert Leaf(ROOT, path).words.startswith(words)


@pytest.mark.parametrize("word", WORDS)
def test_a_foreign_word_is_no_key_and_leads_to_one(word: str) -> None:
    names = WORDS[word]
    known = ROOT["properties"].keys()
    inside = {"target", "source"}
    assert names in known | inside or " " in names
    assert meant(word.upper().replace("_", "-"), known - {word}) in {names, None if names in inside else names}


def test_a_document_of_another_kind_breaks_the_schema() -> None:
    """Or it would be taken for an overrides file all the same."""
    for document in DOCUMENTS:
        text = ", ".join(f'"{key}": 1' for key in sorted(document.keys))
        with pytest.raises(RequestError, match=document.what.split(",")[0]):
            load_one(f"{{{text}}}".encode(), "o.yaml")
