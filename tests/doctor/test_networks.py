"""Which programs a bundle's own network hook would look for."""

from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.bundled_hooks import start
from bundler.doctor import networks
from bundler.runtime_spec.runtime_config import RuntimeConfig

UP = RuntimeConfig(
    {"hooks": {"createRuntime": [start("hooks/network", ["up", "bundler0", "10.90.0.0/16", "-", "machine"])]}}
)


def bundle(folder: Path, *plugins: str) -> Path:
    (folder / "hooks").mkdir()
    for number, name in enumerate(plugins):
        (folder / f"hooks/network-{number:02}-{name}.json").write_text("{}")
    return folder


def test_root_needs_the_plugins_and_iptables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = networks.missing_programs(bundle(tmp_path, "no-such-plugin"), UP, root=True)
    assert missing == ("flock", "nsenter", "iptables", "ip", "awk", "the CNI plugin no-such-plugin")


def test_others_need_one_of_two_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = bundle(tmp_path, "bridge")
    assert networks.missing_programs(made, UP, root=False) == ("pasta or slirp4netns",)
    (tmp_path / "pasta").touch(0o755)
    assert networks.missing_programs(made, UP, root=False) == ()


@pytest.mark.parametrize(
    "document", [{}, {"hooks": {"createRuntime": [{"path": "/x"}, {"path": "/x", "args": ["sh"]}]}}]
)
def test_other_bundles_need_nothing(tmp_path: Path, document: Any) -> None:
    assert networks.missing_programs(tmp_path, RuntimeConfig(document), root=True) == ()


def test_where_plugins_lie_is_what_the_hook_says() -> None:
    assert "/opt/cni/bin" in networks._folders()


def test_a_hook_that_the_bundle_carries_is_known_by_its_file() -> None:
    listed = [start("hooks/setup", ["a"]), {"path": "/bin/sh", "args": ["sh", "-c", "true", "x"]}]
    hooks = RuntimeConfig({"hooks": {"poststop": listed}}).hooks
    assert [networks.carried(hook) for hook in hooks] == ["hooks/setup", None]
