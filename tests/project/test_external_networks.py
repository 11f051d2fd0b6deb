"""Networks that a compose file calls external: bridges of the machine, or others' CNI plugins."""

import json
from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.project.external_networks import MachineBridge, PluginList, parse_external
from bundler.project.project import Project
from tests.support.messages import tells
from tests.support.projects import keys, project, refused

FILE = """
services:
  web: {image: x, networks: [proxy, default]}
  api: {image: x, networks: {proxy: {ipv4_address: 10.96.0.9, aliases: [back]}}}
networks: {proxy: {external: true%s}}
"""
BRIDGE = "br-proxy:10.96.0.0/24"


def made_with(folder: Path, text: str = "", known: str = "proxy", project_name: str = "shop") -> Project:
    return project(folder, FILE % text, networks={known: parse_external(BRIDGE)}, name=project_name)


def test_an_external_network_is_a_bridge_of_the_machine(tmp_path: Path) -> None:
    made = made_with(tmp_path)
    network = made.record.networks["proxy"]
    assert (network.bridge, str(network.subnet), str(network.gateway)) == ("br-proxy", "10.96.0.0/24", "10.96.0.1")
    assert keys(made, "api")["bridges"][0]["address"] == "10.96.0.9"
    assert keys(made, "web")["extra_hosts"]["back"] == ["10.96.0.9"]
    assert len(keys(made, "web")["bridges"]) == 2


def test_projects_on_one_bridge_hardly_meet(tmp_path: Path) -> None:
    records = [made_with(tmp_path, project_name=name).record for name in ("one", "two", "three")]
    addresses = {str(record.of_service("web")[0].networks["proxy"].address) for record in records}
    assert len(addresses) == 3
    assert not {"10.96.0.1", "10.96.0.9"} & addresses


def test_it_is_found_by_the_name_that_a_daemon_would_know(tmp_path: Path) -> None:
    assert made_with(tmp_path, ", name: edge", "edge").record.networks["proxy"].bridge == "br-proxy"
    told = refused(tmp_path, FILE % ", name: edge", networks={"proxy": parse_external(BRIDGE)})
    assert tells(told.what, "compose.yaml:5:", "'edge' is external")
    assert "--network edge=BRIDGE:SUBNET" in str(told.hint)


def test_plugins_connect_a_container_to_a_network_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "net.conflist").write_text(json.dumps({"name": "lan", "plugins": [{"type": "macvlan"}]}))
    external = {"proxy": parse_external(str(tmp_path / "net.conflist"))}
    text = "services: {web: {image: x, networks: [proxy]}}\nnetworks: {proxy: {external: true}}"
    made = project(tmp_path, text, networks=external)
    assert keys(made, "web")["network_mode"] == "cni"
    assert keys(made, "web")["cni"]["name"] == "lan"
    assert made.record.networks == {}
    assert [file.name for file in made.record.files][-1].endswith("net.conflist")
    told = refused(tmp_path, FILE % "", networks=external)
    assert tells(told.what, "compose.yaml:3:30:", "proxy plugins no other")


@pytest.mark.parametrize("word", ["br-proxy", "br+:10.0.0.0/8", "br-proxy:10.0.0.1/8", "a:b", ""])
def test_what_is_no_network_of_a_machine_is_refused(word: str) -> None:
    with pytest.raises(RequestError, match=r"--network: '.*' is not"):
        parse_external(word)


def test_words_are_a_bridge_or_a_list() -> None:
    assert parse_external("a.conflist") == PluginList("./a.conflist")
    assert isinstance(parse_external(BRIDGE), MachineBridge)
