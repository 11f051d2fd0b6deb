"""What is imported goes into a build as values: it is written as YAML for people only, and held to the schema once."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.dry_run import preview
from bundler.images.platform import Platform
from bundler.overrides import validation, yaml_document
from bundler.overrides.compose.convert import load_compose
from bundler.overrides.docker_inspect.convert import load_inspect
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.settings import convert
from bundler.overrides.imports import Importer
from bundler.request import BuildRequest

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
CONTAINER = {"Id": "ab" * 32, "HostConfig": {"CapAdd": ["BPF"]}, "Config": {"Env": ["A=1"], "Image": "hello:1"}}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often overrides were held to the schema, and a YAML text was read, from here on."""
    counts: Counter[str] = Counter()

    def count(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **options)

        return counting

    monkeypatch.setattr(validation, "check", count("checks", validation.check))
    monkeypatch.setattr(yaml_document._Reader, "node", count("nodes", yaml_document._Reader.node))
    return counts


def previewed(*imports: Importer) -> dict[str, Any]:
    request = BuildRequest(image=str(HELLO), machine=Platform.parse("linux/amd64"), imports=imports)
    return preview(request).document


def test_an_inspect_is_read_as_json_alone(tmp_path: Path, counted: Counter[str]) -> None:
    file = tmp_path / "web.json"
    file.write_text(json.dumps([CONTAINER]))
    document = previewed(load_inspect(str(file), None))
    assert "CAP_BPF" in document["process"]["capabilities"]["bounding"]
    assert counted == {"checks": 1}


def test_a_docker_run_line_is_no_file(counted: Counter[str]) -> None:
    imported = convert(["--cap-add", "BPF", "hello:1"], Client())
    assert "CAP_BPF" in previewed(lambda _image: imported)["process"]["capabilities"]["bounding"]
    assert counted == {"checks": 1}


def test_a_compose_file_is_read_once(tmp_path: Path, counted: Counter[str]) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {web: {image: hello, cap_add: [BPF]}}")
    document = previewed(load_compose([str(file)], (), (), image_needed=False))
    assert "CAP_BPF" in document["process"]["capabilities"]["bounding"]
    assert counted == {"checks": 2, "nodes": 6}  # what the file says of the service, and what becomes of it
