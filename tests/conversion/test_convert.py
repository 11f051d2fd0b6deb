"""The whole conversion: patches, versions, and what holds for any overrides at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.conversion import merge_patch
from bundler.conversion.convert import RULES, ConvertedConfig, convert
from bundler.errors import BundlerError
from bundler.origins import UNSET, pointer_tokens
from bundler.overrides.yaml_document import parse
from bundler.runtime_spec.oci_version import lowest
from bundler.runtime_spec.runtime_config import RuntimeConfig
from tests.support.inputs import converted, inputs


def reached(document: Any, pointer: str) -> Any:
    """What `pointer` points at, UNSET for nothing."""
    for token in pointer_tokens(pointer):
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return UNSET
    return document


def dangling(runtime_config: ConvertedConfig) -> list[str]:
    origins = runtime_config.origins
    return [pointer for pointer in origins if reached(runtime_config.document, pointer) is UNSET]


# The examples of RFC 7396, appendix A: target, patch, result.
APPENDIX = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), APPENDIX)
def test_a_patch_does_what_rfc_7396_says(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch.apply(target, parse(json.dumps(patch).encode(), "o"), {}) == result


@pytest.mark.parametrize(
    ("patch", "pointer", "value"),
    [
        ("{linux: {rootfsPropagation: rslave}}", "/linux/rootfsPropagation", "rslave"),
        ("{linux: {seccomp: null}}", "/linux/seccomp", UNSET),
        ("{process: {env: [A=1]}}", "/process/env", ["A=1"]),
        ("{annotations: {a/b: c}}", "/annotations", {"a/b": "c"}),
        ("{ociVersion: 1.2.1}", "/ociVersion", "1.2.1"),
        ("{root: !override {path: other}}", "/root", {"path": "other"}),
        ("{mounts: !reset null}", "/mounts/0/destination", "/proc"),
    ],
)
def test_spec_reaches_every_field_and_says_so(patch: str, pointer: str, value: Any) -> None:
    runtime_config = convert(inputs(f"spec: {patch}"))
    assert reached(runtime_config.document, pointer) == value
    assert dangling(runtime_config) == []


@pytest.mark.parametrize("version", ["null", "''"])
def test_a_version_that_spec_takes_away_is_chosen_again(version: str) -> None:
    runtime_config = convert(inputs(f"spec: {{ociVersion: {version}}}"))
    assert next(iter(runtime_config.document.items())) == ("ociVersion", "1.1.0")
    assert runtime_config.origins["/ociVersion"].source == "bundler"


@pytest.mark.parametrize(
    ("spec", "cwd"),
    [("{}", "/"), ("{process: null}", "/"), ("{process: {cwd: /x}}", "/x")],
)
def test_the_working_directory_is_that_of_the_finished_document(spec: str, cwd: str) -> None:
    assert convert(inputs(f"spec: {spec}")).working_directory == cwd


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ({}, "1.0.0"),
        ({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}}, "1.0.0"),
        ({"annotations": {"org.opencontainers.image.os": "linux"}}, "1.0.0"),
        ({"process": {"user": {"umask": 18}}}, "1.0.2"),
        ({"hooks": {"createRuntime": []}}, "1.0.2"),
        ({"linux": {"seccomp": {"syscalls": [{"action": "SCMP_ACT_LOG"}]}}}, "1.0.2"),
        ({"linux": {"intelRdt": {"closID": "a"}}}, "1.0.2"),
        ({"domainname": "a"}, "1.1.0"),
        ({"linux": {"namespaces": [{"type": "time"}]}}, "1.1.0"),
        ({"linux": {"seccomp": {"defaultErrnoRet": 1}}}, "1.1.0"),
        ({"linux": {"seccomp": {"syscalls": [{"errnoRet": 38}]}}}, "1.1.0"),
        ({"linux": {"seccomp": {"architectures": ["SCMP_ARCH_RISCV64"]}}}, "1.1.0"),
        ({"linux": {"seccomp": {"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}}}, "1.1.0"),
        ({"linux": {"intelRdt": {"enableCMT": True}}}, "1.1.0"),
        ({"linux": {"resources": {"unified": {"memory.high": "1"}}}}, "1.1.0"),
        ({"mounts": [{"destination": "/a"}, {"destination": "/b", "uidMappings": []}]}, "1.1.0"),
        ({"mounts": [{"destination": "a"}]}, "1.2.0"),
        ({"mounts": [{"destination": "/a", "options": ["ro", "idmap"]}]}, "1.2.0"),
        ({"linux": {"seccomp": {"architectures": ["SCMP_ARCH_M68K"]}}}, "1.2.1"),
        ({"process": {"execCPUAffinity": {"initial": "0"}}}, "1.2.1"),
        ({"linux": {"netDevices": {}}, "domainname": "a"}, "1.3.0"),
        ({"vm": {"hwconfig": {}}}, "1.3.0"),
        ({"mounts": 5, "linux": [], "process": None}, "1.0.0"),
    ],
)
def test_the_version_is_the_lowest_that_has_every_field(document: Any, version: str) -> None:
    assert lowest(RuntimeConfig(document)) == version


def test_no_rule_owns_what_another_owns() -> None:
    assert [(one, other) for one in RULES for other in RULES if other.startswith(f"{one}/")] == []


words = st.sampled_from(
    ["a", "/x", "/dev", "app", "29", "ghost", "ALL", "NET_ADMIN", "net.core.somaxconn", "A=1", "-1", ""]
)
scalars = st.none() | st.booleans() | st.integers(-2, 2**33) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "command": st.lists(words, max_size=2),
        "entrypoint": words | st.lists(words, max_size=2),
        "environment": st.lists(words.filter(bool), max_size=3)
        | st.dictionaries(words.filter(bool), scalars, max_size=3),
        "user": words,
        "group_add": st.lists(words, max_size=2),
        "cap_add": st.lists(st.sampled_from(["ALL", "kill", "CAP_BPF"]), max_size=2),
        "cap_drop": st.lists(st.sampled_from(["ALL", "kill", "CAP_BPF"]), max_size=2),
        "privileged": st.booleans(),
        "read_only": st.booleans(),
        "tty": st.booleans() | st.none(),
        "volumes": st.lists(
            st.sampled_from(["/h:/x", "v:/x/y:ro", "./o:/o", "/anon", "/h:/dev", "v:/v:nocopy"]), max_size=3
        ),
        "tmpfs": st.sampled_from(["/run", "/x:exec,size=1m", "/dev/shm"]),
        "network_mode": st.sampled_from(["host", "none", "ns:/n"]),
        "mem_limit": st.sampled_from(["6m", "1g", 0]),
        "spec": st.dictionaries(
            st.sampled_from(["process", "linux", "mounts", "ociVersion", "x"]), anything, max_size=2
        ),
    },
)
keys = [
    "user",
    "command",
    "environment",
    "volumes",
    "tmpfs",
    "ulimits",
    "cpus",
    "seccomp",
    "spec",
    "cap_add",
    "nonsense",
]
documents = likely | st.dictionaries(st.sampled_from(keys), anything, max_size=3)


@given(documents)
def test_any_overrides_are_refused_in_one_line_or_give_a_sound_config(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    try:
        runtime_config = convert(inputs(text))
    except BundlerError as error:
        refusal = error.what
    else:
        refusal = ""
        written = json.dumps(runtime_config.document, allow_nan=False)
        assert dangling(runtime_config) == []
        assert json.dumps(convert(inputs(text)).document) == written
    assert refusal == "" or refusal.isprintable()


def test_two_conversions_give_the_same_bytes() -> None:
    text = "cap_add: [ALL]\nvolumes: [a:/a, b:/b]\nenvironment: {A: 1}"
    assert json.dumps(converted(text)) == json.dumps(converted(text))
