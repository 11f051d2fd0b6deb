"""Services that are in a namespace of another one: compose's `network_mode`, `ipc` and `pid` with `service:NAME`.

The other one's hooks keep the namespace at a path, by the container's name (`shared_namespaces`), and this one joins it
there (`ns:PATH`). Shared memory comes with a namespace for IPC, at a path beside it, and with a network the files by
which others are found there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from bundler.conversion.shared_namespaces import place
from bundler.errors import printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.node import Node, from_json
from bundler.project.services import OF_SERVICE, Service

_KINDS: Final = {"network_mode": "network", "ipc": "ipc", "pid": "pid"}
_HOST: Final = "host"
# Files of a network by what the key `etc_files` calls them, with the keys that make one the service's own.
_FILES: Final = {
    "hosts": ("hosts", ("extra_hosts",)),
    "hostname": ("hostname", ("hostname",)),
    "resolv_conf": ("resolv.conf", ("dns", "dns_search", "dns_opt")),
}
_MEMORY: Final = "/dev/shm"  # noqa: S108  (a mount point inside the container)


@dataclass(frozen=True, slots=True)
class Sharing:
    """`owners` has for each service that is in namespaces of others who these are, by the key that says so;
    `of_machine` the keys of each that is in the machine's, as the other one is.
    """

    owners: Mapping[str, Mapping[str, Service]] = field(default_factory=dict)
    of_machine: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def kept(self, service: str) -> list[str]:
        """The namespaces of a service that others are in."""
        pairs = [(key, owner) for owners in self.owners.values() for key, owner in owners.items()]
        return sorted({_KINDS[key] for key, owner in pairs if owner.name == service})

    def network_of(self, service: str) -> Service | None:
        """The service whose network another one is in."""
        return self.owners.get(service, {}).get("network_mode")


def sharing(services: Sequence[Service]) -> Sharing:
    """Who is in whose namespaces. Raises RequestError, with its place, for one that has several containers."""
    by_name = {service.name: service for service in services}
    owners: dict[str, dict[str, Service]] = {}
    of_machine: dict[str, list[str]] = {}
    for service in services:
        for key in _KINDS:
            owner = _owner(by_name, service, key)
            if owner is service:
                continue
            if key in owner.entries and owner.entries[key].value == _HOST:
                of_machine.setdefault(service.name, []).append(key)
                continue
            _check_one(owner, service.entries[key])
            owners.setdefault(service.name, {})[key] = owner
    return Sharing(owners, of_machine)


def with_paths(service: Service, shared: Sharing, container_name: Callable[[Service], str]) -> Service:
    """The service with the paths of namespaces in the place of who has them."""
    entries = dict(service.entries)
    for key in shared.of_machine.get(service.name, ()):
        entries[key] = entries[key].with_value(_HOST)
    for key, owner in shared.owners.get(service.name, {}).items():
        entries[key] = entries[key].with_value(f"ns:{place(container_name(owner), _KINDS[key])}")
        if key == "ipc":
            entries["volumes"] = _with_memory(entries, entries[key], container_name(owner))
    kept = shared.kept(service.name)
    if "ipc" in kept and "ipc" not in entries:  # as a daemon has it whose default is not private
        entries["ipc"] = service.node.with_value("shareable")
    return replace(service, node=service.node.with_value(entries))


def etc_files(container: str, stated: Collection[str]) -> dict[str, str]:
    """The key `etc_files` of a service that says the keys `stated`, and is in the network of the container."""
    return {
        key: place(container, file) for key, (file, own) in _FILES.items() if not any(each in stated for each in own)
    }


def _owner(services: Mapping[str, Service], service: Service, key: str) -> Service:
    """Whose namespace a service is in: its own, or that of another one, through as many as there are between them."""
    while key in service.entries and str(service.entries[key].value).startswith(OF_SERVICE):
        node = service.entries[key]
        name = str(node.value).removeprefix(OF_SERVICE)
        if name not in services:
            raise node.error(f"{key}: {printable(name[:60])} has no container", hint="scale: 1 gives it one")
        service = services[name]
    return service


def _check_one(owner: Service, node: Node) -> None:
    if owner.replicas > 1:
        what = f"{printable(owner.name[:60])} has {owner.replicas} containers, and this has to be one's"
        raise node.error(f"service:NAME: {what}", hint="scale: 1, or another service for it")


def _with_memory(entries: Mapping[str, Node], node: Node, container: str) -> Node:
    mount = from_json({"type": "bind", "source": place(container, "shm"), "target": _MEMORY}, node.origin)
    listed = entries["volumes"].listed() if "volumes" in entries else ()
    return node.with_value((*listed, mount))
