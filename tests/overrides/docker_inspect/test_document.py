"""The file: which container of it is meant, and what is no inspect of a container at all."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from bundler.overrides.load import load_one
from tests.overrides.docker_inspect.inspected import DEFAULT, container, imported, importer
from tests.support.inspects import inspects

SEVERAL = json.dumps([container(Name="/web", Id="ab" * 32), container(Name="/db", Id="ac" * 32)]).encode()
IMAGE = b'[{"Id": "sha256:ab", "RepoTags": ["web:1"], "Config": {"Env": null}, "RootFS": {"Type": "layers"}}]'


@pytest.mark.parametrize("name", ["db", "/db", "ac", "ac" * 32])
def test_a_name_or_the_beginning_of_an_id_chooses(name: str) -> None:
    assert importer(SEVERAL, "all.json", name)(None).keys["container_name"] == "db"


def test_one_container_may_stand_without_a_list() -> None:
    assert importer(json.dumps(container()).encode(), "web.json")(None).keys["image"] == "golden/plain:1"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert importer(b"\xef\xbb\xbf" + DEFAULT, "web.json")(None).keys["image"] == "golden/plain:1"


@pytest.mark.parametrize(
    ("raw", "name", "message"),
    [
        (SEVERAL, None, "2 containers: web, db"),
        (SEVERAL, "x", "no name or id 'x': there is web, db"),
        (SEVERAL, "a", "2 containers of name or id 'a': there is web, db"),
        (SEVERAL, "", "no name or id '': there is web, db"),
        (DEFAULT[:-200], None, "web.json: not JSON at line "),
        (DEFAULT[:-3], None, "it ends in the middle"),
        (b"", None, "web.json is empty"),
        (b"[]", None, "web.json: an empty list: inspect found no container"),
        (b"[1]", None, "web.json#/0: expected what inspect says of a container, found 1"),
        (b"null", None, "web.json#: expected what inspect says of a container, found null"),
        (b"{}", None, "web.json#: no container's inspect: HostConfig is missing"),
        (IMAGE, None, "web.json#/0: this is the inspect of an image, not of a container"),
        (b'[{"Name": "v", "Mountpoint": "/x"}]', None, "this is the inspect of a volume, not of a container"),
        (b'[{"Name": "n", "IPAM": {}}]', None, "this is the inspect of a network, not of a container"),
        (b"[NaN]", None, "web.json: not JSON: NaN is not a JSON value"),
        (b"[1e999]", None, "web.json: 1e999 is too large a number"),
        (b'{"A": 1, "A": 2}', None, 'web.json: the name "A" stands twice in one object'),
        (b"[" * 100_000, None, "web.json: nested too deeply"),
        (b"1" * 5000, None, "is a number of more than 64 bits"),
        (b"\xff\xfe[\0]\0", None, "web.json: not JSON: not UTF-8 at byte 0"),
        (b'{"HostConfig": [], "Config": {}}', None, "web.json#/HostConfig: expected an object, found an array"),
    ],
    ids=range(21),
)
def test_what_is_no_container_is_said_in_one_line(raw: bytes, name: str | None, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        importer(raw, "web.json", name)(None)
    assert message in refused.value.what
    assert refused.value.what.isprintable()


def test_hostile_names_are_shown_harmless() -> None:
    hostile = [container(Name="/\x1b[2J\nweb"), container(Name="/b")]
    with pytest.raises(RequestError) as refused:
        importer(json.dumps(hostile).encode(), "\x1b.json")
    assert refused.value.what.isprintable()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SPECIAL = st.sampled_from(
    ["", "a: b", "- x", "#", "\x1b[31m", "a\nb", '"', "'", "\\", "%", "!x", "&a", "*a", "yes", "null", "${image:PATH}"]
)


@given(
    st.lists(TEXTS | SPECIAL, max_size=4), st.dictionaries(st.from_regex("[A-Z]{1,5}", fullmatch=True), TEXTS | SPECIAL)
)
def test_words_and_variables_survive_exactly(words: list[str], variables: dict[str, str]) -> None:
    listed = [f"{name}={value}" for name, value in variables.items()]
    found = imported(Config_Cmd=words, Config_Env=listed, Config_Entrypoint=["/x"])
    read = load_one(found.text.encode(), "o.yaml")
    assert (read["command"].plain() if words else []) == words
    environment = read["environment"].plain() if variables else {}
    assert {name: value.replace("$${image:", "${image:") for name, value in environment.items()} == variables


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
RECORDED = inspects("28.5.2")


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a document something can be put in the place of something else."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(deeper for key, child in inner for deeper in places(child, (*place, key)))]


@given(st.sampled_from(sorted(RECORDED)), st.data(), JSON)
def test_any_other_value_anywhere_gives_an_overrides_file_or_one_clear_line(
    name: str, data: st.DataObject, value: object
) -> None:
    document = json.loads(RECORDED[name])
    *parents, last = data.draw(st.sampled_from([place for place in places(document) if place]))
    holder = document
    for step in parents:
        holder = holder[step]
    holder[last] = copy.deepcopy(value)
    said = complaint(json.dumps(document).encode())
    assert said.isprintable()
    assert not said or said.startswith("web.json")


def complaint(raw: bytes) -> str:
    """Why a file is refused; nothing where it gives an overrides file."""
    try:
        load_one(importer(raw, "web.json")(None).text.encode(), "o.yaml")
    except RequestError as refused:
        return refused.what
    return ""
