"""/etc/hosts, /etc/hostname and /etc/resolv.conf: the three files Docker manages in every container."""

from typing import Final

from bundler.conversion.networking.bridges import bridges
from bundler.conversion.networking.network import gateway, network_mode
from bundler.conversion.process.environment import host_name
from bundler.conversion.rule import Inputs
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.keys.networking import GATEWAY, check_gateway
from bundler.overrides.node import Node

_HOSTS: Final = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)
# Docker writes the address it gave the container. Where it has none yet, its name is on its own loopback.
_OWN_ADDRESS: Final = "127.0.1.1"
# In Docker's order, each with its key in `etc_files`.
_FILES: Final = {"resolv.conf": "resolv_conf", "hostname": "hostname", "hosts": "hosts"}
_NO_SEARCH: Final = "."  # docker's word for no search list at all


def generated_files(inputs: Inputs) -> dict[str, bytes]:
    """The files below the bundle's `etc/`, by name.

    Nothing of the build host gets in: resolv.conf names no server but those of `dns`, so resolvers ask the container's
    own loopback.
    """
    texts = {"hostname": f"{host_name(inputs).value}\n", "hosts": _hosts(inputs), "resolv.conf": _resolver(inputs)}
    return {
        name: text.encode("utf-8", "surrogateescape")
        for name, text in texts.items()
        if _source(inputs, name).value == "generate"
    }


def _hosts(inputs: Inputs) -> str:
    """Docker's lines, those of `extra_hosts`, then the container's own, which `none` has none of."""
    lines = [f"{address}\t{names}" for address, names in _HOSTS]
    extra = inputs.overrides.get("extra_hosts")
    if extra is not UNSET:
        hosts = ((name, item) for name, addresses in extra.entries().items() for item in addresses.items())
        lines += [f"{_address(inputs, item)}\t{name}" for name, item in hosts]
    if network_mode(inputs).value == "private":
        known = [str(address) for bridge in bridges(inputs) for address in bridge.addresses]
        lines += [f"{address}\t{_own_names(inputs)}" for address in known or (_OWN_ADDRESS,)]
    return "".join(f"{line}\n" for line in lines)


def _address(inputs: Inputs, node: Node) -> str:
    machine = gateway(inputs) if node.value == GATEWAY else None
    return machine or node.text()


def _own_names(inputs: Inputs) -> str:
    """`web1.example.org web1`: the full name first, as gethostbyname(3) wants it, then the short one."""
    name, domain = host_name(inputs).value, inputs.overrides.get("domainname")
    full = f"{name}.{domain.value}" if domain is not UNSET and domain.value else name
    short = full.partition(".")[0]
    return full if full == short else f"{full} {short}"


def _resolver(inputs: Inputs) -> str:
    """resolv.conf(5) of `dns`, `dns_search` and `dns_opt`; empty without any of them."""
    overrides = inputs.overrides
    lines = [f"nameserver {node.value}" for node in overrides.items("dns")]
    search = [node.text() for node in overrides.items("dns_search") if node.value != _NO_SEARCH]
    options = [node.text() for node in overrides.items("dns_opt")]
    lines += [f"{word} {' '.join(values)}" for word, values in (("search", search), ("options", options)) if values]
    return "".join(f"{line}\n" for line in lines)


def _source(inputs: Inputs, name: str) -> Sourced[str]:
    """`generate`, `bind` (the machine's own file), `image` (no mount) or a path of the machine, and who said so.

    Who shares a network shares its names, unless the overrides have names of their own, as in Docker.
    """
    mode, overrides = network_mode(inputs), inputs.overrides
    default = Sourced("generate", Origin("bundler", f"etc/{name}"))
    asked = {"hosts": ("extra_hosts",), "resolv.conf": ("dns", "dns_search", "dns_opt"), "hostname": ()}[name]
    shared = mode.value == "host" or mode.value.startswith("ns:")
    if name != "hostname" and shared and not any(key in overrides.entries for key in asked):
        default = Sourced("bind", beating(mode.origin, default.origin))
    chosen = overrides.get("etc_files")
    if chosen is not UNSET and _FILES[name] in chosen.entries():
        node = chosen.entries()[_FILES[name]]
        return Sourced(node.text(), beating(node.origin, default.origin))
    return default


def etc_mounts(inputs: Inputs) -> list[Sourced[dict[str, Json]]]:
    """The binds of the three files, in Docker's order; read-only with the rootfs, since they are part of it.

    Raises RequestError for hosts that have no address here.
    """
    check_gateway(inputs.overrides.entries)
    read_only = ["ro"] if inputs.overrides.is_true("read_only") else []  # nothing is mounted below a file
    mounts = []
    for name in _FILES:
        chosen = _source(inputs, name)
        sources = {"generate": f"etc/{name}", "bind": f"/etc/{name}"}
        if chosen.value == "image":
            continue
        mount = {
            "destination": f"/etc/{name}",
            "type": "bind",
            "source": sources.get(chosen.value, chosen.value),
            "options": ["rbind", *read_only, "rprivate"],
        }
        mounts.append(Sourced(mount, chosen.origin))
    return mounts
