"""What containers of one network call each other: names that Docker's DNS answers, as lines of /etc/hosts.

All containers of a file get addresses of bundler's bridge that follow from their names alone: each of their bundles is
made by itself, and has to have the same.
"""

import hashlib
import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value, called
from bundler.overrides.keys.host_names import is_host_name
from bundler.subnets import KEPT, SUBNET

# Networks that Docker and podman have by themselves, and answer no names on.
_NAMELESS: Final = ("", "default", "bridge", "host", "none", "podman")
_SHORT: Final = 12  # characters of an id that are a name, too
_MOST: Final = 1024  # containers of one file, as many as one bridge has ports (linux/if_bridge.h)
_SHOWN: Final = 20  # names that one remark repeats
_MIDDLE: Final = KEPT.num_addresses - 2  # without the first and the last, which look like a network's own


def of(container: Container) -> list[Value]:
    """The other containers of the file that share a network with it."""
    own = set(_networks(container.entry))
    return [other for other in _others(container) if own & set(_networks(other))]


def names(container: Container, draft: Draft) -> None:
    """`network_mode`, `networks` and `extra_hosts` of a container whose neighbours are in the file."""
    neighbours = of(container)
    if not neighbours:
        return
    joined = _networks(container.entry)
    addresses = _addresses(container.all_of_file)
    own, where = addresses[_id(container.entry)], container.entry.get("NetworkSettings", "Networks")
    first = next(iter(joined))
    draft.say("network_mode", "bridge", where)
    settings: dict[str, Json] = {"ipv4_address": own}
    draft.say("networks", {name: settings if name == first else {} for name in joined}, where)
    known = {item.text().partition(":")[0] for item in container.host("ExtraHosts").items()}  # /etc/hosts goes first
    known.add(container.config("Hostname").text())  # which the last line of /etc/hosts is about
    listed = dict.fromkeys(
        (name, addresses[_id(entry)])
        for entry in (*neighbours, container.entry)
        for name in _names(container, entry)
        if name not in known
    )
    for name, address in listed:
        if is_host_name(name):
            draft.add("extra_hosts", f"{name}:{address}", where)
    _remark(container, draft, [name for name, _ in listed])


def _others(container: Container) -> list[Value]:
    return [entry for entry in container.all_of_file if _id(entry) != _id(container.entry)]


def _id(entry: Value) -> str:
    return entry.get("Id").text() or called(entry)


def _networks(entry: Value) -> dict[str, Value]:
    settings = entry.get("NetworkSettings")
    joined = () if settings.says_nothing else settings.get("Networks").members()
    return {name: each for name, each in joined if name not in _NAMELESS}


def _names(container: Container, entry: Value) -> Iterator[str]:
    """What `container` may call `entry`, by the networks that both are on: the names that DNS answers there (dockerd
    writes them since 25), and those that it alone has by --link.
    """
    of_container = _networks(container.entry)
    for network, settings in _networks(entry).items():
        if network not in of_container:
            continue
        aliases = [called(entry), *settings.get("Aliases").texts(), entry.get("Id").text()[:_SHORT]]
        yield from (name for name in (settings.get("DNSNames").texts() or aliases) if name)
        for link in of_container[network].get("Links").texts():
            name, _, alias = link.removeprefix("/").partition(":")
            if name == called(entry) and alias:
                yield alias


def _addresses(entries: Iterable[Value]) -> dict[str, str]:
    """One for each, by id: the one that it was given, if the bridge has it, else one that follows from its names."""
    joined = [entry for entry in entries if _networks(entry)]
    if len(joined) > _MOST:
        raise joined[_MOST].error(f"more than {_MOST} containers have names on networks")
    given = {_id(entry): str(address) for entry in joined for address in list(_asked(entry))[:1] if address in SUBNET}
    taken = set(given.values())
    for entry in sorted(joined, key=lambda entry: (*_full_name(entry), _id(entry))):
        if _id(entry) not in given:
            at = int.from_bytes(hashlib.sha256(json.dumps(_full_name(entry)).encode()).digest()[:8])
            while (address := str(KEPT[1 + at % _MIDDLE])) in taken:
                at += 1
            given[_id(entry)] = address
            taken.add(address)
    return given


def _full_name(entry: Value) -> tuple[str, str]:
    """The network's, which compose calls after the project, and the container's."""
    return next(iter(_networks(entry)), ""), called(entry)


def _asked(entry: Value) -> Iterator[ipaddress.IPv4Address]:
    """The addresses that somebody gave the container on its networks."""
    for settings in _networks(entry).values():
        value = settings.get("IPAMConfig", "IPv4Address")
        try:
            if value.text():
                yield ipaddress.IPv4Address(value.text())
        except ValueError:
            raise value.error("is not an IPv4 address") from None


def _remark(container: Container, draft: Draft, listed: list[str]) -> None:
    """What is other than under Docker, and what a file of some containers cannot tell."""
    networks = _some(list(_networks(container.entry)))
    draft.remarks.append(
        f"names on {networks} are those of the containers in this file, on bundler's bridge: no others are known there"
    )
    if shared := [name for name, times in Counter(listed).items() if times > 1]:
        draft.remarks.append(f"several containers are called {_some(shared)}: the first is asked, not each in turn")
    if unfit := [name for name in dict.fromkeys(listed) if not is_host_name(name)]:
        draft.remarks.append(f"/etc/hosts cannot hold the names {_some(unfit)}")
    for address in _asked(container.entry):
        if address not in SUBNET:
            draft.remarks.append(f"its address {address} is not one of {SUBNET}: it has another one")


def _some(names: list[str]) -> str:
    return ", ".join(printable(name[:60]) for name in names[:_SHOWN])
