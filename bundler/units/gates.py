"""Gates: units that end when a container of a project fulfils a condition of depends_on, for the services that wait.

A gate does not stay active, so that whatever starts later waits at it anew.
"""

from typing import Final

from bundler.project.dependency import Condition
from bundler.units.membership import Wait
from bundler.units.placing import Placing
from bundler.units.starting import SOON_STOPPED, container_directory, script_rows
from bundler.units.text import command_line, unit_text

_DESCRIPTIONS: Final = {
    Condition.STARTED: "Container {} has started",
    Condition.HEALTHY: "Container {} is healthy",
    Condition.COMPLETED: "Container {} has completed",
}


def gate_unit(target: str, wait: Wait, placing: Placing, retries: int) -> str:
    """The gate for the container at `placing`, which is unhealthy after `retries` failed checks in a row."""
    service, condition = f"{placing.name}.service", wait.dependency.condition
    words = (placing.name, str(retries), "--user" if placing.user else "--system")
    start = f"/bin/sh -s {wait.condition_word} {container_directory(placing)} {command_line(words)}"
    return unit_text(
        Unit=[
            ("Description", _DESCRIPTIONS[condition].format(placing.name)),
            ("PartOf", target),
            ("Wants", service),
            ("After", service),
            ("StartLimitIntervalSec", "0"),
        ],
        Service=[
            ("Type", "oneshot"),
            *script_rows("dependency.sh"),
            ("ExecStart", start),
            ("TimeoutStartSec", "infinity"),
            *SOON_STOPPED,
        ],
    )
