"""A container on bridges whose addresses are known: /etc/hosts, the plugins, and what the hook is told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.hooks import carried_files
from bundler.conversion.mounts.etc_files import generated_files
from bundler.errors import RequestError
from tests.conversion.test_hooks import loaded
from tests.support.inputs import converted, inputs

BRIDGE = {"name": "br-a", "subnet": "10.92.0.0/26", "gateway": "10.92.0.1", "address": "10.92.0.2"}
SIDE6 = {"subnet": "fd00:1::/64", "gateway": "fd00:1::1", "address": "fd00:1::2"}
OTHER = {"name": "br-b", "subnet": "10.93.0.0/26", "gateway": "10.93.0.1", "address": "10.93.0.2"}


def overrides(*listed: dict[str, Any], **more: Any) -> str:
    return json.dumps({"network_mode": "bridge", "name": "web", "bridges": listed, **more})


def plugins(*listed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The configurations, by the names of their files."""
    files = carried_files(inputs(overrides(*listed, **more)))
    stems = {path: path.removeprefix("hooks/").removesuffix(".json") for path in files if path.endswith(".json")}
    return {stem: json.loads(files[path].content) for path, stem in stems.items()}


def words(*listed: dict[str, Any], **more: Any) -> list[str]:
    """What the hook is told behind `up`."""
    args: list[str] = converted(overrides(*listed, **more))["hooks"]["createRuntime"][0]["args"]
    return args[args.index("up") + 1 :]


def routes(plugin: dict[str, Any]) -> list[str]:
    return [route["dst"] for route in plugin["ipam"]["routes"]]


def mapped(plugin: dict[str, Any]) -> list[tuple[int, str | None]]:
    return [(port["hostPort"], port.get("hostIP")) for port in plugin["runtimeConfig"]["portMappings"]]


def test_the_container_finds_itself_at_all_its_addresses() -> None:
    hosts = generated_files(inputs(overrides(BRIDGE | {"ipv6": SIDE6}, BRIDGE | {"name": "b", "address": "10.92.0.9"})))
    assert hosts["hosts"].decode().splitlines()[-3:] == ["10.92.0.2\tweb", "fd00:1::2\tweb", "10.92.0.9\tweb"]


def test_the_machine_is_the_gateway_of_the_first_bridge_that_leads_out() -> None:
    inner = BRIDGE | {"internal": True}
    outer = {"name": "b", "subnet": "10.92.1.0/26", "gateway": "10.92.1.5", "address": "10.92.1.9"}
    hosts = generated_files(inputs(overrides(inner, outer, extra_hosts=["machine:host-gateway"])))["hosts"].decode()
    assert "10.92.1.5\tmachine\n" in hosts


def test_the_machine_is_found_on_an_internal_bridge_where_there_is_no_other() -> None:
    hosts = generated_files(inputs(overrides(BRIDGE | {"internal": True}, extra_hosts=["machine:host-gateway"])))
    assert "10.92.0.1\tmachine\n" in hosts["hosts"].decode()


def test_the_plugin_makes_the_bridge_and_gives_the_address() -> None:
    made = plugins(BRIDGE, ports=["8080:80"])
    bridge = made["network-01-bridge"]
    assert (bridge["bridge"], bridge["name"], bridge["runtimeConfig"]) == (
        *("br-a", "br-a"),
        {"ips": ["10.92.0.2"], "mac": "02:42:0a:5c:00:02"},
    )
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.92.0.0/26", "gateway": "10.92.0.1"}]]
    assert mapped(made["network-02-portmap"]) == [(8080, None)]
    assert words(BRIDGE) == ["br-a", "10.92.0.0/26", "-", "machine"]


def test_each_bridge_has_an_interface_in_the_order_of_the_list() -> None:
    made = plugins(BRIDGE, OTHER, BRIDGE | {"name": "c", "address": "10.92.0.9"})
    assert list(made) == ["network-01-bridge", "network-eth1-01-bridge", "network-eth2-01-bridge"]
    assert [plugin["bridge"] for plugin in made.values()] == ["br-a", "br-b", "c"]
    assert words(BRIDGE, OTHER) == ["br-a,br-b", "10.92.0.0/26,10.93.0.0/26", "-", "machine"]


def test_the_first_bridge_that_leads_out_has_the_route_and_the_ports() -> None:
    made = plugins(BRIDGE | {"internal": True}, OTHER, BRIDGE | {"name": "c"}, ports=["8080:80"])
    assert list(made) == [
        *("network-01-bridge", "network-eth1-01-bridge", "network-eth1-02-portmap", "network-eth2-01-bridge"),
    ]
    assert [routes(plugin) for name, plugin in made.items() if "bridge" in name] == [[], ["0.0.0.0/0"], []]


