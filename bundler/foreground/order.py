"""Which bundles of a project can be started or stopped next: pure functions of how far each is."""

from collections.abc import Iterator, Mapping
from enum import Enum, auto

from bundler.light_dataclasses import dataclass
from bundler.project.dependency import Condition, Dependency
from bundler.project.record import ProjectBundle


class Stage(Enum):
    """The stages in the life of a container."""

    WAITING = auto()
    STARTING = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(slots=True)
class Standing:
    """How far a bundle is. `healthy` is None until a check has decided; `code` is how it ended."""

    bundle: ProjectBundle
    stage: Stage = Stage.WAITING
    healthy: bool | None = None
    code: int | None = None

    @property
    def is_up(self) -> bool:
        return self.stage in (Stage.STARTING, Stage.RUNNING)


Standings = Mapping[str, Standing]
"""By the names of the bundles, in the order they start."""


def startable(standings: Standings) -> Iterator[Standing]:
    """The bundles that can be started: they wait for nothing any more."""
    for standing in standings.values():
        if standing.stage is Stage.WAITING and all(
            _is_met(other, dependency) or (not dependency.required and _failure(other, dependency))
            for other, dependency in _dependencies(standing, standings)
        ):
            yield standing


def stoppable(standings: Standings) -> Iterator[Standing]:
    """The bundles that can be stopped: they are up, and no bundle that is up depends on them."""
    needed = {
        other.bundle.name
        for standing in standings.values()
        if standing.is_up
        for other, _ in _dependencies(standing, standings)
    }
    return (each for each in standings.values() if each.is_up and each.bundle.name not in needed)


def obstacle(standings: Standings) -> str | None:
    """The bundle that can never be started, and why; None if all still can."""
    for standing in standings.values():
        if standing.stage is not Stage.WAITING:
            continue
        for other, dependency in _dependencies(standing, standings):
            failure = _failure(other, dependency)
            if failure is not None and dependency.required:
                return f"{standing.bundle.name} is not started, since {other.bundle.name} {failure}"
    return None


def awaits_health(bundle: str, standings: Standings) -> bool:
    """Whether another bundle waits for `bundle` to be healthy."""
    return any(
        other.bundle.name == bundle and dependency.condition is Condition.HEALTHY
        for standing in standings.values()
        if standing.stage is Stage.WAITING
        for other, dependency in _dependencies(standing, standings)
    )


def _dependencies(standing: Standing, standings: Standings) -> Iterator[tuple[Standing, Dependency]]:
    """What it depends on: all bundles of a service."""
    for other in standings.values():
        dependency = standing.bundle.depends_on.get(other.bundle.service)
        if dependency is not None:
            yield other, dependency


def _is_met(other: Standing, dependency: Dependency) -> bool:
    if dependency.condition is Condition.HEALTHY:
        return other.healthy is True
    if dependency.condition is Condition.COMPLETED:
        return other.stage is Stage.ENDED and other.code == 0
    return other.stage in (Stage.RUNNING, Stage.ENDED)


def _failure(other: Standing, dependency: Dependency) -> str | None:
    """What has become of it where the condition cannot be met any more."""
    if _is_met(other, dependency):
        return None
    if other.healthy is False and dependency.condition is Condition.HEALTHY:
        return "is unhealthy"
    return f"has ended with exit code {other.code}" if other.stage is Stage.ENDED else None
