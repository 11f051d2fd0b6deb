"""`bundler overrides from-inspect`, and builds from what inspect says, as a person runs them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler, call_bundler

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
CONTAINER: dict[str, Any] = {
    "Id": "ab" * 32,
    "Name": "/web",
    "Image": f"sha256:{'0' * 64}",
    "HostConfig": {"AutoRemove": True, "ReadonlyRootfs": True, "NetworkMode": "host"},
    "Config": {"Hostname": "web1", "Env": ["TOKEN=hush", "A=1"], "Entrypoint": ["/init"], "Image": "hello:1"},
}
FILE = """\
image: hello:1
entrypoint: [/init]
environment: ["TOKEN=hush", "A=1"]
hostname: web1
read_only: true
network_mode: host
container_name: web
"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    path = tmp_path / "web.json"
    path.write_text(json.dumps([CONTAINER, {**CONTAINER, "Name": "/db"}]))
    return path


def test_the_overrides_file_is_on_standard_output_and_the_rest_beside_it(web: Path) -> None:
    done = call_bundler("overrides", "from-inspect", web, "--name", "web")
    assert done.stdout == FILE
    assert done.stderr.splitlines() == [
        "bundler: no trace in config.json of HostConfig.AutoRemove: a daemon sees to it",
        "bundler: looks secret, and is kept as it is: TOKEN",
    ]


def test_standard_input_is_a_file_as_well(web: Path) -> None:
    assert bundler("overrides", "from-inspect", "-", "--name", "web", stdin=web.read_bytes()) == FILE


def test_an_image_that_is_named_takes_the_place_of_the_containers(web: Path) -> None:
    done = call_bundler("overrides", "from-inspect", web, "--name", "web", "--image", HELLO)
    assert done.stdout == FILE.replace("hello:1", str(HELLO))
    assert "the container was made from another image" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["-"], b"[{]", "<standard input>: not JSON at line 1, column 3"),
        (["-"], b'[{"RepoTags": []}]', "this is the inspect of an image, not of a container"),
        (["/nowhere.json"], b"", "the file /nowhere.json does not exist"),
        (["-", "--image", "-"], b"", "standard input can be read only once"),
    ],
    ids=["truncated", "an image", "missing", "standard input twice"],
)
def test_what_cannot_be_imported_ends_with_2(arguments: list[str], stdin: bytes, message: str) -> None:
    done = call_bundler("overrides", "from-inspect", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_config_takes_both_steps_at_once_and_overrides_win(web: Path, tmp_path: Path) -> None:
    above = tmp_path / "above.yaml"
    above.write_text("hostname: above\n")
    arguments = ("--from-inspect", web, "--name", "web", "--overrides", above)
    done = call_bundler("config", HELLO, *arguments)
    written = json.loads(done.stdout)
    assert written["hostname"] == "above"
    assert written["root"]["readonly"] is True
    assert {"TOKEN=hush", "A=1"} <= set(written["process"]["env"])
    assert "looks secret" in done.stderr
    assert "hush" not in done.stderr
    assert call_bundler("config", HELLO, "--quiet", *arguments).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "web"], "--name chooses a container of --from-inspect FILE"),
        (["--from-inspect", "-", "--overrides", "-"], "standard input can be read only once"),
    ],
)
def test_options_that_cannot_stand_together_end_with_2(arguments: list[str], message: str) -> None:
    done = call_bundler("harden", HELLO, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.root
def test_a_bundle_says_which_field_set_a_value(web: Path, tmp_path: Path) -> None:
    bundler("build", HELLO, "--from-inspect", web, "--name", "web", "-o", tmp_path / "bundle", "--check-reproducible")
    (found,) = json.loads(bundler("explain", "--json", tmp_path / "bundle", "/root/readonly"))["values"]
    assert found["origin"] == "overrides web.json#/0/HostConfig/ReadonlyRootfs"
    recorded = json.loads((tmp_path / "bundle/bundler.json").read_bytes())
    assert [file["name"] for file in recorded["overrides"]] == ["web.json"]
