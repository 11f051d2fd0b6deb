"""Annotations, and labels that become some."""

from typing import Any

import pytest

from bundler.errors import RequestError
from tests.support.inputs import COMMAND, converted

LABELS = {
    **COMMAND,
    "Labels": {"org.example.a": "1", "run.oci.handler": "wasm", "org.systemd.property.X": "1"},
    "StopSignal": "SIGINT",
}


def annotations(*texts: str, config: dict[str, Any] | None = None) -> dict[str, str]:
    found: dict[str, str] = converted(*texts, config=config).get("annotations", {})
    return found


def test_dockerd_makes_no_label_an_annotation() -> None:
    assert annotations(config=LABELS) == {}
    assert annotations("labels: {a: b}") == {}


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("none", set()),
        ("safe", {"org.example.a", "own"}),
        ("{}", {"org.example.a", "own"}),
        ("{allow: [org.*]}", {"org.example.a"}),
        ("{allow: ['*'], deny: [own]}", {"org.example.a"}),
        ("{allow: [run.oci.handler]}", {"run.oci.handler"}),
        ("{allow: [run.oci.handler], deny: [run.*]}", set()),
    ],
)
def test_a_label_that_a_runtime_acts_on_passes_by_its_full_name_only(policy: str, found: set[str]) -> None:
    assert set(annotations(f"{{labels: [own=1], label_policy: {policy}}}", config=LABELS)) == found


def test_spec_adds_what_the_image_says_elsewhere() -> None:
    config = {**LABELS, "ExposedPorts": {"80/tcp": {}}, "Labels": {"org.opencontainers.image.os": "label"}}
    assert annotations("label_policy: spec", config=config) == {
        "org.opencontainers.image.architecture": "amd64",
        "org.opencontainers.image.exposedPorts": "80/tcp",
        "org.opencontainers.image.os": "label",
        "org.opencontainers.image.stopSignal": "SIGINT",
    }


def test_annotations_win_over_labels_and_null_removes_those_of_lower_files() -> None:
    files = ("{annotations: {a: 1, b: 2}, labels: {a: 0}, label_policy: safe}", "annotations: {b: null, c: 1.10}")
    assert annotations(*files) == {"a": "1", "c": "1.10"}


@pytest.mark.parametrize(
    "name", ["run.oci.handler", "org.systemd.property.X", "module.wasm.image/variant", "io.katacontainers.x"]
)
def test_an_annotation_that_a_runtime_acts_on_has_to_be_allowed(name: str) -> None:
    with pytest.raises(RequestError, match=r"0\.yaml:1:.*annotations: a runtime acts on"):
        annotations(f"annotations: {{{name}: x}}")
    assert annotations(f"annotations: {{{name}: {{value: x, allow_unsafe: true}}}}") == {name: "x"}
