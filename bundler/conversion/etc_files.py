"""/etc/hosts, /etc/hostname and /etc/resolv.conf: the three files Docker manages in every container."""

from typing import Final

from bundler.conversion.environment import host_name
from bundler.conversion.givens import Givens
from bundler.conversion.network import network_mode
from bundler.origins import Json, Origin, Sourced

_HOSTS: Final = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)


def generated_files(givens: Givens) -> dict[str, bytes]:
    """The files below the bundle's `etc/`, by name.

    Nothing of the build host gets in: resolv.conf names no server, so resolvers ask the container's own loopback.
    """
    hosts = "".join(f"{address}\t{names}\n" for address, names in _HOSTS)
    files = {"hostname": f"{host_name(givens).value}\n", "hosts": hosts, "resolv.conf": ""}
    return {name: text.encode("utf-8", "surrogateescape") for name, text in files.items() if name in _ours(givens)}


def _ours(givens: Givens) -> tuple[str, ...]:
    """Who shares a network shares its names: with the host's or another's network, only the host name is generated."""
    mode = network_mode(givens).value
    return ("hostname",) if mode == "host" or mode.startswith("ns:") else ("hostname", "hosts", "resolv.conf")


def etc_mounts(givens: Givens) -> list[Sourced[dict[str, Json]]]:
    """The binds of the three files, in Docker's order; read-only with the rootfs, since they are part of it."""
    read_only = [givens.target.read_only] if givens.overrides.is_true("read_only") else []
    ours = _ours(givens)
    mounts = []
    for name in ("resolv.conf", "hostname", "hosts"):
        source = f"etc/{name}" if name in ours else f"/etc/{name}"
        mount = {
            "destination": f"/etc/{name}",
            "type": "bind",
            "source": source,
            "options": ["rbind", *read_only, "rprivate"],
        }
        mounts.append(Sourced(mount, Origin("bundler", f"etc/{name}")))
    return mounts
