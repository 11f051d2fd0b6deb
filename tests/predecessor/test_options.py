"""What docs/from-docker.md promises who comes from riddler: each of its options, and what does the same here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.overrides.docker_inspect.inspected import container
from tests.support.command import bundler, call_bundler

PROJECT = Path(__file__).parents[2]
HELLO = PROJECT / "testdata/hello-amd64.tar"
OPTIONS = {"--host", "--bundle", "--force", "-f", "--hook", "--idroot", "--idlen", "-d", "version", "-h"}


def rows() -> dict[str, str]:
    section = (
        (PROJECT / "docs/from-docker.md").read_text().partition("## Coming from riddler\n")[2].partition("\n## ")[0]
    )
    cells = (line.strip("| ").partition(" | ") for line in section.splitlines() if line.startswith("| `"))
    return {theirs: ours for theirs, _, ours in cells}


def row(option: str) -> str:
    """What is to be done instead."""
    return next(ours for theirs, ours in rows().items() if option in theirs)


def config(*words: str) -> dict[str, Any]:
    inspected = json.dumps([container(Config_Image=f"docker-archive:{HELLO}")]).encode()
    found: dict[str, Any] = json.loads(bundler("config", "--from-inspect", "-", *words, stdin=inspected))
    return found


def written(option: str, path: Path) -> list[str]:
    """The overrides that the row proposes, each in a file."""
    found = [code for code in re.findall("`([^`]+)`", row(option)) if re.match("[a-z_]+: ", code)]
    for number, text in enumerate(found):
        (path / f"{number}.yaml").write_text(text)
    return [str(path / f"{number}.yaml") for number, _ in enumerate(found)]


def test_every_option_has_its_row() -> None:
    assert {word for theirs in rows() for word in re.findall(r"(?<![\w-])--?[a-z]+|version", theirs)} >= OPTIONS


def test_the_image_is_the_containers(tmp_path: Path) -> None:
    assert config()["process"]["args"] == ["sleep", "100000"]


def test_the_netns_hook_is_a_network_or_a_hook(tmp_path: Path) -> None:
    network, hook = written("prestart:netns", tmp_path)
    connected = config("--overrides", network)["hooks"]
    assert connected["createRuntime"][0]["path"] == "/usr/local/bin/netns"
    assert "poststop" in connected  # what riddler's never had: somebody takes it away again
    assert config("--overrides", hook)["hooks"] == {"prestart": [{"path": "/usr/local/bin/netns", "args": ["netns"]}]}


def test_the_words_of_a_hook_are_a_list(tmp_path: Path) -> None:
    (hook,) = written("poststop:rm", tmp_path)
    assert config("--overrides", hook)["hooks"] == {"poststop": [{"path": "/bin/rm", "args": ["rm", "-f", "a b"]}]}


def test_a_range_of_ids_is_asked_for() -> None:
    (words,) = re.findall("`(--uid-map [^`]+)`", row("--idroot"))
    linux = config(*words.split())["linux"]
    assert linux["uidMappings"] == linux["gidMappings"] == [{"containerID": 0, "hostID": 100000, "size": 65536}]
    assert {"type": "user"} not in config()["linux"]["namespaces"]


def test_version_and_help() -> None:
    assert bundler("--version").startswith("bundler ")
    assert "Usage" in bundler("-h")


@pytest.mark.root
def test_a_bundle_is_made_whole_replaced_whole_and_explained(tmp_path: Path) -> None:
    inspected = tmp_path / "web.json"
    inspected.write_text(json.dumps([container(Config_Image=f"docker-archive:{HELLO}", Host_ReadonlyRootfs=True)]))
    words: list[str | Path] = ["build", "--from-inspect", inspected, "-o", tmp_path / "web"]
    bundler(*words)
    before = (tmp_path / "web/config.json").read_bytes()
    assert before.endswith(b"}\n")
    assert json.loads(before)["root"]["readonly"] is True
    refused = call_bundler(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--force" in refused.stderr
    inspected.write_text(json.dumps([container(Config_User="nobody-at-all")]))
    assert call_bundler(*words, HELLO, "--force").returncode == 2
    assert (tmp_path / "web/config.json").read_bytes() == before
    inspected.write_text(json.dumps([container()]))
    bundler(*words, HELLO, "--force")
    assert json.loads((tmp_path / "web/config.json").read_bytes())["root"] == {"path": "rootfs"}
    assert "overrides web.json#/0/Config/Cmd" in bundler("explain", tmp_path / "web", "/process/args")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web", "web.json"]
