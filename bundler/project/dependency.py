"""What a service waits for (compose-spec, depends_on)."""

from dataclasses import field
from enum import StrEnum

from bundler.light_dataclasses import dataclass


class Condition(StrEnum):
    """How far another service has to be, in compose's words."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency on another service, which has to fulfil the condition first.

    With `restart`, the dependent service is restarted together with the other. If it is not `required`, the other may
    be missing. `where` is the place in the compose file, for messages.
    """

    condition: Condition = Condition.STARTED
    restart: bool = False
    required: bool = True
    where: str = field(default="", compare=False)
