"""The text of an overrides file says what its keys say, to any reader of YAML."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.overrides.imports import emit
from bundler.overrides.yaml_document import parse

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(
        ["yes", "0755", "33:33", "1_000", "~", "a: b", "- x", "# x", "<<", "!x", "&a", "=", "null", "1e3", "/x"]
    ),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc<~1", max_size=3), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("abcx_", min_size=1, max_size=4), VALUES, max_size=4))
def test_what_is_written_is_what_is_read(keys: dict[str, Any]) -> None:
    assert parse(emit(keys).encode(), "o.yaml").plain() == keys


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"image": "nginx:1.27", "tty": True}, "image: nginx:1.27\ntty: true\n"),
        ({"command": ["sleep", "100000"]}, 'command: [sleep, "100000"]\n'),
        ({"command": []}, "command: []\n"),
        ({"user": "33:33"}, 'user: "33:33"\n'),
        ({"environment": ["A=yes"]}, 'environment: ["A=yes"]\n'),
        ({"volumes": [{"type": "bind", "source": "/a"}, "/x"]}, "volumes:\n  - type: bind\n    source: /a\n  - /x\n"),
        ({"ulimits": {"core": {"soft": 0}}}, "ulimits:\n  core:\n    soft: 0\n"),
    ],
)
def test_it_reads_as_people_would_write_it(keys: dict[str, Any], text: str) -> None:
    assert emit(keys) == text
