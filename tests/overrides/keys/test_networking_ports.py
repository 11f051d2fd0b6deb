"""Published ports, in all the ways that compose has to write them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.errors import RequestError
from tests.support.inputs import overrides


def ports(text: str) -> list[tuple[Any, ...]]:
    listed = [node.plain() for node in overrides(f"ports: {text}").items("ports")]
    return [(port["host_ip"], port["published"], port["target"], port["protocol"]) for port in listed]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("['8080:80']", [("", 8080, 80, "tcp")]),
        ("[80]", [("", None, 80, "tcp")]),
        ("['80/udp']", [("", None, 80, "udp")]),
        ("['127.0.0.1:8080:80/sctp']", [("127.0.0.1", 8080, 80, "sctp")]),
        ("['127.0.0.1::80']", [("127.0.0.1", None, 80, "tcp")]),
        ("['[::1]:8080:80']", [("::1", 8080, 80, "tcp")]),
        ("['3000-3001:4000-4001']", [("", 3000, 4000, "tcp"), ("", 3001, 4001, "tcp")]),
        ("[{target: 80, published: '8080', host_ip: 10.0.0.1, mode: host}]", [("10.0.0.1", 8080, 80, "tcp")]),
        ("[{target: 80, published: 8080, protocol: udp}]", [("", 8080, 80, "udp")]),
        ("['0:80']", [("", None, 80, "tcp")]),
        ("['8000-8005:80']", [("", None, 80, "tcp")]),
        ("['1:1', '1:1']", [("", 1, 1, "tcp"), ("", 1, 1, "tcp")]),
    ],
)
def test_a_port_has_one_form(text: str, expected: list[tuple[Any, ...]]) -> None:
    assert ports(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("['8080:80:80:80']", "a port is"),
        ("['x:80']", "a port is"),
        ("['80:65536']", "'65536' is not a port"),
        ("['80-79:80-79']", "is not a port or a range"),
        ("['80-81:80-82']", "the two ranges are not of one length"),
        ("['80:80/icmp']", "the protocol 'icmp' is not one of tcp, udp, sctp"),
        ("['300.0.0.1:80:80']", "is not an IP address"),
        ("['$(reboot):80:80']", "is not an IP address"),
        ("[{published: 80}]", "target"),
        ("[{target: '1;2', published: 80}]", "'1;2' is not a port"),
    ],
)
def test_what_is_no_port_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        ports(text)
    assert message in refused.value.what


@given(st.text())
def test_any_text_is_a_port_or_refused(text: str) -> None:

    with suppress(RequestError):
        assert all(0 < target <= 65535 for _, _, target, _ in ports(json.dumps([text])))


def test_ports_of_several_files_come_together() -> None:
    merged = overrides("ports: ['1:1', '2:2']", "ports: ['2:2', '3:3']").items("ports")
    assert [node.plain()["target"] for node in merged] == [1, 2, 3]
