"""Every key of an overrides file has a rule that reads it, a test that uses it, and a line in docs/overrides.md."""

import re
from pathlib import Path

import pytest

from bundler.conversion.convert import RULES
from bundler.overrides import schema

PROJECT = Path(__file__).parents[1]
KEYS = schema.document()["properties"]
READ = {key: rule for key, rule in KEYS.items() if "ignored" not in rule}
# What comes before the rules (which image, which defaults, for what machine) and after them (patches).
AROUND = ["image", "platform", "profile", "target", "spec", "spec_patch", "remove", "security_opt"]


def text_of(pattern: str) -> str:
    return "\n".join(path.read_text() for path in sorted(PROJECT.glob(pattern)) if path != Path(__file__))


CODE = text_of("bundler/**/*.py")
TESTS = (text_of("tests/**/*.py") + text_of("testdata/**/*.json")).replace("\\n", "\n")
REFERENCE = (PROJECT / "docs/overrides.md").read_text()


@pytest.mark.parametrize("key", sorted(KEYS))
def test_the_schema_says_what_a_key_takes_and_does(key: str) -> None:
    assert KEYS[key]["title"]
    assert KEYS[key]["description"]
    assert KEYS[key]["examples"]


@pytest.mark.parametrize("key", sorted(READ))
def test_the_places_a_key_reaches_have_rules(key: str) -> None:
    unruled = [
        pointer
        for pointer in READ[key].get("config", [])
        if pointer and not any(pointer == rule or pointer.startswith(f"{rule}/") for rule in RULES)
    ]

    assert [pointer for pointer in unruled if pointer != "/ociVersion"] == []


@pytest.mark.parametrize("key", sorted(READ))
def test_a_key_is_read(key: str) -> None:
    # Its name stands in the code as a word of its own: once in a table of normal forms is not enough for a rule.
    spelled = re.findall(rf'["\']{re.escape(key)}["\']', CODE)

    assert spelled, f"nothing reads {key}"


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_key_has_a_test(key: str) -> None:
    assert re.search(rf"\b{re.escape(key)}\b", TESTS), f"no test uses {key}"


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_key_has_its_line_in_the_reference(key: str) -> None:
    assert f"\n| `{key}` |" in REFERENCE


def test_what_is_no_rules_business_is_known() -> None:
    assert [key for key in AROUND if key not in KEYS] == []


@pytest.mark.parametrize("pointer", sorted(RULES))
def test_a_rule_says_what_it_implements(pointer: str) -> None:
    documented = RULES[pointer].__doc__ or ""

    assert re.search(r"config(-linux)?\.md|[Dd]ocker|image-spec|runtime-spec", documented), f"{pointer}: {documented}"
