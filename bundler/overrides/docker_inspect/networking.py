"""What the container shares with its machine or with others, and what containers of one network call each other.

The latter are names that Docker's DNS answers, as lines of /etc/hosts. All containers of a file get addresses of
bundler's bridge that follow from their names alone: each of their bundles is made by itself, and has to have the same.
"""

import hashlib
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from bundler.errors import printable
from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value, called
from bundler.overrides.docker_inspect.podman import given
from bundler.overrides.keys.namespaces import OF_ANOTHER
from bundler.overrides.keys.networking import GATEWAY, is_host_name
from bundler.subnets import KEPT, SUBNET

# What podman calls a namespace of the container's own; to Docker, shareable is more than that.
_OWN: Final = {"pid": ("", "private"), "ipc": ("", "private"), "uts": ("", "private")}
_FIELDS: Final = {"pid": "PidMode", "ipc": "IpcMode", "uts": "UTSMode"}
_IMAGE_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{64}|sha256:.*")
_PODMANS_PARENTS: Final = ("/libpod_parent", "machine.slice", "user.slice")
_PRIVATE: Final = ("", "default", "bridge", "private", "podman", "slirp4netns", "pasta")
_CONNECTED: Final = "a network namespace is made, and connected to no network"


def image(container: Container, draft: Draft) -> None:
    value = container.config("Image")
    if not value.text() or _IMAGE_ID.fullmatch(value.text()):
        draft.remarks.append("the image is known by its id only: name it on the command line")
    else:
        draft.say("image", value.text(), value)


def other_image(container: Container, draft: Draft) -> None:
    if container.is_of_another_image:
        own = container.entry.get("Image").text()[:19]
        draft.remarks.append(f"the container was made from another image, {own}; variables that only this one has stay")


def name(container: Container, draft: Draft) -> None:
    value = container.entry.get("Name")
    if value.text().removeprefix("/"):
        draft.say("container_name", value.text().removeprefix("/"), value)


def host_name(container: Container, draft: Draft) -> None:
    """Docker calls a container by its id unless told otherwise, and one that has another's name by that."""
    value, own = container.config("Hostname"), container.entry.get("Id").text()[:12]
    shares = container.host("UTSMode").text() == "host" or container.host("NetworkMode").text().startswith(OF_ANOTHER)
    if value.text() and value.text() != own and not shares:
        draft.say("hostname", value.text(), value)


def namespaces(container: Container, draft: Draft) -> None:
    for key, field in _FIELDS.items():
        value = container.host(field)
        mode = value.text()
        if container.is_podmans and mode == "shareable":
            mode = next(given(container, "--ipc"), "")  # what podman 4 says of the machine's, too
        if mode.startswith(OF_ANOTHER):
            _needs_another(draft, field, key)
        elif mode not in _OWN[key]:
            draft.say(key, mode, value)
    users = container.host("UsernsMode")
    if users.text() not in ("", "private"):
        draft.say("userns_mode", users.text(), users)
    for key, field in (("uid_map", "UidMap"), ("gid_map", "GidMap")):
        maps = container.host("IDMappings").get(field)
        if maps.items():
            draft.say(key, maps.texts(), maps)


def control_groups(container: Container, draft: Draft) -> None:
    """The machine's namespace is Docker's default on cgroup v1, one of the container's own on v2. Which of them it was
    shows elsewhere: where the kernel has no such switch, as v2 has none, dockerd writes null for OomKillDisable.
    """
    mode = container.host("CgroupMode" if container.is_podmans else "CgroupnsMode")
    if container.is_podmans:
        asked = mode.text() in given(container, "--cgroupns")
    else:
        asked = mode.text() != ("private" if container.host("OomKillDisable").content is None else "host")
    if mode.text() and asked:
        draft.say("cgroup", mode.text(), mode)
    parent = container.host("CgroupParent")
    if parent.text() and not (container.is_podmans and parent.text() in _PODMANS_PARENTS):
        draft.say("cgroup_parent", parent.text(), parent)


def _needs_another(draft: Draft, field: str, key: str) -> None:
    reason = f"another container is not known here; {key}: ns:PATH in an overrides file names its namespace"
    draft.leave_out(f"HostConfig.{field}", reason)


def network(container: Container, draft: Draft) -> None:
    mode = container.host("NetworkMode")
    if mode.text().startswith(OF_ANOTHER):
        _needs_another(draft, "NetworkMode", "network_mode")
    elif mode.text() in ("host", "none") or mode.text().startswith("ns:"):
        draft.say("network_mode", mode.text(), mode)
    elif container.config("NetworkDisabled").flag():
        draft.say("network_mode", "none", container.config("NetworkDisabled"))
    elif mode.text() not in _PRIVATE and not of(container):
        draft.leave_out(
            f"the network {mode.text()}",
            f"{_CONNECTED}; names of others there are known where one file has the inspect of them, too",
        )
    for item in container.host("ExtraHosts").items():
        if item.text().endswith(GATEWAY):
            draft.leave_out(f"{item.text()} of HostConfig.ExtraHosts", "Docker's daemon chooses the address")
        else:
            draft.add("extra_hosts", item.text(), item)
    for port, bound in container.host("PortBindings").members():
        for item in bound.items():
            draft.add("ports", _published(port, item, podmans=container.is_podmans), item)


def _published(port: str, bound: Value, *, podmans: bool) -> str:
    """[[ADDRESS:]PORT:]PORT[/PROTOCOL]; an IPv6 address in brackets. Without an address it is of both families."""
    address, outside = bound.get("HostIp").text(), bound.get("HostPort").text()
    inside = port.removesuffix("/tcp")
    if podmans and address == "0.0.0.0":  # noqa: S104  (what podman writes for no address)
        address = ""
    bracketed = f"[{address}]" if ":" in address else address
    return f"{bracketed}:{outside}:{inside}" if bracketed else f"{outside}:{inside}" if outside else inside


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
    """The addresses that a user of Docker has given the container on its networks."""
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
