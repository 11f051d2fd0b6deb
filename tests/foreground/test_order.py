"""Which bundles are started and stopped next, for every condition of depends_on."""

import pytest

from bundler.foreground.order import Stage, Standing, awaits_health, obstacle, startable, stoppable
from bundler.project.dependency import Condition, Dependency
from bundler.project.record import ProjectBundle
from tests.support.made_projects import depends

STARTED, HEALTHY, COMPLETED = Condition.STARTED, Condition.HEALTHY, Condition.COMPLETED


def standings(*bundles: ProjectBundle) -> dict[str, Standing]:
    return {bundle.name: Standing(bundle) for bundle in bundles}


def names(listed: object) -> list[str]:
    return [each.bundle.name for each in listed]  # type: ignore[attr-defined]


def pair(condition: Condition, *, required: bool = True) -> dict[str, Standing]:
    waits = {"db": Dependency(condition, required=required)}
    return standings(ProjectBundle("db", "db"), ProjectBundle("web", "web", waits))


def test_what_depends_on_nothing_is_started_first() -> None:
    both = pair(STARTED)
    assert names(startable(both)) == ["db"]
    both["db"].stage = Stage.STARTING
    assert names(startable(both)) == []
    both["db"].stage = Stage.RUNNING
    assert names(startable(both)) == ["web"]


@pytest.mark.parametrize(
    ("condition", "stage", "healthy", "code", "outcome"),
    [
        (STARTED, Stage.ENDED, None, 0, True),
        (HEALTHY, Stage.RUNNING, None, None, None),
        (HEALTHY, Stage.RUNNING, True, None, True),
        (HEALTHY, Stage.RUNNING, False, None, "is unhealthy"),
        (HEALTHY, Stage.ENDED, None, 0, "has ended with exit code 0"),
        (COMPLETED, Stage.RUNNING, None, None, None),
        (COMPLETED, Stage.ENDED, None, 0, True),
        (COMPLETED, Stage.ENDED, None, 3, "has ended with exit code 3"),
    ],
)
def test_a_condition_is_met_or_open_or_never_met(
    condition: Condition, stage: Stage, healthy: bool | None, code: int | None, outcome: object
) -> None:
    both = pair(condition)
    both["db"] = Standing(both["db"].bundle, stage, healthy, code)
    assert names(startable(both)) == (["web"] if outcome is True else [])
    expected = f"web is not started, since db {outcome}" if isinstance(outcome, str) else None
    assert obstacle(both) == expected


def test_what_is_not_required_is_waited_for_and_not_missed() -> None:
    both = pair(HEALTHY, required=False)
    both["db"].stage = Stage.RUNNING
    assert names(startable(both)) == []
    both["db"].healthy = False
    assert (names(startable(both)), obstacle(both)) == (["web"], None)


def test_all_replicas_are_waited_for() -> None:
    three = standings(ProjectBundle("w-1", "w"), ProjectBundle("w-2", "w"), ProjectBundle("p", "p", depends("w")))
    assert names(startable(three)) == ["w-1", "w-2"]
    three["w-1"].stage, three["w-2"].stage = Stage.RUNNING, Stage.STARTING
    assert names(startable(three)) == []
    three["w-2"].stage = Stage.RUNNING
    assert names(startable(three)) == ["p"]


def test_what_is_depended_on_is_stopped_last() -> None:
    four = standings(
        ProjectBundle("db", "db"),
        ProjectBundle("web", "web", depends("db")),
        ProjectBundle("proxy", "proxy", depends("web")),
        ProjectBundle("alone", "alone"),
    )
    for each in four.values():
        each.stage = Stage.RUNNING
    assert names(stoppable(four)) == ["proxy", "alone"]
    four["proxy"].stage = four["alone"].stage = Stage.ENDED
    assert names(stoppable(four)) == ["web"]
    four["web"].stage = Stage.ENDED
    assert names(stoppable(four)) == ["db"]


def test_only_what_is_waited_for_is_asked_how_it_is() -> None:
    both = pair(HEALTHY)
    assert (awaits_health("db", both), awaits_health("web", both)) == (True, False)
    assert not awaits_health("db", pair(STARTED))
    both["web"].stage = Stage.RUNNING
    assert not awaits_health("db", both)
