"""What Docker refuses of a whole line: flags that are right by themselves and wrong together."""

from collections.abc import Callable
from typing import Final

from bundler.errors import RequestError
from bundler.overrides.docker_run.command_line import CommandLine
from bundler.overrides.docker_run.network import is_of_ones_own
from bundler.overrides.docker_run.values import size_or_unlimited
from bundler.overrides.keys.limits import LEAST_MEMORY

_HEALTH: Final = ("cmd", "interval", "retries", "start-interval", "start-period", "timeout")

# Flags of what a field of --network says, too.
_FIELDS: Final = {
    "network-alias": "aliases",
    "link-local-ip": "link_local_ips",
    "ip": "ipv4_address",
    "ip6": "ipv6_address",
    "mac-address": "mac_address",
}


def network_mode(line: CommandLine) -> str:
    """The first --network says which network a container is made with; others are joined later."""
    return next(iter(networks(line)), "default")


def networks(line: CommandLine) -> list[str]:
    """The names of the networks, in order."""
    return [str(joined["name"]) for joined in line.all("network")]


def _said_twice(line: CommandLine) -> bool:
    """Whether a flag and a field of --network are about the same."""
    return any(line.last(flag) and key in joined for joined in line.all("network")[:1] for flag, key in _FIELDS.items())


def _has_the_machine_s_address(line: CommandLine) -> bool:
    return network_mode(line) == "host" and bool(line.last("mac-address"))


def _bytes(line: CommandLine, name: str) -> int:
    return size_or_unlimited(str(line.last(name, "0")))


def _joins(line: CommandLine) -> bool:
    return network_mode(line).startswith("container:")


def _on_default_network(line: CommandLine) -> bool:
    return not is_of_ones_own(network_mode(line))


def _networks_that_exclude_each_other(line: CommandLine) -> bool:
    named = networks(line)
    return len(named) > 1 and not all(map(is_of_ones_own, named))


def _logs_nowhere(line: CommandLine) -> bool:
    return line.last("log-driver") == "none" and bool(line.all("log-opt"))


def _small_swap(line: CommandLine) -> bool:
    memory, swap = _bytes(line, "memory"), _bytes(line, "memory-swap")
    return memory > 0 and 0 < swap < memory


def _reserved_too_much(line: CommandLine) -> bool:
    return 0 < _bytes(line, "memory") < _bytes(line, "memory-reservation")


def _seccomp_by_name(line: CommandLine) -> bool:
    return bool(line.last("privileged")) and "seccomp=builtin" in line.all("security-opt")


def _processors_twice(line: CommandLine) -> bool:
    return line.last("cpus", "0") != "0" and any(line.last(name, 0) for name in ("cpu-quota", "cpu-period"))


def _restarts(line: CommandLine) -> bool:
    return line.last("restart", "no") not in ("", "no")


REFUSALS: Final[tuple[tuple[Callable[[CommandLine], bool], str], ...]] = (
    (lambda line: bool(line.last("help")), "--help asks for help and runs nothing"),
    (lambda line: bool(line.last("rm")) and _restarts(line), "--restart and --rm cannot both be given"),
    (lambda line: bool(line.last("detach")) and bool(line.all("attach")), "--attach and --detach cannot both be given"),
    (
        lambda line: bool(line.last("no-healthcheck")) and any(line.last(f"health-{part}") for part in _HEALTH),
        "--no-healthcheck conflicts with the --health flags",
    ),
    (lambda line: 0 < _bytes(line, "memory") < LEAST_MEMORY, "--memory: the least limit is 6m"),
    (
        lambda line: 0 < _bytes(line, "memory-reservation") < LEAST_MEMORY,
        "--memory-reservation: the least reservation is 6m",
    ),
    (
        lambda line: _bytes(line, "memory") == 0 and _bytes(line, "memory-swap") > 0,
        "--memory-swap limits memory and swap together: it needs --memory",
    ),
    (_small_swap, "--memory-swap has to be at least --memory: it limits memory and swap together"),
    (_reserved_too_much, "--memory has to be at least --memory-reservation"),
    (_processors_twice, "--cpus cannot be given with --cpu-quota or --cpu-period: it sets both"),
    (
        _networks_that_exclude_each_other,
        "--network: several can be given if they are networks of one's own, not host, none, bridge or a container's",
    ),
    (
        lambda line: len(set(networks(line))) < len(networks(line)),
        "--network: the same network is given twice",
    ),
    (_said_twice, "--network has a field, and beside it stands a flag of the same meaning"),
    (_has_the_machine_s_address, "--mac-address cannot be given with --network host"),
    (_logs_nowhere, "--log-opt: the driver none takes no options"),
    (
        lambda line: bool(line.all("network-alias")) and _on_default_network(line),
        "--network-alias needs a network of one's own",
    ),
    (
        lambda line: _joins(line) and bool(line.last("hostname")),
        "--hostname cannot be given with another container's network",
    ),
    (lambda line: bool(line.last("uts")) and bool(line.last("hostname")), "--hostname cannot be given with --uts host"),
    (
        lambda line: _on_default_network(line) and any(line.last(name) for name in ("ip", "ip6")),
        "--ip and --ip6 need a network of one's own",
    ),
    (
        lambda line: network_mode(line) == "host" and any(name.startswith("net.") for name, _ in line.all("sysctl")),
        "--sysctl net.* would change the machine's own network, which --network host shares",
    ),
    (_seccomp_by_name, "--security-opt seccomp=builtin cannot be given with --privileged"),
    (lambda line: bool(line.last("use-api-socket")), "--use-api-socket: there is no Docker beside a bundle"),
    (lambda line: bool(line.all("link")), "--link needs another container, whose address is not known here"),
    (lambda line: bool(line.all("volumes-from")), "--volumes-from needs another container; give its volumes with -v"),
)


def check(line: CommandLine) -> None:
    """Raise RequestError for the first of REFUSALS that holds."""
    for holds, reason in REFUSALS:
        if holds(line):
            raise RequestError(reason)
