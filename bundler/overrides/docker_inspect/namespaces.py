"""What the container shares with its machine or with others: namespaces, networks, names."""

import re
from typing import Final

from bundler.overrides.docker_inspect import neighbours
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import Value
from bundler.overrides.docker_inspect.podman import given

# What podman calls a namespace of the container's own; to Docker, shareable is more than that.
_OWN: Final = {"pid": ("", "private"), "ipc": ("", "private"), "uts": ("", "private")}
_FIELDS: Final = {"pid": "PidMode", "ipc": "IpcMode", "uts": "UTSMode"}
_OTHERS: Final = ("container:", "service:")
_IMAGE_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{64}|sha256:.*")
_PODMANS_PARENTS: Final = ("/libpod_parent", "machine.slice", "user.slice")
_PRIVATE: Final = ("", "default", "bridge", "private", "podman", "slirp4netns", "pasta")
_GATEWAY: Final = "host-gateway"
_CONNECTED: Final = "a network namespace is made; whoever runs the bundle connects it to a network"


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
    shares = container.host("UTSMode").text() == "host" or container.host("NetworkMode").text().startswith(_OTHERS)
    if value.text() and value.text() != own and not shares:
        draft.say("hostname", value.text(), value)


def namespaces(container: Container, draft: Draft) -> None:
    for key, field in _FIELDS.items():
        value = container.host(field)
        mode = value.text()
        if container.is_podmans and mode == "shareable":
            mode = next(given(container, "--ipc"), "")  # what podman 4 says of the machine's, too
        if mode.startswith(_OTHERS):
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
    if mode.text().startswith(_OTHERS):
        _needs_another(draft, "NetworkMode", "network_mode")
    elif mode.text() in ("host", "none") or mode.text().startswith("ns:"):
        draft.say("network_mode", mode.text(), mode)
    elif container.config("NetworkDisabled").flag():
        draft.say("network_mode", "none", container.config("NetworkDisabled"))
    elif mode.text() not in _PRIVATE and not neighbours.of(container):
        draft.leave_out(
            f"the network {mode.text()}",
            f"{_CONNECTED}; names of others there are known where one file has the inspect of them, too",
        )
    for item in container.host("ExtraHosts").items():
        if item.text().endswith(_GATEWAY):
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
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{outside}:{inside}" if shown else f"{outside}:{inside}" if outside else inside
