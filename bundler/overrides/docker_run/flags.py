"""Every flag of docker 28's `docker run` and `docker create`: the grammar of its value, and what becomes of it.

A flag with a `key` becomes that key of an overrides file, as it is. One with `traceless` does not change config.json,
for the reason given. One with neither is composed with others (settings.py).
"""

import re
from collections.abc import Callable
from typing import Final, Literal

from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.docker_run import environment, mounts, network, resources, values
from bundler.overrides.docker_run.values import boolean, integer, one_of, size, text
from bundler.overrides.imports import NETWORK_AT_RUN, RECORD_OF_DOCKER
from bundler.overrides.keys.namespaces import IPC_SYSCTLS
from bundler.overrides.keys.scalars import write_size


@dataclass(frozen=True, slots=True)
class Flag:
    """`grammar` turns the text of a value into what it means, or raises ValueError.

    `gather` says what a flag that is given again does: it replaces the value, adds to a list, or sets an entry.
    """

    name: str
    grammar: Callable[[str], Json] = text
    short: str = ""
    key: str = ""
    traceless: str = ""
    gather: Literal["last", "list", "map"] = "last"

    @property
    def spelled(self) -> str:
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


_CLIENT = "it is about docker's client, not about the container"
_DAEMON = "Docker's daemon sees to it, not the container"
_DEPRECATED = "Docker ignores it since kernels lack the limit"


def _size(given: str) -> Json:
    return write_size(size(given))


def _swap(given: str) -> Json:
    return write_size(values.size_or_unlimited(given))


def _stream(given: str) -> str:
    if given.lower() not in ("stdin", "stdout", "stderr"):
        raise ValueError("it takes STDIN, STDOUT and STDERR")
    return given


def _label(given: str) -> str:
    name = given.partition("=")[0].lstrip(" \t")
    if not name:
        raise ValueError("a label has a name")
    if " " in name or "\t" in name:
        raise ValueError(f"the label {name!r} contains whitespace")
    return given


def _storage_option(given: str) -> str:
    if "=" not in given:
        raise ValueError("it is not NAME=VALUE")
    return given


def _sysctl(given: str) -> tuple[str, str]:
    """NAME=VALUE of a parameter that the kernel keeps per container."""
    name, separator, value = given.partition("=")
    if not separator or not (name.startswith(("net.", "fs.mqueue.")) or name in IPC_SYSCTLS):
        raise ValueError("it is not allowed: docker takes net.*, fs.mqueue.* and " + ", ".join(IPC_SYSCTLS))
    return name, value


def _name(given: str) -> str:
    if given and not _NAME.fullmatch(given):
        raise ValueError("it has to be two or more of a-z, A-Z, 0-9, _, . and -, with a letter or a digit first")
    return given.removeprefix("/")


def _restart(given: str) -> str:
    name, separator, count = given.partition(":")
    if name not in ("", "no", "always", "on-failure", "unless-stopped"):
        raise ValueError("it takes no, always, on-failure[:NUMBER] and unless-stopped")
    if count and (values.decimal(count) < 0 or name != "on-failure"):
        raise ValueError("a number of retries, from 0 up, is for on-failure")
    return f"{name}{separator}{values.decimal(count)}" if count else name


def _working_directory(given: str) -> str:
    if given and not given.startswith("/"):
        raise ValueError("it needs to be an absolute path")
    return given


def _user(given: str) -> str:
    for part in given.split(":"):
        if part.isdecimal() and (len(part) > _LONGEST_ID or int(part) > _HIGHEST_ID):
            raise ValueError(f"uids and gids are between 0 and {_HIGHEST_ID}")
    return given


def _runtime(given: str) -> str:
    if given not in _RUNTIMES:
        raise ValueError(f"it is not a runtime that is known here: {', '.join(filter(None, _RUNTIMES))}")
    return given


def _for_windows(_given: str) -> Json:
    raise ValueError("docker takes it on Windows only")


