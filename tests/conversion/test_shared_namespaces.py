"""Hooks that keep a container's namespaces where others find them."""

import json
from typing import Any

import pytest

from bundler.conversion.hook_scripts import hook_script
from bundler.conversion.hooks import carried_files
from bundler.conversion.shared_namespaces import place
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs


def overrides(**more: Any) -> str:
    return json.dumps({"container_name": "shop-db", "shared_namespaces": ["network", "pid", "network"], **more})


def words(hook: dict[str, Any]) -> list[str]:
    args: list[str] = hook["args"]
    return args[3:]


def test_namespaces_are_kept_under_the_containers_name_and_taken_away_again() -> None:
    hooks = converted(overrides())["hooks"]
    assert words(hooks["createRuntime"][0]) == ["hooks/namespaces", "up", "shop-db", "network", "pid"]
    assert words(hooks["poststop"][0]) == ["hooks/namespaces", "down", "shop-db"]
    assert carried_files(inputs(overrides()))["hooks/namespaces"].content == hook_script("namespaces")


def test_a_network_is_connected_before_it_is_kept_and_left_after_it() -> None:
    hooks = converted(overrides(network_mode="bridge"))["hooks"]
    assert [words(hook)[0] for hook in hooks["createRuntime"]] == ["hooks/network", "hooks/namespaces"]
    assert [words(hook)[0] for hook in hooks["poststop"]] == ["hooks/namespaces", "hooks/network"]


def test_another_container_joins_a_namespace_by_its_path() -> None:
    document = converted(json.dumps({"network_mode": f"ns:{place('shop-db', 'network')}"}))
    joined = {"type": "network", "path": "/run/bundler/namespaces/shop-db/network"}
    assert joined in document["linux"]["namespaces"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pid": "host"}, "shared_namespaces: pid: it is not the container's own"),
        ({"network_mode": "ns:/run/netns/x"}, "shared_namespaces: network: it is not"),
        ({"container_name": None}, "by container_name, which is missing"),
    ],
)
def test_what_is_not_there_to_be_shared_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        converted(overrides(**more))
