"""`/linux/namespaces`: what the container has of its own, and what it shares (runtime-spec config-linux.md)."""

from typing import Final

from bundler.conversion.networking.bridges import bridges, ways_out
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, array, table
from bundler.errors import printable
from bundler.origins import UNSET, Json, Sourced, beating

# The order that dockerd writes them in, each with the overrides key that is about it.
KEYS: Final = {
    "mount": "mount_ns",
    "network": "network_mode",
    "time": "time",
    "uts": "uts",
    "pid": "pid",
    "ipc": "ipc",
    "user": "userns_mode",
    "cgroup": "cgroup",
}
# Networks that hooks connect, and the keys beside `network_mode` that they know.
CONNECTED: Final[dict[str, tuple[str, ...]]] = {
    "bridge": ("bridges", "networks", "ports", "expose", "mac_address", "enable_ipv6"),
    "cni": ("networks", "ports", "expose", "mac_address"),
    "netns": (),
}
_TIME_SINCE: Final = (5, 6)  # time_namespaces(7)


def mode(inputs: Inputs, kind: str) -> Sourced[str]:
    """`private`, `host` or `ns:PATH`, and who decided it.

    A control group namespace is Docker's default on cgroup v2 only; a default that the kernel lacks is left out.
    """
    default = _default(inputs, kind)
    node = inputs.overrides.get(KEYS[kind])
    if node is not UNSET:
        return Sourced(_reduced(node.text()), beating(node.origin, default.origin))
    if kind == "user":
        for key in ("uid_map", "gid_map"):
            mapped = inputs.overrides.get(key)
            if mapped is not UNSET:
                return Sourced("private", beating(mapped.origin, default.origin))
    return default


def _default(inputs: Inputs, kind: str) -> Sourced[str]:
    target = inputs.target
    for item in inputs.profile.items("/linux/namespaces"):
        if item.value["type"] != kind:
            continue
        if (kind == "cgroup" and target.cgroup == "v1") or (kind == "time" and target.kernel < _TIME_SINCE):
            return Sourced("host", beating(target.origin, item.origin))
        return Sourced("private", item.origin)
    return Sourced("host", inputs.profile.origin("/linux/namespaces"))


def _reduced(text: str) -> str:
    """Everything that is neither shared with the machine nor found at a path is the container's own."""
    return text if text == "host" or text.startswith("ns:") else "private"


def is_own(inputs: Inputs, kind: str) -> bool:
    """Whether a namespace is made for the container."""
    return mode(inputs, kind).value == "private"


def is_shared_with_machine(inputs: Inputs, kind: str) -> bool:
    return mode(inputs, kind).value == "host"


def namespaces(inputs: Inputs) -> RuleResult:
    """The profile's namespaces as the overrides change them, in dockerd's order."""
    _check_users(inputs)
    listed: list[Sourced[Json]] = []
    for kind in KEYS:
        decided = mode(inputs, kind)
        if decided.value == "private":
            _check_kernel(inputs, kind)
            listed.append(Sourced({"type": kind}, decided.origin))
        elif decided.value.startswith("ns:"):
            listed.append(Sourced({"type": kind, "path": decided.value.removeprefix("ns:")}, decided.origin))
    part = array(listed)
    return RuleResult(part.value, part.origins, _warnings(inputs))


def _check_kernel(inputs: Inputs, kind: str) -> None:
    node = inputs.overrides.get(KEYS[kind])
    if kind == "time" and node is not UNSET and inputs.target.kernel < _TIME_SINCE:
        raise node.error(f"time: the target's kernel {_dotted(inputs.target.kernel)} has no time namespaces (5.6 has)")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _check_users(inputs: Inputs) -> None:
    """What dockerd refuses to do in a user namespace, because the kernel would not let the container do it."""
    if is_shared_with_machine(inputs, "user"):
        return
    overrides = inputs.overrides
    if overrides.is_true("privileged"):
        raise overrides.entries["privileged"].error("privileged: incompatible with a user namespace")
    for kind in ("network", "pid"):
        node = overrides.get(KEYS[kind])
        if node is not UNSET and is_shared_with_machine(inputs, kind):
            what = f"{KEYS[kind]}: the machine's cannot be shared by a container in a user namespace"
            hint = (
                "network_mode: bridge connects one that has its own, an ordinary user's too"
                if kind == "network"
                else None
            )
            raise node.error(what, hint=hint)


def _warnings(inputs: Inputs) -> tuple[str, ...]:
    """What a namespace alone does not do."""
    found: list[str] = []
    network, ipc = inputs.overrides.get("network_mode"), inputs.overrides.get("ipc")
    chosen = "private" if network is UNSET else network.text()
    connected = chosen in CONNECTED or chosen.startswith("hook:")
    alone = is_own(inputs, "network") and chosen != "none" and not connected
    if network is not UNSET and chosen != "private" and alone:
        found.append(f"{network.origin.where}: network_mode: only lo is in it until a hook connects it")
    unconnected = "since nothing connects the container; write network_mode: bridge, or build with --network bridge"
    why = unconnected if alone else f"with network_mode: {printable(chosen)}"
    for key in ("bridges", "networks", "ports", "expose", "links", "mac_address", "enable_ipv6"):
        node = inputs.overrides.get(key)
        if node is not UNSET and node.value and not (connected and key in CONNECTED.get(chosen, (key,))):
            found.append(f"{node.origin.where}: {key}: has no effect {why}")
    named, ports = bridges(inputs), inputs.overrides.get("ports")
    if named and ports is not UNSET and ports.value and not ways_out(named):
        found.append(f"{ports.origin.where}: ports: has no effect, as all bridges are internal")
    mounted = [volume.plain().get("target") for volume in inputs.overrides.items("volumes")]
    if ipc is not UNSET and ipc.text().startswith("ns:") and "/dev/shm" not in mounted:  # noqa: S108  (inside)
        found.append(f"{ipc.origin.where}: ipc: /dev/shm is the container's own; mount the other's with volumes")
    return tuple(found)


def time_offsets(inputs: Inputs) -> RuleResult:
    """`/linux/timeOffsets` (config-linux.md, offset for time namespace): for a time namespace that is made."""
    node = inputs.overrides.get("time_offsets")
    if node is UNSET or not node.entries():
        return ABSENT
    if not is_own(inputs, "time"):
        raise node.error("time_offsets: needs a time namespace of the container's own", hint="time: private")
    return table({clock: Sourced(offset.plain(), offset.origin) for clock, offset in node.entries().items()})
