"""Containers of one inspect that share a network: who has which names and addresses."""

import ipaddress
import json
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.overrides.imports import Imported
from bundler.subnets import KEPT
from tests.overrides.docker_inspect.inspected import container, importer

IDS = {"web": "a" * 64, "db": "b" * 64, "job": "c" * 64}


def joined(*aliases: str, **settings: Any) -> dict[str, Any]:
    """What NetworkSettings.Networks says of one network."""
    return {"Aliases": list(aliases), "DNSNames": None, "Links": None, "IPAMConfig": None} | settings


def one(name: str, networks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return container(
        Id=IDS[name],
        Name=f"/{name}",
        NetworkSettings={"Networks": networks},
        Host_NetworkMode=next(iter(networks)),
        **{"Config_Hostname": IDS[name][:12], **fields},
    )


def imported(name: str, *containers: dict[str, Any]) -> Imported:
    return importer(json.dumps(containers).encode(), "all.json", name)(None)


def hosts(made: Imported) -> dict[str, list[str]]:
    """Addresses by name."""
    found: dict[str, list[str]] = {}
    for line in made.keys.get("extra_hosts", ()):
        name, _, address = line.partition(":")
        found.setdefault(name, []).append(address)
    return found


def address(made: Imported) -> str:
    (settings,) = [each for each in made.keys["networks"].values() if each]
    return str(settings["ipv4_address"])


def test_neighbours_have_the_names_that_docker_answers() -> None:
    pair = one("web", {"shop": joined("front")}), one("db", {"shop": joined("database", IDS["db"][:12])})
    web, db = imported("web", *pair), imported("db", *pair)
    assert web.keys["network_mode"] == "bridge"
    assert hosts(web) == {
        **{name: [address(db)] for name in ("db", "database", "bbbbbbbbbbbb")},
        **{name: [address(web)] for name in ("web", "front")},  # its id is the line that it has anyway
    }
    assert hosts(db)["web"] == [address(web)]
    assert {ipaddress.IPv4Address(address(made)) in KEPT for made in (web, db)} == {True}
    assert address(web) != address(db)


def test_addresses_do_not_depend_on_order_or_on_who_else_is_there() -> None:
    web, db, job = (one(name, {"shop": joined()}) for name in IDS)
    assert imported("web", web, db).keys == imported("web", db, web).keys
    assert address(imported("web", web, db)) == address(imported("web", web, job, db))
    assert address(imported("web", web, db)) != address(
        imported("web", one("web", {"other": joined()}), one("db", {"other": joined()}))
    )


def test_names_that_dockerd_lists_are_taken_as_they_are() -> None:
    pair = one("web", {"shop": joined()}), one("db", {"shop": joined("x", DNSNames=["db", "bbbbbbbbbbbb", "pg"])})
    assert {"db", "pg", "bbbbbbbbbbbb"} <= set(hosts(imported("web", *pair)))
    assert "x" not in hosts(imported("web", *pair))


def test_a_name_is_known_on_its_network_only() -> None:
    containers = (
        one("web", {"front": joined()}),
        one("db", {"back": joined("secret")}),
        one("job", {"front": joined("f"), "back": joined("b")}),
    )
    assert set(hosts(imported("web", *containers))) == {"web", "job", "f", "cccccccccccc"}
    assert set(hosts(imported("db", *containers))) == {"db", "job", "b", "secret", "cccccccccccc"}
    assert {"web", "db", "secret"} <= set(hosts(imported("job", *containers)))


def test_lines_of_its_own_go_first_and_links_are_names() -> None:
    pair = (
        one("web", {"shop": joined(Links=["db:store"])}, Host_ExtraHosts=["db:192.0.2.7"]),
        one("db", {"shop": joined("d")}),
    )
    made = imported("web", *pair)
    assert hosts(made)["db"] == ["192.0.2.7"]
    assert hosts(made)["store"] == hosts(made)["d"] == [address(imported("db", *pair))]
    assert "store" not in hosts(imported("db", *pair))


def test_an_address_is_kept_if_the_bridge_has_it() -> None:
    kept, other = ({"IPv4Address": text} for text in ("10.90.3.4", "172.20.0.5"))
    pair = one("web", {"shop": joined(IPAMConfig=kept)}), one("db", {"shop": joined(IPAMConfig=other)})
    assert address(imported("web", *pair)) == "10.90.3.4"
    assert "its address 172.20.0.5 is not one of 10.90.0.0/16: it has another one" in imported("db", *pair).remarks


def test_what_cannot_be_is_said() -> None:
    pair = one("web", {"shop": joined("a b")}), one("db", {"shop": joined("both")})
    trio = (*pair, one("job", {"shop": joined("both")}))
    remarks = imported("web", *trio).remarks
    assert "several containers are called both: the first is asked, not each in turn" in remarks
    assert "/etc/hosts cannot hold the names a b" in remarks
    assert any(remark.startswith("names on shop are those of the containers in this file") for remark in remarks)


@pytest.mark.parametrize("network", ["bridge", "podman"])
def test_networks_without_names_change_nothing(network: str) -> None:
    pair = one("web", {network: joined()}), one("db", {network: joined()})
    assert not {"network_mode", "networks", "extra_hosts"} & set(imported("web", *pair).keys)


def test_a_container_alone_is_as_ever() -> None:
    made = imported("web", one("web", {"shop": joined()}))
    assert not {"network_mode", "networks", "extra_hosts"} & set(made.keys)
    assert any(
        "names of others there are known where one file has the inspect of them" in said for said in made.remarks
    )


def test_a_container_is_chosen_by_its_compose_service_too() -> None:
    labels = {"com.docker.compose.service": "store"}
    pair = one("web", {"shop": joined()}), one("db", {"shop": joined()}, Config_Labels=labels)
    assert imported("store", *pair).keys["container_name"] == "db"


def test_more_containers_than_a_bridge_has_places_are_refused() -> None:
    many = [container(Id=str(number), NetworkSettings={"Networks": {"a": {}}}) for number in range(1025)]
    with pytest.raises(RequestError, match="more than 1024 containers have names"):
        importer(json.dumps(many).encode(), "all.json", "1024")(None)
