"""The same image gives the same bytes, whoever builds it, where and when."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import call_bundler
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

OVERRIDES = """\
environment: {ZEBRA: "1", ALPHA: "2"}
cap_add: [SYS_PTRACE]
tmpfs: [/scratch, /b, /a]
sysctls: {net.core.somaxconn: "1024", kernel.msgmax: "8192"}
ulimits: {nproc: 64, nofile: {soft: 1024, hard: 2048}}
"""

CIRCUMSTANCES: dict[str, dict[str, Any]] = {
    "another folder": {},
    "another umask": {"umask": 0o077},
    "another locale": {"env": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"}},
    "another time zone": {"env": {"TZ": "Pacific/Kiritimati"}},
    "another hash seed": {"env": {"PYTHONHASHSEED": "4242"}},
    "another home and host name": {"env": {"HOME": "/nonexistent", "HOSTNAME": "elsewhere", "USER": "somebody"}},
    "another temporary folder": {"env": {"TMPDIR": "/var/tmp"}},
}


def build(archive: Path, directory: Path, **circumstances: Any) -> Path:
    directory.mkdir()
    (directory / "overrides.yaml").write_text(OVERRIDES)
    image = f"docker-archive:{archive}:golden/full:1"
    options = ["--overrides", "overrides.yaml", "--output", "bundle"]
    done = call_bundler("build", image, *options, cwd=directory, **circumstances)
    assert done.returncode == 0, done.stderr
    return directory / "bundle"


@pytest.fixture(scope="module")
def usual(golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(golden_archives["docker28"], tmp_path_factory.mktemp("usual") / "folder")


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_bundle_is_the_same_with(
    golden_archives: dict[str, Path], usual: Path, tmp_path: Path, circumstance: str
) -> None:
    folder = tmp_path / circumstance.replace(" ", "-")
    bundle = build(golden_archives["docker28"], folder, **CIRCUMSTANCES[circumstance])
    for document in ("config.json", "bundler.json", "rootfs.mtree"):
        assert (bundle / document).read_bytes() == (usual / document).read_bytes()
    assert differences(tree(bundle / "rootfs"), tree(usual / "rootfs")) == {}


def test_config_says_what_build_writes(golden_archives: dict[str, Path], usual: Path, tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_text(OVERRIDES)
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    shown = call_bundler("config", image, "--overrides", tmp_path / "overrides.yaml")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == json.loads((usual / "config.json").read_bytes())
