"""The health check of an image config: Docker's `Healthcheck`, which the image-spec reserves a place for."""

from dataclasses import dataclass

from bundler.images.documents import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """`test` is NONE, CMD and words, or CMD-SHELL and a line; times are nanoseconds. Empty and 0 are Docker's default.

    `shell` is what runs the line of CMD-SHELL, where the image has said which.
    """

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0
    shell: tuple[str, ...] = ()


def parse_healthcheck(execution: Part) -> Healthcheck | None:
    """The one in the `config` object of an image config. Raises ImageError for what dockerd could not read either."""
    member = execution.find("Healthcheck")
    if member is None:
        return None
    return Healthcheck(
        test=_words(member, "Test"),
        interval=_number(member, "Interval"),
        timeout=_number(member, "Timeout"),
        start_period=_number(member, "StartPeriod"),
        start_interval=_number(member, "StartInterval"),
        retries=_number(member, "Retries"),
        shell=_words(execution, "Shell"),
    )


def _words(part: Part, name: str) -> tuple[str, ...]:
    member = part.find(name)
    return () if member is None else tuple(item.text() for item in member.items())


def _number(part: Part, name: str) -> int:
    member = part.find(name)
    return 0 if member is None else member.number()
