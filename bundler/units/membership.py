"""The place of a bundle's service in its project: what it waits for, and what it is stopped and restarted with.

Between a service and one that it depends on stands a gate (gates.py), which is a unit of its own. It is wanted and not
required: systemd would stop with the other service whatever requires it, and would never again start what it once did
not start. So the service itself looks whether the gate has failed, says so, and is started again as its policy says.
"""

from collections.abc import Iterator
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.project.dependency import Condition, Dependency
from bundler.units.placing import Placing
from bundler.units.text import Rows, command_line

_WORDS: Final = {
    Condition.STARTED: ("started", "has not started"),
    Condition.HEALTHY: ("healthy", "is not healthy"),
    Condition.COMPLETED: ("completed", "has not completed"),
}
# $0 is the gate, $1 what it means that it has failed, $2 which manager is asked.
_LOOK: Final = (
    'systemctl "$2" --quiet is-failed "$0" || exit 0; '
    'printf "bundler: error: not started, since %s\\nbundler: hint: journalctl -u %s says why\\n" "$1" "$0" >&2; exit 1'
)
# A container can exchange a folder in a volume for a symlink, which a runtime would follow to any place of the machine.
_NO_SYMLINKS: Final = (
    'for path in "$0" "$@"; do if [ -h "$path" ]; then '
    'printf "bundler: error: %s is a symlink, and what it leads to would be mounted\\n" "$path" >&2; exit 6; fi; done'
)


@dataclass(frozen=True, slots=True)
class Wait:
    """Another container of the project, by its `name`, that has to be as far as the dependency says."""

    name: str
    dependency: Dependency

    @property
    def condition_word(self) -> str:
        return _WORDS[self.dependency.condition][0]

    @property
    def gate(self) -> str:
        return f"{self.name}-{self.condition_word}.service"

    @property
    def failure(self) -> str:
        """What it means that the gate has failed."""
        return f"{self.name} {_WORDS[self.dependency.condition][1]}"


@dataclass(frozen=True, slots=True)
class Membership:
    """The place of a service in its project: `target` is the unit that is all of it, `awaited` are the conditions by
    which others wait for this one, and `parts` the paths of the machine that must be no symlinks when it starts.
    """

    target: str
    waits: tuple[Wait, ...] = ()
    awaited: frozenset[Condition] = frozenset()
    parts: tuple[str, ...] = ()

    @property
    def completes(self) -> bool:
        """Whether others wait for its end."""
        return Condition.COMPLETED in self.awaited

    @property
    def type(self) -> str:
        """A job that starts what is only waited for to complete is done when it has; one whose start others wait for,
        too, must not keep them.
        """
        return "oneshot" if self.awaited == {Condition.COMPLETED} else "exec"

    def unit_rows(self) -> Iterator[tuple[str, str]]:
        """Rows of [Unit]. The order of two services holds without the gate, too: when they stop, that one has gone."""
        along = [f"{wait.name}.service" for wait in self.waits if wait.dependency.restart]
        yield "PartOf", " ".join([self.target, *along])
        if self.waits:
            yield "Wants", " ".join(wait.gate for wait in self.waits)
            yield "After", " ".join(unit for wait in self.waits for unit in (f"{wait.name}.service", wait.gate))

    def service_rows(self, placing: Placing) -> Rows:
        """Rows of [Service], which come before those that start the container."""
        manager = "--user" if placing.user else "--system"
        looks = [
            command_line(("/bin/sh", "-c", _LOOK, wait.gate, wait.failure, manager))
            for wait in self.waits
            if wait.dependency.required
        ]
        if self.parts:
            looks.append(command_line(("/bin/sh", "-c", _NO_SYMLINKS, *self.parts)))
        return [*(("ExecStartPre", look) for look in looks), ("RemainAfterExit", "yes" if self.completes else None)]
