"""Overrides made from the schema itself: each is refused in one line, or becomes a valid runtime config."""

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from bundler.conversion.convert import convert
from bundler.errors import BundlerError
from bundler.overrides import schema
from bundler.overrides.load import load
from bundler.runtime_spec.validity import malformed
from tests.support.inputs import inputs

PROPERTIES: dict[str, Any] = schema.document()["properties"]
SPEC_SCHEMA = Path("/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema")
# Newer than the packaged schema (1.0.2 and some of 1.1), or spelled by every runtime though no schema has it: rslave.
NEWER = re.compile(
    r"\$\.linux\.(namespaces\[\d+\]|rootfsPropagation|seccomp\.(flags|architectures)\[\d+\]|netDevices|"
    r"memoryPolicy|intelRdt|timeOffsets)|\$\.process\.(scheduler|ioPriority|execCPUAffinity)"
)
TEXTS = [
    "a",
    "/a",
    "/dev/null",
    "1",
    "0",
    "1000",
    "10m",
    "1.5",
    "host",
    "private",
    "ns:/n",
    "A=1",
    "ALL",
    "kill",
    "root",
]
PATCH = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 1 << 33) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["path", "x", "a"]), inner, max_size=2),
    max_leaves=4,
)


def values(rule: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of the types that `rule` names, mostly right ones."""
    if "$ref" in rule:
        group, name = rule["$ref"].removeprefix("#/").split("/")
        return values(schema.document()[group][name], depth)
    for choice in ("anyOf", "oneOf"):
        if choice in rule:
            return st.one_of([values(branch, depth) for branch in rule[choice]])
    if "enum" in rule or "const" in rule:
        return st.sampled_from(rule.get("enum") or [rule["const"]])
    kinds = rule.get("type", "object" if "properties" in rule else "string")
    return st.one_of([typed(kind, rule, depth) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def typed(kind: str, rule: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            most = rule.get("maximum", 1 << 40)
            edges = [number for number in (rule.get("minimum", -1), 0, 1, most) if number <= most]
            return st.sampled_from(edges) | st.integers(-1, 1 << 20)
        case "array":
            return st.lists(values(rule.get("items", {}), depth + 1), max_size=2)
        case "object":
            return objects(rule, depth)
        case _:
            return st.sampled_from(TEXTS)


def objects(rule: dict[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    if depth > 4:
        return st.just({})
    required = set(rule.get("required", ()))
    members = {name: values(inner, depth + 1) for name, inner in rule.get("properties", {}).items()}
    fixed = st.fixed_dictionaries(
        {name: member for name, member in members.items() if name in required},
        optional={name: member for name, member in members.items() if name not in required},
    )
    further = rule.get("additionalProperties", False)
    if further is False:
        return fixed
    inner = values(further, depth + 1) if isinstance(further, dict) and further else PATCH
    return fixed | st.dictionaries(
        st.sampled_from(["a", "/data", "nofile", "net.core.somaxconn", "eth0"]), inner, max_size=2
    )


def entry(key: str) -> st.SearchStrategy[Any]:
    """An example of the schema, or something of its types."""
    return st.sampled_from(PROPERTIES[key]["examples"]) | values(PROPERTIES[key])


ENTRIES = {key: entry(key) for key in PROPERTIES if key not in ("profile", "spec_patch")}
DOCUMENTS = st.sets(st.sampled_from(sorted(ENTRIES)), max_size=5).flatmap(
    lambda keys: st.fixed_dictionaries({key: ENTRIES[key] for key in sorted(keys)})
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.dictionaries(st.sampled_from(["process", "linux", "root", "hooks", "mounts"]), PATCH, max_size=2),
        "spec_patch": st.lists(
            st.fixed_dictionaries(
                {
                    "op": st.sampled_from(["add", "remove", "replace", "test"]),
                    "path": st.sampled_from(["/process/args", "/mounts/0", "/linux/namespaces/-", "/root/path"]),
                    "value": PATCH,
                }
            ),
            max_size=2,
        ),
    },
)


def outcome(document: dict[str, Any]) -> tuple[Any, str]:
    """The runtime config, or the line of the refusal."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "o.yaml")
        file.write_text(json.dumps(document))
        try:
            return convert(replace(inputs(), overrides=load([str(file)]))).document, ""
        except BundlerError as error:
            return None, error.what


@given(DOCUMENTS, SPECS)
def test_what_is_not_refused_in_one_line_is_valid(document: dict[str, Any], patches: dict[str, Any]) -> None:
    converted, refusal = outcome(document | patches)
    assert refusal.isprintable()
    assert converted is None or list(malformed(converted)) == []


@pytest.mark.parametrize("key", PROPERTIES)
def test_every_example_of_the_schema_is_refused_in_one_line_or_valid(key: str) -> None:
    for value in PROPERTIES[key]["examples"]:
        converted, refusal = outcome({key: value})
        assert refusal.isprintable()
        assert converted is None or list(malformed(converted)) == []


def packaged_schema() -> Draft4Validator:
    documents = {path.name: json.loads(path.read_bytes()) for path in SPEC_SCHEMA.glob("*.json")}
    resources = [(name, DRAFT4.create_resource(document)) for name, document in documents.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft4Validator(documents["config-schema.json"], registry=registry)


@pytest.mark.tool(str(SPEC_SCHEMA))
@given(DOCUMENTS)
@example({"seccomp": {"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1 << 32}})
def test_the_runtime_specs_own_schema_agrees_as_far_as_it_goes(document: dict[str, Any]) -> None:
    converted, _ = outcome(document)
    errors = [] if converted is None else packaged_schema().iter_errors(converted)
    assert [error.json_path + error.message for error in errors if not NEWER.match(error.json_path)] == []
