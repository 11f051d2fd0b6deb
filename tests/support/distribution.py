"""A plugin of pytest's: which tests run in the same pytest-xdist worker, in which order, and on what machine."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from execnet import XSpec
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WORKER = Path(__file__).with_name("worker")
INTEGRATION = "tests/integration/"
# Modules that stay together, the longest first: what they share is made once, and containers of one name (`web`) never
# meet in the control groups of the machine, which workers share. Every other module is a group of its own; those behind
# them take half a minute or more.
GROUPS = {
    "dockerd, and the images of services": ("moved_services", "services", "moving_in"),
    "dockerd, and containers of fixed names": (
        *("docker_parity", "docker", "docker_lines", "compose_daemon", "documentation"),
        *("networks", "runs_of_one_bundle", "networks_of_users", "netns"),
    ),
    **{
        name: (name,)
        for name in ("backup", "compose_parity", "kit_upgrade", "install_page", "debian", "power_cut", "tar_dialects")
    },
}
_GROUP_OF = {
    **{f"{INTEGRATION}test_{module}.py": name for name, modules in GROUPS.items() for module in modules},
    # They parse all of bundler, and remember it.
    **dict.fromkeys(["tests/test_architecture.py", "tests/test_code_rules.py"], "all of bundler, parsed"),
}


def pytest_xdist_setupnodes(specs: list[XSpec]) -> None:
    """As root, each worker gets a machine of its own."""
    if os.geteuid() == 0:
        for spec in specs:
            spec.python = shlex.join([str(WORKER), sys.executable])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> "ByGroup":
    return ByGroup(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)


def group_of(nodeid: str) -> str:
    module = nodeid.partition("::")[0]
    return _GROUP_OF.get(module, module)


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """What takes long comes first, so that no worker is left alone with it in the end."""
    ranks = {name: rank for rank, name in enumerate(GROUPS)}

    def rank(item: pytest.Item) -> int:
        return ranks.get(group_of(item.nodeid), len(ranks) + (not item.nodeid.startswith(INTEGRATION)))

    return sorted(items, key=rank)


class ByGroup(LoadScopeScheduling):
    """Each worker takes the next group when it is done with its own."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