def _platform(given: str) -> str:
    """OS[/ARCHITECTURE[/VARIANT]], or an architecture of Linux with its variant; `linux` alone says nothing."""
    parts = given.lower().split("/")
    if given and (len(parts) > 3 or not all(parts) or (len(parts) == 1 and given not in ("linux", *_ARCHITECTURES))):  # noqa: PLR2004
        raise ValueError("it is not OS/ARCHITECTURE[/VARIANT]")
    if given == "linux":
        return ""
    return f"linux/{given}" if parts[0] in _ARCHITECTURES else given


def _pids(given: str) -> int:
    """The most processes; to Docker any number below 0 is no limit."""
    return max(values.integer(given), -1)


def _positive(given: str) -> int:
    number = values.integer(given)
    if number < 0:
        raise ValueError("it cannot be negative")
    return number


_RUNTIMES: Final = ("", "runc", "io.containerd.runc.v2", "crun", "youki")
_ARCHITECTURES: Final = (
    *("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"),
    *("x86_64", "x86-64", "i386", "aarch64", "armhf", "armel"),  # the names that the key `platform` takes for them
)
_NAME: Final = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_HIGHEST_ID: Final = (1 << 31) - 1
_LONGEST_ID: Final = 32

_LIST: Final = "list"
_MAP: Final = "map"

