"""A container on bridges whose addresses are known: /etc/hosts, the plugins, and what the hook is told."""

import json
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.hooks import carried_files
from bundler.conversion.mounts.etc_files import generated_files
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs

BRIDGE = {"name": "br-a", "subnet": "10.92.0.0/26", "gateway": "10.92.0.1", "address": "10.92.0.2"}
SIDE6 = {"subnet": "fd00:1::/64", "gateway": "fd00:1::1", "address": "fd00:1::2"}


def overrides(*listed: dict[str, Any], **more: Any) -> str:
    return json.dumps({"network_mode": "bridge", "name": "web", "bridges": listed, **more})


def test_the_container_finds_itself_at_all_its_addresses() -> None:
    hosts = generated_files(inputs(overrides(BRIDGE | {"ipv6": SIDE6}, BRIDGE | {"name": "b", "address": "10.92.0.9"})))
    assert hosts["hosts"].decode().splitlines()[-3:] == ["10.92.0.2\tweb", "fd00:1::2\tweb", "10.92.0.9\tweb"]


def test_the_machine_is_the_gateway_of_the_first_bridge_that_leads_out() -> None:
    inner = BRIDGE | {"internal": True}
    outer = {"name": "b", "subnet": "10.92.1.0/26", "gateway": "10.92.1.5", "address": "10.92.1.9"}
    hosts = generated_files(inputs(overrides(inner, outer, extra_hosts=["machine:host-gateway"])))["hosts"].decode()
    assert "10.92.1.5\tmachine\n" in hosts


def test_the_plugin_makes_the_bridge_and_gives_the_address() -> None:
    files = carried_files(inputs(overrides(BRIDGE, ports=["8080:80"])))
    plugin = json.loads(files["hooks/network-01-bridge.json"].content)
    assert (plugin["bridge"], plugin["name"], plugin["runtimeConfig"]) == ("br-a", "br-a", {"ips": ["10.92.0.2"]})
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.92.0.0/26", "gateway": "10.92.0.1"}]]
    assert "hooks/network-02-portmap.json" in files
    words = converted(overrides(BRIDGE))["hooks"]["createRuntime"][0]["args"]
    assert words[words.index("up") :][:4] == ["up", "br-a", "10.92.0.0/26", "-"]


@pytest.mark.parametrize(
    ("listed", "where"),
    [
        ([BRIDGE, BRIDGE | {"name": "b"}], "one bridge, so far"),
        ([BRIDGE | {"internal": True}], "internal"),
        ([BRIDGE | {"ipv6": SIDE6}], "ipv6"),
        ([BRIDGE | {"mtu": 1400}], "mtu"),
    ],
)
def test_what_no_hook_does_is_refused(listed: list[dict[str, Any]], where: str) -> None:
    with pytest.raises(RequestError, match=where) as caught:
        converted(overrides(*listed))
    assert caught.value.what.startswith("0.yaml:1:")


def test_bridges_without_a_connection_are_told_to_do_nothing() -> None:
    told = convert(inputs(json.dumps({"bridges": [BRIDGE]}))).warnings
    assert any("bridges: has no effect" in sentence for sentence in told)
