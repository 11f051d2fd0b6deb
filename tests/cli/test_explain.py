"""`bundler explain`: every value of a bundle and of a config.json alone, for people and for programs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler, call_bundler

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose overrides change the PATH."""
    folder = tmp_path_factory.mktemp("explain")
    (folder / "o.yaml").write_text("environment: {PATH: /bin}\n")
    bundler("build", HELLO, "--overrides", folder / "o.yaml", "-o", folder / "bundle")
    return folder / "bundle"


def explained(*arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bundler("explain", "--json", *arguments))["values"]
    return found


@pytest.mark.root
def test_a_value_is_explained_with_what_it_beat(bundle: Path) -> None:
    (path,) = explained(bundle, "/process/env/0")
    image, profile = path.pop("beat")
    assert path == {"pointer": "/process/env/0", "value": "PATH=/bin", "origin": "overrides o.yaml:1:21"}
    assert re.fullmatch(r"image sha256:[0-9a-f]{64}#/config/Env/0", image)
    assert profile == "profile docker@28#/process/env/0"


@pytest.mark.root
def test_the_config_of_a_bundle_finds_its_record(bundle: Path) -> None:
    assert explained("--config", bundle / "config.json", "/process") == explained(bundle, "/process")


@pytest.mark.root
def test_a_pipe_gets_aligned_lines(bundle: Path) -> None:
    lines = bundler("explain", bundle, "/process/env").splitlines()
    assert len({line.index("  ") for line in lines}) == 1
    assert "profile docker@28#/process/env/0" in lines[0]


@pytest.mark.root
def test_a_config_that_was_changed_is_explained_by_the_defaults(bundle: Path, tmp_path: Path) -> None:
    config = json.loads((bundle / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "bundler.json").write_bytes((bundle / "bundler.json").read_bytes())
    done = call_bundler("explain", tmp_path, "/process/oomScoreAdj")
    assert done.stderr == "bundler: warning: config.json was changed since bundler.json was written\n"
    assert done.stdout.split() == ["/process/oomScoreAdj", "0", "profile", "docker@28#/process/oomScoreAdj"]


def test_a_config_by_itself_is_compared_with_a_profile(tmp_path: Path) -> None:
    config = tmp_path / "other.json"
    config.write_text('{"ociVersion": "1.0.0", "linux": {"namespaces": [{"type": "time"}, {"type": "pid"}]}}')
    assert [leaf["origin"] for leaf in explained("--config", config, "/linux")] == [
        "unknown",
        "profile docker@28#/linux/namespaces/3",
    ]
    later = explained("--config", config, "--profile", "docker@29", "/linux")
    assert [leaf["origin"].partition("#")[0] for leaf in later] == ["profile docker@29"] * 2


REFUSED: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "nothing to explain"),
    "too much": (["a", "b", "--config", "c"], "only a POINTER can follow"),
    "no bundle": (["/nonexistent"], "/nonexistent does not exist"),
    "a place that is not there": (["--config", "-", "/ociVersions"], "hint: did you mean /ociVersion?"),
    "an unknown profile": (["--config", "-", "--profile", "podman"], "unknown profile 'podman'"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_request_is_refused(arguments: list[str], message: str) -> None:
    done = call_bundler("explain", *arguments, stdin=b'{"ociVersion": "1.0.0"}')
    assert done.returncode == 2
    assert message in done.stderr
