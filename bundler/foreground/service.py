"""Everything that is needed to run one bundle of a project in the foreground, found before anything is started."""

from pathlib import Path
from typing import Final

from bundler import tools
from bundler.bundles.bundle import Bundle
from bundler.bundles.record import part_of
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.project.record import ProjectBundle
from bundler.running.start import RunRequest, prepare
from bundler.tools import Tool
from bundler.units.bundle import placing_of
from bundler.units.health import Health, check_words, parse_health
from bundler.units.service_settings import stopping

_NANOSECONDS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check: its command line, and its times in seconds."""

    words: tuple[str, ...]
    interval: float
    start_period: float
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`words` are those of the `bundler run` that starts it, and that writes the number of its process to `pid_file`;
    `tool` is the runtime, `states` the option that says where it keeps its states. The container gets `grace` seconds
    to end with the signal `stop`.
    """

    bundle: ProjectBundle
    container: str
    words: tuple[str, ...]
    pid_file: Path
    tool: Tool
    states: tuple[str, ...]
    stop: int
    grace: float
    check: Check | None
    restarts: bool


def service_of(folder: Path, bundle: ProjectBundle, request: RunRequest, pid_file: Path) -> Service:
    """The bundle in `folder`, which is looked at as `bundler run` does before it starts it; `request` has the
    options that all bundles have in common. Raises what `prepare` raises.
    """
    opened = Bundle.open(folder)
    options = [f"--pid-file={pid_file}", "--no-tty", "--rm"]
    options += [f"--runtime={request.runtime}"] if request.runtime else []
    options += [f"--root={request.root.absolute()}"] if request.root else []
    options += [f"--{name}" for name, is_set in (("ephemeral", request.ephemeral), ("as-is", request.as_is)) if is_set]
    start = prepare(
        RunRequest(
            bundle=folder,
            runtime=request.runtime,
            root=request.root,
            pid_file=pid_file,
            terminal=False,
            replace=True,
            ephemeral=request.ephemeral,
            as_is=request.as_is,
            before=request.before,
        ),
        terminal_here=False,
    )
    lifecycle = part_of(opened.config_file.recorded or {}, "lifecycle")
    placing = placing_of(opened, runtime=tools.require(start.tool))
    number, nanoseconds, _ = stopping(_text(lifecycle.get("stop_signal")), _text(lifecycle.get("stop_grace_period")))
    states = ("--root", str(request.root.absolute())) if request.root else ()
    health = parse_health(lifecycle.get("healthcheck"))
    words = () if health is None else check_words(placing, health, opened.config.process)
    return Service(
        bundle=bundle,
        container=placing.name,
        words=("run", *options, str(folder)),
        pid_file=pid_file,
        tool=start.tool,
        states=states,
        stop=number,
        grace=nanoseconds / _NANOSECONDS,
        check=None if health is None else _check(health, words, placing.runtime, states),
        restarts=lifecycle.get("restart") not in (None, "no"),
    )


def _check(health: Health, words: tuple[str, ...], runtime: str, states: tuple[str, ...]) -> Check:
    behind = words.index(runtime) + 1
    return Check(
        words=(*words[:behind], *states, *words[behind:]),
        interval=health.interval / _NANOSECONDS,
        start_period=health.start_period / _NANOSECONDS,
        retries=health.retries,
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