def test_ipv6_has_a_route_and_ports_of_its_own() -> None:
    made = plugins(BRIDGE, OTHER | {"ipv6": SIDE6}, ports=["8080:80", "[::1]:81:81"])
    assert [name for name in made if name.startswith("network-")] == [
        *("network-01-bridge", "network-02-portmap", "network-eth1-01-bridge"),
    ]
    assert routes(made["network6-01-bridge"]) == ["0.0.0.0/0"]
    assert routes(made["network6-eth1-01-bridge"]) == ["::/0"]
    assert made["network6-eth1-01-bridge"]["runtimeConfig"]["ips"] == ["10.93.0.2", "fd00:1::2"]
    assert made["network-eth1-01-bridge"]["runtimeConfig"]["ips"] == ["10.93.0.2"]
    assert mapped(made["network6-02-portmap"]) == [(8080, None)]
    assert mapped(made["network6-eth1-02-portmap"]) == [(8080, "::"), (81, "::1")]
    assert words(BRIDGE, OTHER | {"ipv6": SIDE6})[2] == "fd00:1::/64"


def test_a_port_without_an_address_is_of_the_families_that_there_are() -> None:
    assert words(BRIDGE, ports=["8080:80"])[4:] == ["tcp/0.0.0.0/8080/80"]
    both = words(BRIDGE | {"ipv6": SIDE6}, ports=["8080:80"])
    assert [word.split("/")[0] + word[-5:] for word in both[4:]] == ["tcp80/80", "tcp80/80"]


def test_a_port_of_ipv6_where_there_is_none_is_refused() -> None:
    with pytest.raises(RequestError, match=r"0\.yaml:1:.* ports: ::1: no bridge of this container"):
        converted(overrides(BRIDGE, ports=["[::1]:80:80"]))


def test_ports_of_a_container_that_nothing_leads_to_are_told_to_do_nothing() -> None:
    told = convert(inputs(overrides(BRIDGE | {"internal": True}, ports=["8080:80", "[::1]:81:81"]))).warnings
    assert any("ports: has no effect, as all bridges are internal" in sentence for sentence in told)
    assert words(BRIDGE | {"internal": True}, ports=["8080:80"])[4:] == []


def test_what_a_bridge_is_like_reaches_the_plugin() -> None:
    plugin = plugins(BRIDGE | {"mtu": 1400, "icc": False, "mac_address": "02:00:00:00:00:09"})["network-01-bridge"]
    assert (plugin["mtu"], plugin["icc"]) == (1400, False)
    assert plugin["runtimeConfig"]["mac"] == "02:00:00:00:00:09"


def test_a_mac_address_is_that_of_the_first_interface() -> None:
    made = plugins(BRIDGE, OTHER, mac_address="02:00:00:00:00:01")
    assert [plugin["runtimeConfig"]["mac"] for plugin in made.values()] == ["02:00:00:00:00:01", "02:42:0a:5d:00:02"]


def test_a_container_that_is_started_again_is_where_its_neighbours_have_seen_it() -> None:
    made = plugins(BRIDGE | {"ipv6": SIDE6}, OTHER)
    macs = {name: plugin["runtimeConfig"]["mac"] for name, plugin in made.items()}
    assert set(macs) == {f"network{six}-{rest}" for six in ("", "6") for rest in ("01-bridge", "eth1-01-bridge")}
    assert macs["network-eth1-01-bridge"] == macs["network6-eth1-01-bridge"] == "02:42:0a:5d:00:02"


@pytest.mark.parametrize("name", ["br+", "-br", "a,b", "$(x)", 'a"', "."])
def test_a_name_that_means_something_else_to_a_packet_filter_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"o\.yaml:1:"):
        loaded(tmp_path, overrides(BRIDGE | {"name": name}))


def test_bridges_without_a_connection_are_told_to_do_nothing() -> None:
    told = convert(inputs(json.dumps({"bridges": [BRIDGE]}))).warnings
    assert any("bridges: has no effect" in sentence for sentence in told)


def test_an_ordinary_users_container_is_on_no_bridge() -> None:
    with pytest.raises(RequestError, match=r"0\.yaml:1:.* bridges: br-a: only root connects a container to a bridge"):
        convert(replace(inputs(overrides(BRIDGE)), rootless=True))
