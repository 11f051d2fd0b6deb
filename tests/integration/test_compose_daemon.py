"""Compose services as docker-compose has a real daemon create them, beside their bundles' config.json."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler
from tests.support.docker import Docker

pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in ("dockerd", "docker", "docker-compose"))]

# The image has an entrypoint, a command, a user, a working directory and a stop signal.
IMAGE = "golden/full:1"
SERVICES = {
    "nothing": "",
    "no-command": "command: []",
    "empty-command": "command: ''",
    "no-entrypoint": "entrypoint: []",
    "empty-entrypoint": "entrypoint: ''",
    "entrypoint": "entrypoint: /bin/top -b",
    "entrypoint-without-command": "entrypoint: [/bin/top]\n    command: []",
    "both": "entrypoint: [/bin/top]\n    command: -b -n '1 2'",
    "command-without-entrypoint": "entrypoint: []\n    command: [/bin/top]",
}


def compose_file(folder: Path) -> Path:
    services = "".join(
        f"  {name}:\n    image: {IMAGE}\n    network_mode: none\n    {text}\n" for name, text in SERVICES.items()
    )
    path = folder / "compose.yaml"
    path.write_text(f"version: '3'\nservices:\n{services}")
    return path


def created(docker: Docker, path: Path) -> dict[str, dict[str, Any]]:
    """What the daemon says of each service's container. The containers are gone afterwards."""
    command = ["docker-compose", "--host", docker.host, "--project-name", "words", "--file", str(path)]
    subprocess.run([*command, "up", "--no-start"], check=True, timeout=240, capture_output=True)
    try:
        listed = docker("ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project=words")
        containers = json.loads(docker("inspect", *listed.split()))
    finally:
        subprocess.run([*command, "down"], check=True, timeout=240, capture_output=True)
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in containers}


def test_words_are_joined_as_by_the_daemon(docker: Docker, golden_archives: dict[str, Path], tmp_path: Path) -> None:
    archive = golden_archives["docker20"]
    docker("load", "--input", archive)
    path = compose_file(tmp_path)
    containers = created(docker, path)
    words = {name: [each["Path"], *each["Args"]] for name, each in containers.items()}
    assert words == {name: json.loads(config_of(archive, path, name))["process"]["args"] for name in SERVICES}


def config_of(archive: Path, path: Path, service: str) -> str:
    return bundler("config", f"docker-archive:{archive}:{IMAGE}", "--from-compose", f"{path}:{service}")
