"""Which network a container is in, what connects it, which of its ports the machine has, and what it sets there."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from bundler.approval.namespaces import whose
from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.doctor.networks import carried
from bundler.origins import pointer_token
from bundler.runtime_spec.list_identity import text
from bundler.runtime_spec.runtime_config import RuntimeConfig

_NAMESPACE: Final = ("/linux", "/namespaces", "[network]")
_SYSCTL: Final = ("/linux", "/sysctl")
_NET: Final = "/net."
_CONNECTS: Final = "hooks/network"  # what bundler's own hook starts
_UP: Final = 5  # words before those that say what is connected (conversion/networking/connection.py)
_PORTS: Final = 4  # of these, the words before the ports
_PARTS: Final = 4  # of a port's word: protocol, address, outside, inside
_IPV4: Final = 4
_BEFORE_IT_RUNS: Final = ("prestart", "createRuntime", "createContainer")


def network_section(subject: Subject) -> Section:
    """The network namespace, and what is about it (config-linux.md, namespaces and network devices)."""
    return Section(name="network", title="Network", gist=_gist(subject.config), rows=tuple(_rows(subject)))


def _gist(config: RuntimeConfig) -> str:
    network = whose(config, "network")
    if network != "its own":
        return f"{network} network" if network == "the machine's" else network
    words = _connection(config)
    if words is None:
        hooks = any(hook.kind in _BEFORE_IT_RUNS for hook in config.hooks)
        return "its own, which a hook may connect" if hooks else "its own, connected to nothing"
    named = dict.fromkeys(f"{place.rpartition(':')[2]} to {inside}" for place, inside in _ports(words))
    ports = listed(list(named), most=4)
    return f"its own, connected by a hook, ports of the machine: {ports or 'none'}"


def _rows(subject: Subject) -> Iterator[Row]:
    config, baseline = subject.config, subject.baseline
    yield Row(
        what="network",
        value=whose(config, "network"),
        baseline=whose(baseline, "network"),
        set_by=subject.set_by(*(each.pointer for each in config.namespaces if each.type == "network")),
        differences=subject.under(_NAMESPACE),
    )
    words = _connection(config)
    if words is not None:
        known = [each for word in words[: _PORTS - 1] for each in word.split(",") if each not in ("-", "")]
        yield Row(
            what="connected to",
            value=listed(known) or "what its CNI plugins connect",
            note="by a hook, which runs on the machine",
            set_by=subject.set_by("/hooks"),
        )
        for place, inside in _ports(words):
            yield Row(what=f"port {place}", value=inside, note="of the machine", set_by=subject.set_by("/hooks"))
    ours, theirs = (dict.fromkeys(_devices(each)) for each in (config, baseline))
    for name in {**ours, **theirs}:
        yield Row(
            what=name,
            value="moved into the container" if name in ours else "stays with the machine",
            baseline="moved into the container" if name in theirs else "stays with the machine",
            note="a network device of the machine",
            set_by=subject.set_by(f"/linux/netDevices/{pointer_token(name)}"),
            differences=subject.under(("/linux", "/netDevices", f"/{name}")),
        )
    yield from parameters(subject, of_network=True)


def parameters(subject: Subject, *, of_network: bool) -> Iterator[Row]:
    """Kernel parameters that differ; those of the network belong to its namespace."""
    for step in subject.steps(*_SYSCTL):
        if step.startswith(_NET) == of_network:
            name = step[1:]
            yield Row(
                what=name,
                value=_parameter(subject.config, name),
                baseline=_parameter(subject.baseline, name),
                note="a kernel parameter",
                set_by=subject.set_by(f"/linux/sysctl/{pointer_token(name)}"),
                differences=subject.under((*_SYSCTL, step)),
            )


def _parameter(config: RuntimeConfig, name: str) -> str:
    return text(config.sysctl[name]) if name in config.sysctl else "not set"


def _devices(config: RuntimeConfig) -> list[str]:
    return [str(name) for devices in config.values("linux", "netDevices") for name in devices]


def _connection(config: RuntimeConfig) -> tuple[str, ...] | None:
    """The words of bundler's own hook: bridges, subnets of each family, resolver, then ports; None without it."""
    for hook in config.hooks:
        if carried(hook) == _CONNECTS and hook.args[_UP - 1 : _UP] == ("up",):
            return hook.args[_UP:]
    return None


def _ports(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Where a port is on the machine and what it leads to, from words like tcp/0.0.0.0/8080/80."""
    parts = [word.split("/") for word in words[_PORTS:]]
    return [
        (f"{_address(address)}:{outside}", f"{inside}/{protocol}")
        for protocol, address, outside, inside in (each for each in parts if len(each) == _PARTS)
    ]


def _address(text: str) -> str:
    """An address as people write it; IPv6 in brackets, with all its zeros left out."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return address.compressed if address.version == _IPV4 else f"[{address.compressed}]"
