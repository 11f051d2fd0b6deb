"""Networks that hooks connect: which hooks config.json has, and what the bundle carries for them."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.bundled_hooks import STARTER
from bundler.conversion.convert import convert
from bundler.conversion.hook_scripts import hook_script
from bundler.conversion.hooks import carried_files
from bundler.conversion.target import Target
from bundler.errors import RequestError
from tests.conversion.test_hooks import loaded
from tests.support.inputs import converted, inputs
from tests.support.messages import tells

ANY6 = ":".join(["0000"] * 8)
FAMILIES = ("network", "network6")
LAN = "cni: {name: lan, plugins: [{type: macvlan, master: eth0}, {type: portmap, capabilities: {portMappings: true}}]}"


def words(hook: dict[str, Any]) -> list[str]:
    """What stands behind the fixed script."""
    shell, option, script, *rest = hook["args"]
    assert (hook["path"], shell, option, script) == ("/bin/sh", "sh", "-c", STARTER)
    return list(rest)


def plugins(*texts: str) -> dict[str, Any]:
    files = carried_files(inputs(*texts))
    return {path: json.loads(file.content) for path, file in files.items() if path.endswith(".json")}


def test_a_bridge_is_made_by_hooks_that_the_bundle_carries() -> None:
    text = "{network_mode: bridge, ports: ['8080:80', '127.0.0.1:53:53/udp']}"
    hooks = converted(text)["hooks"]
    assert words(hooks["createRuntime"][0]) == [
        *("hooks/network", "up", "bundler0", "10.90.0.0/16", "fd62:756e:646c::/64", "machine"),
        *("tcp/0.0.0.0/8080/80", f"tcp/{ANY6}/8080/80", "udp/127.0.0.1/53/53"),
    ]
    assert words(hooks["poststop"][0]) == ["hooks/network", "down"]
    assert list(hooks) == ["createRuntime", "poststop"]
    files = carried_files(inputs(text))
    configurations = [f"hooks/{name}-{plugin}.json" for name in FAMILIES for plugin in ("01-bridge", "02-portmap")]
    scripts = ["hooks/network", "hooks/network-ports", "hooks/network-files"]
    assert list(files) == [*scripts, *configurations, "hooks/network-rules"]
    assert files["hooks/network"].content == hook_script("network")
    assert plugins(text)["hooks/network-02-portmap.json"]["runtimeConfig"] == {
        "portMappings": [
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
            {"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"},
        ]
    }


def test_ports_are_published_on_the_families_that_they_name() -> None:
    text = "{network_mode: bridge, ports: ['80:80', '0.0.0.0:81:81', '[::]:82:82', '[::1]:83:83/udp']}"
    assert words(converted(text)["hooks"]["createRuntime"][0])[6:] == [
        *("tcp/0.0.0.0/80/80", f"tcp/{ANY6}/80/80", "tcp/0.0.0.0/81/81"),
        *(f"tcp/{ANY6}/82/82", f"udp/{ANY6[:-1]}1/83/83"),
    ]
    mappings = [plugins(text)[f"hooks/{name}-02-portmap.json"]["runtimeConfig"]["portMappings"] for name in FAMILIES]
    assert [[(port["hostPort"], port.get("hostIP")) for port in listed] for listed in mappings] == [
        [(80, None), (81, None)],
        [(80, None), (81, "0.0.0.0"), (82, "::"), (83, "::1")],  # noqa: S104  (nothing is bound)
    ]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("", False),
        ("enable_ipv6: true", True),
        ("enable_ipv6: false", False),
        ("ports: ['80:80']", True),
        ("ports: ['80:80'], enable_ipv6: false", False),
        ("ports: ['127.0.0.1:80:80']", False),
        ("ports: ['[::1]:80:80']", True),
        ("networks: {front: {ipv6_address: 'fd62:756e:646c::9'}}", True),
    ],
)
def test_ipv6_is_there_for_who_asks_and_for_ports(settings: str, wanted: bool) -> None:
    text = f"{{network_mode: bridge, {settings}}}"
    assert ("hooks/network6-01-bridge.json" in plugins(text)) == wanted
    ranges = [len(each["ipam"]["ranges"]) for each in plugins(text).values() if each["type"] == "bridge"]
    assert ranges == ([1, 2] if wanted else [1])


def test_an_ipv6_address_is_asked_for_where_there_is_ipv6() -> None:
    address = "{ipv4_address: 10.90.1.2, ipv6_address: 'fd62:756e:646c::9'}"
    made = plugins(f"{{network_mode: bridge, networks: {{front: {address}}}}}")
    assert made["hooks/network-01-bridge.json"]["runtimeConfig"]["ips"] == ["10.90.1.2"]
    assert made["hooks/network6-01-bridge.json"]["runtimeConfig"]["ips"] == ["10.90.1.2", "fd62:756e:646c::9"]


def test_all_else_is_as_without_a_bridge() -> None:
    connected, plain = converted("network_mode: bridge"), converted("")
    del connected["hooks"]
    assert connected == plain


def test_addresses_are_asked_for() -> None:
    text = "{network_mode: bridge, networks: {front: {ipv4_address: 10.90.1.2, mac_address: '02:00:00:00:00:01'}}}"
    assert plugins(text)["hooks/network-01-bridge.json"]["runtimeConfig"] == {
        "mac": "02:00:00:00:00:01",
        "ips": ["10.90.1.2"],
    }
    text = "{network_mode: bridge, mac_address: '02:00:00:00:00:02'}"
    assert plugins(text)["hooks/network-01-bridge.json"]["runtimeConfig"] == {"mac": "02:00:00:00:00:02"}


def test_servers_of_ones_own_are_kept() -> None:
    hooks = converted("{network_mode: bridge, dns: 10.0.0.1}")["hooks"]
    assert words(hooks["createRuntime"][0])[5] == "bundle"


def test_any_network_that_plugins_can_make(tmp_path: Path) -> None:
    text = f"{{network_mode: cni, ports: ['80:80'], {LAN}}}"
    assert list(plugins(text)) == ["hooks/network-01-macvlan.json", "hooks/network-02-portmap.json"]
    first = {"cniVersion": "0.4.0", "name": "lan", "type": "macvlan", "master": "eth0"}
    assert plugins(text)["hooks/network-01-macvlan.json"] == first
    assert words(converted(text)["hooks"]["createRuntime"][0])[1:5] == ["up", "-", "-", "-"]
    (tmp_path / "lan.conflist").write_text('{"name": "lan", "cniVersion": "1.0.0", "plugins": [{"type": "ptp"}]}')
    read = loaded(tmp_path, "{network_mode: cni, cni: lan.conflist}")
    assert "hooks/network-01-ptp.json" in carried_files(read)
    assert [file.name for file in read.overrides.files] == ["o.yaml", "lan.conflist"]


def test_who_does_not_know_create_runtime_gets_prestart() -> None:
    old = Target(runtime_version=(0, 1, 1))
    assert list(converted("network_mode: bridge", target=old)["hooks"]) == ["prestart", "poststop"]
    pinned = Target(oci_version="1.0.1")
    document = converted("{network_mode: bridge, seccomp: unconfined}", target=pinned)
    assert list(document["hooks"]) == ["prestart", "poststop"]


def test_a_network_comes_before_other_hooks_and_goes_after_them() -> None:
    text = "{network_mode: bridge, hooks: {create_runtime: [{path: /a}], poststop: [{path: /b}]}}"
    hooks = converted(text)["hooks"]
    assert [hook["path"] for hook in hooks["createRuntime"]] == ["/bin/sh", "/a"]
    assert [hook["path"] for hook in hooks["poststop"]] == ["/b", "/bin/sh"]


def test_the_program_netns_is_started_and_its_bridge_goes_with_the_last_container() -> None:
    hooks = converted("{network_mode: netns, netns: {path: /opt/netns, bridge: b0, mtu: 1400, static_ip: 1.2.3.4}}")
    up, down = hooks["hooks"]["createRuntime"][0], hooks["hooks"]["poststop"][0]
    assert up == {
        "path": "/opt/netns",
        "args": ["netns", "--bridge", "b0", "--mtu", "1400", "--static-ip", "1.2.3.4"],
    }
    assert words(down) == ["hooks/netns-release", "/opt/netns", "b0", ".ip"]
    assert converted("network_mode: netns")["hooks"]["createRuntime"] == [
        {"path": "/usr/local/bin/netns", "args": ["netns"]}
    ]


def test_a_hook_of_a_name_may_make_the_network() -> None:
    text = "{network_mode: 'hook:lan', hooks: {create_runtime: [{path: /a, name: lan}]}}"
    done = convert(inputs(text))
    assert done.warnings == ()
    assert done.document["linux"]["namespaces"] == converted("")["linux"]["namespaces"]
    with pytest.raises(RequestError, match=r"0\.yaml:1:15: network_mode: hook:lan: no hook has this name") as refused:
        convert(inputs("network_mode: hook:lan"))
    assert refused.value.hint == "give a hook of hooks a name"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{network_mode: bridge, ports: ['80']}", "ports: 80: the port of the machine is missing"),
        ("{network_mode: bridge, enable_ipv6: false, ports: ['[::1]:80:80']}", "ports: ::1: enable_ipv6: false leaves"),
        (
            "{network_mode: bridge, networks: {a: {ipv6_address: '2001:db8::1'}}}",
            "is not an address of fd62:756e:646c::",
        ),
        ("{network_mode: bridge, networks: {a: {ipv4_address: 10.0.0.1}}}", "is not an address of 10.90.0.0/16"),
        ("{network_mode: bridge, networks: {a: {ipv4_address: '$(x)'}}}", "is not an address of 10.90.0.0/16"),
        ("network_mode: cni", "network_mode: cni needs the network"),
        (
            "{network_mode: cni, ports: ['1:1'], cni: {name: a, plugins: [{type: ptp}]}}",
            "none of the plugins publishes",
        ),
    ],
)
def test_a_network_that_cannot_be_made_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        convert(inputs(text))
    assert message in refused.value.what


@pytest.mark.parametrize(
    "text",
    [
        "cni: {name: a, plugins: [{type: ../../sh}]}",
        "cni: {name: 'a b', plugins: [{type: ptp}]}",
        "cni: {name: a, plugins: []}",
        "netns: {bridge: '$(x)'}",
        "netns: {ipfile: ../x}",
        "mac_address: '02:00'",
    ],
)
def test_what_could_pose_as_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RequestError, match=r"o\.yaml:1:"):
        loaded(tmp_path, text)


def test_what_a_network_does_not_know_is_told() -> None:
    done = convert(inputs("{network_mode: netns, ports: ['80:80'], mac_address: '02:00:00:00:00:01'}"))
    ports, mac_address = done.warnings
    assert tells(ports, "0.yaml:1:30: ports: ", "no effect network_mode: netns")
    assert tells(mac_address, "0.yaml:1:54: mac_address: ", "no effect network_mode: netns")
