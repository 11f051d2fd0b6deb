"""What the services of a project can do without: an overrides file for each."""

from collections.abc import Iterator
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.hardening.proposal import Line, propose, write
from bundler.hardening.rootfs_facts import look_into
from bundler.project.record import ProjectRecord


def proposed(folder: Path) -> Iterator[tuple[str, list[Line]]]:
    """The services of the project in `folder` with what is proposed for each. Replicas are alike. RequestError."""
    record = ProjectRecord.open(folder)
    services = {bundle.service: bundle.name for bundle in reversed(record.bundles)}
    for service, bundle in sorted(services.items()):
        yield service, propose(look_into(Bundle.open(folder / bundle)))


def proposals(folder: Path) -> Iterator[tuple[str, str]]:
    """The same as the text of a file for each."""
    for service, lines in proposed(folder):
        yield service, write(lines, service, f"bundler project COMPOSE-FILE --overrides {service}=THIS-FILE")
