"""config.json against the runtime-spec's own JSON Schema, as Debian packages it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.support.command import bundler
from tests.support.golden_images import NAMES

SCHEMA = Path("/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema")
pytestmark = [pytest.mark.tool("busybox"), pytest.mark.tool(str(SCHEMA))]

# Every part of config.json that an overrides file can fill.
EVERYTHING = """\
command: [sleep, '1']
hostname: host.example
user: '1000:1000'
group_add: ['2000']
tty: true
read_only: true
cap_add: [NET_ADMIN]
cap_drop: [MKNOD]
tmpfs: ['/scratch:size=1m']
volumes: ['cache:/cache', '/usr:/host/usr:ro']
sysctls: {net.core.somaxconn: '1024'}
ulimits: {nofile: {soft: 1024, hard: 2048}}
mem_limit: 64m
cpus: 1.5
pids_limit: 100
security_opt: ['no-new-privileges:true']
"""


def validator() -> Draft4Validator:
    documents = {path.name: json.loads(path.read_bytes()) for path in SCHEMA.glob("*.json")}
    resources = [(name, DRAFT4.create_resource(document)) for name, document in documents.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft4Validator(documents["config-schema.json"], registry=registry)


def problems(config: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(json.loads(config))]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "plain"])
def test_what_an_image_gives_is_valid(golden_archives: dict[str, Path], name: str) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/{name}:1"
    assert problems(bundler("config", image)) == []


def test_what_overrides_give_is_valid(golden_archives: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_text(EVERYTHING)
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    assert problems(bundler("config", image, "--overrides", tmp_path / "overrides.yaml")) == []


def test_the_schema_does_refuse_what_is_wrong() -> None:
    assert problems('{"ociVersion": "1.0.2", "process": {"cwd": "/", "args": "no list"}}') != []
