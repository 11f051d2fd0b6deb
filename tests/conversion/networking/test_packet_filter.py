"""What a machine lets pass to a bridge and from it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest

from bundler.conversion.networking.packet_filter import Interface, rules

SIDE = {4: (IPv4Network("10.92.0.0/26"), IPv4Address("10.92.0.1"))}
SIDE6 = {6: (IPv6Network("fd00:1::/64"), IPv6Address("fd00:1::1"))}
ISOLATION = "filter BUNDLER-ISOLATION"
POSTROUTING = "nat BUNDLER-POSTROUTING"


def listed(place: str, *, subnets: Any = SIDE, **more: Any) -> list[str]:
    """The rules of a chain, without what stands before all of them."""
    (family,) = subnets
    before = f"{family} br-a "
    made = rules(Interface("br-a", subnets, **more))
    assert all(line.startswith(before) for line in made)
    return [line.removeprefix(f"{before}{place} ") for line in made if line.startswith(f"{before}{place} ")]


def test_answers_published_ports_and_neighbours_reach_a_container_and_nothing_else() -> None:
    assert listed(ISOLATION) == [
        "-o br-a -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN",
        "-i br-a -o br-a -j RETURN",
        "-o br-a -j DROP",
    ]


def test_neighbours_that_do_not_speak_to_each_other_are_like_all_others() -> None:
    assert "-i br-a -o br-a -j RETURN" not in listed(ISOLATION, icc=False)


def test_an_internal_bridge_leads_nowhere_but_to_ports_that_others_publish() -> None:
    assert listed(ISOLATION, internal=True) == [
        "-o br-a -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-i br-a -o br-a -j RETURN",
        "-o br-a -j DROP",
        "-i br-a -m conntrack ! --ctstate DNAT -j DROP",
    ]


def test_what_was_not_dropped_is_let_pass_where_the_machine_drops_all_else() -> None:
    assert listed("filter BUNDLER-FORWARD") == ["-i br-a -j ACCEPT", "-o br-a -j ACCEPT"]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({}, "-s 10.92.0.0/26 ! -o br-a -j MASQUERADE"),
        ({"masquerade": False}, "-s 10.92.0.0/26 ! -o br-a -m conntrack --ctstate DNAT -j MASQUERADE"),
        ({"internal": True}, "-s 10.92.0.0/26 ! -o br-a -m conntrack --ctstate DNAT -j MASQUERADE"),
    ],
)
def test_what_goes_out_has_the_address_of_the_machine_unless_it_keeps_its_own(
    settings: dict[str, bool], rule: str
) -> None:
    assert listed(POSTROUTING, **settings) == [rule]


def test_the_machine_speaks_from_its_own_address_for_its_loopback_of_ipv6() -> None:
    assert listed(POSTROUTING, subnets=SIDE6) == [
        "-s fd00:1::/64 ! -o br-a -j MASQUERADE",
        "-s ::1 -o br-a -j SNAT --to-source fd00:1::1",
    ]
    assert len(listed(POSTROUTING, subnets=SIDE6, internal=True)) == 1


def test_each_family_has_the_same_rules() -> None:
    both = rules(Interface("br-a", {**SIDE, **SIDE6}))
    assert {line[0] for line in both} == {"4", "6"}
    filters = [[line[2:] for line in both if line.startswith(f"{family} br-a filter")] for family in (4, 6)]
    assert filters[0] == filters[1]
