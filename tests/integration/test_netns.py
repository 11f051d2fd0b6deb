"""What the program netns leaves when a container is gone: taken away with the last one, as a hook of the bundle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler import data
from tests.support.machine import Machine, machine

pytestmark = [pytest.mark.root, pytest.mark.tool("ip", "nsenter")]
# Stands in for netns, of which Debian has no package: notes how it was called.
PROGRAM = '#!/bin/sh\necho "$@" >>"$0.calls"\nip link delete "$3"\n'


@pytest.fixture
def host() -> Iterator[Machine]:
    with machine() as made:
        made.must("mount", "-t", "sysfs", "sysfs", "/sys")  # which shows the network of who mounts it
        made.must("ip", "link", "add", "web0", "type", "bridge")
        yield made


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "hook").write_bytes(data.read("netns-release.sh"))
    (tmp_path / "netns").write_text(PROGRAM)
    (tmp_path / "netns").chmod(0o755)
    (tmp_path / ".ip").write_text("172.19.0.2")
    return tmp_path


def release(host: Machine, bundle: Path) -> list[str]:
    command = f"cd {bundle} && exec sh hook {bundle}/netns web0 .ip"
    host.must("sh", "-c", command)
    calls = bundle / "netns.calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_a_bridge_that_others_use_stays(host: Machine, bundle: Path) -> None:
    host.must("ip", "link", "add", "other", "type", "veth", "peer", "name", "inside")
    host.must("ip", "link", "set", "other", "master", "web0")
    assert release(host, bundle) == []
    assert not (bundle / ".ip").exists()
    host.must("ip", "link", "delete", "other")
    assert release(host, bundle) == ["rm --bridge web0"]


def test_releasing_again_is_no_failure(host: Machine, bundle: Path) -> None:
    assert release(host, bundle) == ["rm --bridge web0"]
    assert release(host, bundle) == ["rm --bridge web0"]
