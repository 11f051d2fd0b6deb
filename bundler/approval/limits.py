"""How much of the machine a container can use up."""

from collections.abc import Callable, Iterator
from typing import Final

from bundler.approval.others import plain_row
from bundler.approval.review import Row, Section
from bundler.approval.subject import Subject
from bundler.origins import Json
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.sizes import readable_size

_NONE: Final = "no limit"
_RESOURCES: Final = ("/linux", "/resources")
_DEVICES: Final = (*_RESOURCES, "/devices")


def _size(number: Json) -> str:
    """-1 is no limit."""
    return readable_size(number) if isinstance(number, int) and number >= 0 else _NONE


def _count(number: Json) -> str:
    return str(number) if isinstance(number, int) and number >= 0 else _NONE


# What is told also where there is none, since a container without it can take all: member, sub-member, its name, value.
_ALWAYS: Final[tuple[tuple[str, str, str, Callable[[Json], str]], ...]] = (
    ("memory", "limit", "memory", _size),
    ("memory", "swap", "memory and swap", _size),
    ("pids", "limit", "processes", _count),
)


def limits_section(subject: Subject) -> Section:
    """Resources and rlimits (config-linux.md, control groups; config.md, rlimits)."""
    return Section(name="limits", title="Limits", gist=_gist(subject.config), rows=tuple(_rows(subject)))


def _gist(config: RuntimeConfig) -> str:
    memory, _, processes = (_value(config, *path[:2], path[3]) for path in _ALWAYS)
    return f"memory: {memory}, processors: {_processors(config)}, processes: {processes}"


def _rows(subject: Subject) -> Iterator[Row]:
    config, baseline = subject.config, subject.baseline
    told = set()
    for member, name, what, shown in _ALWAYS:
        place = (*_RESOURCES, f"/{member}", f"/{name}")
        told.add(place)
        yield Row(
            what=what,
            value=_value(config, member, name, shown),
            baseline=_value(baseline, member, name, shown),
            set_by=subject.set_by(f"/linux/resources/{member}/{name}"),
            differences=subject.under(place),
        )
    time = [(*_RESOURCES, "/cpu", f"/{name}") for name in ("quota", "period")]
    told |= {*time}
    yield Row(
        what="processors",
        value=_processors(config),
        baseline=_processors(baseline),
        set_by=subject.set_by("/linux/resources/cpu/quota"),
        differences=subject.under(*time),
    )
    yield from _rlimits(subject)
    for each in subject.under(_RESOURCES):
        if each.steps[: len(_DEVICES)] != _DEVICES and each.steps not in told and len(each.steps) > len(_RESOURCES):
            yield plain_row(subject, each, "".join(each.steps[len(_RESOURCES) :]).removeprefix("/"))
    for each in subject.under(("/process", "/oomScoreAdj")):
        yield plain_row(subject, each, "score when memory is short")


def _rlimits(subject: Subject) -> Iterator[Row]:
    limits, before = (
        {limit.type: limit for limit in config.process.rlimits} for config in (subject.config, subject.baseline)
    )
    for kind in dict.fromkeys((*limits, *before)):
        sides = [side.get(kind) for side in (limits, before)]
        value, baseline = ("not set" if side is None else f"{side.soft}, at most {side.hard}" for side in sides)
        yield Row(
            what=kind,
            value=value,
            baseline=baseline,
            note="of each process (setrlimit(2))",
            set_by=subject.set_by(limits[kind].pointer) if kind in limits else (),
            differences=subject.under(("/process", "/rlimits", f"[{kind}]")),
        )


def _value(config: RuntimeConfig, member: str, name: str, shown: Callable[[Json], str]) -> str:
    return next((shown(value) for value in config.values("linux", "resources", member, name)), _NONE)


def _processors(config: RuntimeConfig) -> str:
    """cpu.max of control groups: so much time in each period."""
    quota = next(config.values("linux", "resources", "cpu", "quota"), -1)
    period = next(config.values("linux", "resources", "cpu", "period"), 100_000) or 100_000
    return f"{quota / period:.4g}" if isinstance(quota, int) and quota > 0 and isinstance(period, int) else _NONE