_ROWS: Final = (
    Flag("add-host", network.extra_host, gather=_LIST),
    Flag("annotation", values.assignment, gather=_MAP),
    Flag("attach", _stream, "a", traceless=_CLIENT, gather=_LIST),
    Flag("blkio-weight", values.weight),
    Flag("blkio-weight-device", resources.weighted_device, gather=_LIST),
    Flag("cap-add", key="cap_add", gather=_LIST),
    Flag("cap-drop", key="cap_drop", gather=_LIST),
    Flag("cgroup-parent", key="cgroup_parent"),
    Flag("cgroupns", one_of("host", "private", ""), key="cgroup"),
    Flag("cidfile", traceless=_CLIENT),
    Flag("cpu-count", _for_windows),
    Flag("cpu-percent", _for_windows),
    Flag("cpu-period", integer, key="cpu_period"),
    Flag("cpu-quota", integer, key="cpu_quota"),
    Flag("cpu-rt-period", integer, key="cpu_rt_period"),
    Flag("cpu-rt-runtime", integer, key="cpu_rt_runtime"),
    Flag("cpu-shares", integer, "c", key="cpu_shares"),
    Flag("cpus", resources.processors, key="cpus"),
    Flag("cpuset-cpus", key="cpuset"),
    Flag("cpuset-mems", key="cpuset_mems"),
    Flag("detach", boolean, "d", traceless=_CLIENT),
    Flag("detach-keys", traceless=_CLIENT),
    Flag("device", resources.device, gather=_LIST),
    Flag("device-cgroup-rule", resources.device_cgroup_rule, key="device_cgroup_rules", gather=_LIST),
    Flag("device-read-bps", resources.byte_rate, gather=_LIST),
    Flag("device-read-iops", resources.io_rate, gather=_LIST),
    Flag("device-write-bps", resources.byte_rate, gather=_LIST),
    Flag("device-write-iops", resources.io_rate, gather=_LIST),
    Flag("disable-content-trust", boolean, traceless=_CLIENT),
    Flag("dns", network.address, key="dns", gather=_LIST),
    Flag("dns-option", key="dns_opt", gather=_LIST),
    Flag("dns-search", network.search_domain, key="dns_search", gather=_LIST),
    Flag("domainname", key="domainname"),
    Flag("entrypoint"),
    Flag("env", environment.variable, "e", gather=_LIST),
    Flag("env-file", gather=_LIST),
    Flag("expose", network.exposed, key="expose", gather=_LIST),
    Flag("gpus", resources.gpus, gather=_LIST),
    Flag("group-add", key="group_add", gather=_LIST),
    Flag("health-cmd"),
    Flag("health-interval", values.duration),
    Flag("health-retries", _positive),
    Flag("health-start-interval", values.duration),
    Flag("health-start-period", values.duration),
    Flag("health-timeout", values.duration),
    Flag("help", boolean),
    Flag("hostname", short="h", key="hostname"),
    Flag("init", boolean, key="init"),
    Flag("interactive", boolean, "i", traceless="standard input is open or not by how the bundle is run"),
    Flag("io-maxbandwidth", _for_windows),
    Flag("io-maxiops", _for_windows),
    Flag("ip", network.address_or_none),
    Flag("ip6", network.address_or_none),
    Flag("ipc"),
    Flag("isolation", one_of("default", ""), traceless="Linux has no other than the default"),
    Flag("kernel-memory", size, traceless=_DEPRECATED),
    Flag("label", _label, "l", traceless=RECORD_OF_DOCKER, gather=_LIST),
    Flag("label-file", traceless=RECORD_OF_DOCKER, gather=_LIST),
    Flag("link", network.link, gather=_LIST),
    Flag("link-local-ip", network.address, gather=_LIST),
    Flag("log-driver", traceless=_DAEMON),
    Flag("log-opt", traceless=_DAEMON, gather=_LIST),
    Flag("mac-address", network.mac_address, key="mac_address"),
    Flag("memory", _size, "m", key="mem_limit"),
    Flag("memory-reservation", _size, key="mem_reservation"),
    Flag("memory-swap", _swap, key="memswap_limit"),
    Flag("memory-swappiness", integer, key="mem_swappiness"),
    Flag("mount", mounts.mount, gather=_LIST),
    Flag("name", _name, key="container_name"),
    Flag("network", network.network, gather=_LIST),
    Flag("network-alias", gather=_LIST),
    Flag("no-healthcheck", boolean),
    Flag("oom-kill-disable", boolean, key="oom_kill_disable"),
    Flag("oom-score-adj", integer, key="oom_score_adj"),
    Flag("pid"),
    Flag("pids-limit", _pids, key="pids_limit"),
    Flag("platform", _platform, key="platform"),
    Flag("privileged", boolean, key="privileged"),
    Flag("publish", network.published, "p", key="ports", gather=_LIST),
    Flag("publish-all", boolean, "P", traceless=NETWORK_AT_RUN),
    Flag("pull", one_of("always", "missing", "never", ""), traceless=_CLIENT),
    Flag("quiet", boolean, "q", traceless=_CLIENT),
    Flag("read-only", boolean, key="read_only"),
    Flag("restart", _restart, key="restart"),
    Flag("rm", boolean, traceless=_DAEMON),
    Flag("runtime", _runtime, traceless="the runtime is chosen when the bundle is run"),
    Flag("security-opt", gather=_LIST),
    Flag("shm-size", _size, key="shm_size"),
    Flag("sig-proxy", boolean, traceless=_CLIENT),
    Flag("stop-signal", key="stop_signal"),
    Flag("stop-timeout", integer),
    Flag("storage-opt", _storage_option, traceless=_DAEMON, gather=_LIST),
    Flag("sysctl", _sysctl, key="sysctls", gather=_MAP),
    Flag("tmpfs", mounts.tmpfs, gather=_LIST),
    Flag("tty", boolean, "t", key="tty"),
    Flag("ulimit", resources.ulimit, key="ulimits", gather=_MAP),
    Flag("use-api-socket", boolean),
    Flag("user", _user, "u", key="user"),
    Flag("userns", one_of("host", "")),
    Flag("uts", one_of("host", ""), key="uts"),
    Flag("volume", mounts.volume, "v", gather=_LIST),
    Flag("volume-driver", traceless=_DAEMON),
    Flag("volumes-from", gather=_LIST),
    Flag("workdir", _working_directory, "w", key="working_dir"),
)

FLAGS: Final[dict[str, Flag]] = {flag.name: flag for flag in _ROWS}
SHORT: Final[dict[str, Flag]] = {flag.short: flag for flag in _ROWS if flag.short}
# Older spellings that docker still takes and no longer shows.
ALIASES: Final = {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"}
