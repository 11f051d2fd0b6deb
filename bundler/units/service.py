"""The service that runs a container in the foreground with nothing but its runtime."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from bundler.errors import RequestError
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.units.health import checks_forgotten, health_remarks, health_units, parse_health
from bundler.units.image_mount import ImageMount
from bundler.units.membership import Membership
from bundler.units.placing import Placing
from bundler.units.service_settings import Policy, hardening_rows, limit_rows, restart_policy, stop_rows
from bundler.units.starting import runtime_directories, start_rows
from bundler.units.text import Rows, plain_paths, unit_text

# File systems of the kernel's own: they are there before any service starts.
_ALWAYS_THERE: Final = ("/proc", "/sys", "/dev", "/run")


@dataclass(frozen=True, slots=True)
class Units:
    """Unit files by their names, the container's service first; `remarks` are sentences for the user."""

    texts: dict[str, str]
    remarks: tuple[str, ...] = ()


def write_units(
    config: RuntimeConfig,
    lifecycle: Mapping[str, Json],
    placing: Placing,
    image: ImageMount | None = None,
    member: Membership | None = None,
) -> Units:
    """The units for a config.json and what bundler.json has under `lifecycle`; `image` is the root filesystem that has
    to be mounted. What is a `member` of a project is started by that. Raises RequestError.

    The container's control group is made by the runtime: beside the service's, or where config.json says, so the
    service has no such limit of its own. Delegate keeps systemd from taking controllers away.
    """
    health = parse_health(lifecycle.get("healthcheck"))
    stopping, stop_signal, remarks = stop_rows(
        placing, _text(lifecycle, "stop_signal"), _text(lifecycle, "stop_grace_period")
    )
    policy = restart_policy(_text(lifecycle, "restart"), stop_signal)
    if member is not None:
        _check_completing(member, placing, policy)
    texts = {
        f"{placing.name}.service": unit_text(
            Unit=[
                ("Description", f"Container {placing.name}"),
                *_surroundings(config, placing),
                ("Wants", None if health is None else f"{placing.name}-health.timer"),
                *(() if member is None else member.unit_rows()),
                *policy.unit,
            ],
            Service=[
                ("Type", "exec" if member is None else member.type),
                *(() if member is None else member.service_rows(placing)),
                *start_rows(config, placing, stop_signal, image),
                ("ExecStopPost", None if health is None else checks_forgotten(placing)),
                *stopping,
                *policy.service,
                ("Delegate", "yes"),
                ("TasksMax", "infinity"),
                ("OOMPolicy", "continue"),
                ("RuntimeDirectory", runtime_directories(placing)),
                ("RuntimeDirectoryMode", "0700"),
                *limit_rows(config),
                # What a process inherits reaches the container: there, a closed pipe ends its writer.
                ("IgnoreSIGPIPE", "no"),
                ("SyslogIdentifier", placing.name),
                *hardening_rows(config, user=placing.user),
                *_terminal(config, placing, in_project=member is not None),
            ],
            Install=[] if member is not None else install_rows(placing),
        )
    }
    if health is None:
        return Units(texts, remarks)
    checks = health_units(placing, health, config.process)
    return Units(texts | checks, (*remarks, *health_remarks(placing, config.process)))


def install_rows(placing: Placing) -> Rows:
    """Rows of [Install]: what is enabled starts with the machine, or with the user."""
    return [("WantedBy", "default.target" if placing.user else "multi-user.target")]


def _check_completing(member: Membership, placing: Placing, policy: Policy) -> None:
    """Raise RequestError for what is started again however it ends, and is waited for to end."""
    if member.completes and ("Restart", "always") in policy.service:
        what = f"{placing.name} is started again whenever it ends, and another service waits until it has completed"
        raise RequestError(what, hint="give it restart: on-failure or none, and build the project again")


def _text(lifecycle: Mapping[str, Json], key: str) -> str | None:
    value = lifecycle.get(key)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"bundler.json: {key}: not a text")
    return value


def _surroundings(config: RuntimeConfig, placing: Placing) -> Iterator[tuple[str, str | None]]:
    """What has to be there first: the file systems of the bundle and of what it mounts, and the network."""
    paths = [placing.directory, *(mount.source for mount in config.mounts if mount.is_bind and mount.source)]
    yield "RequiresMountsFor", plain_paths(path for path in paths if _may_be_mounted(path))
    if _needs_network(config) and not placing.user:  # the manager of a user does not know that target
        yield "Wants", "network-online.target"
        yield "After", "network-online.target"


def _may_be_mounted(path: str) -> bool:
    place = PurePosixPath(path)
    return (
        place.is_absolute()
        and ".." not in place.parts
        and not any(place.is_relative_to(there) for there in _ALWAYS_THERE)
    )


def _needs_network(config: RuntimeConfig) -> bool:
    """One of its own without a hook that connects it has no interface but lo, and waits for no other machine."""
    own = any(namespace.type == "network" and not namespace.path for namespace in config.namespaces)
    return not own or bool(config.hooks)


def _terminal(config: RuntimeConfig, placing: Placing, *, in_project: bool) -> Rows:
    """A runtime in the foreground copies between the container's terminal and its own, which a service has to get."""
    if not config.process.terminal:
        return ()
    if placing.terminal is None:
        hint = "build the bundle with tty: false, or give the service one with --tty /dev/tty8"
        if in_project:
            hint = "say tty: false of it in an overrides file, bundler project FILE --overrides SERVICE=OVERRIDES"
        raise RequestError(f"{placing.name}: config.json has a terminal, and a service has none", hint=hint)
    path = plain_paths([placing.terminal])
    if path is None:
        raise RequestError("--tty: the path of a terminal has no such characters")
    return (
        ("StandardInput", "tty"),
        ("StandardOutput", "tty"),
        ("TTYPath", path),
        ("TTYReset", "yes"),
        ("TTYVHangup", "yes"),
    )
