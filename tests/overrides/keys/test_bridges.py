"""Bridges of the machine: each with addresses that are of its subnets."""

import json
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.overrides.load import load_one

BRIDGE = {"name": "br-a", "subnet": "10.92.0.0/26", "gateway": "10.92.0.1", "address": "10.92.0.2"}
SIDE6 = {"subnet": "fd00:1::/64", "gateway": "fd00:1::1", "address": "fd00:1:0::2"}


def bridges(*listed: dict[str, Any]) -> Any:
    return load_one(json.dumps({"bridges": listed}).encode(), "web.yaml")["bridges"].plain()


def test_addresses_have_one_spelling() -> None:
    assert bridges(BRIDGE | {"ipv6": SIDE6}) == [BRIDGE | {"ipv6": SIDE6 | {"address": "fd00:1::2"}}]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"subnet": "10.92.0.1/26"}, "bridges: '10.92.0.1/26' is not an IPv4 subnet"),
        ({"address": "web"}, "bridges: 'web' is not an IPv4 address"),
        ({"address": "10.92.1.2"}, "bridges: address: 10.92.1.2 is not an address of 10.92.0.0/26"),
        ({"address": "10.92.0.0"}, "bridges: address: 10.92.0.0 is not an address of 10.92.0.0/26"),
        ({"gateway": "10.92.0.63"}, "bridges: gateway: 10.92.0.63 is not an address of 10.92.0.0/26"),
        ({"address": "10.92.0.1"}, "bridges: 10.92.0.1 is the gateway"),
        ({"ipv6": SIDE6 | {"gateway": "10.92.0.1"}}, "bridges: '10.92.0.1' is not an IPv6 address"),
        ({"name": "a-name-of-sixteen"}, "bridges[0].name: found"),
        ({"colour": "red"}, "bridges[0]: unknown key 'colour'"),
    ],
)
def test_what_is_not_of_each_other_is_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RequestError) as caught:
        bridges(BRIDGE | changed)
    assert caught.value.what.startswith("web.yaml:1:")
    assert complaint in caught.value.what


def test_a_bridge_stands_in_a_list_once() -> None:
    with pytest.raises(RequestError, match="br-a stands twice in one list"):
        bridges(BRIDGE, BRIDGE | {"address": "10.92.0.3"})
