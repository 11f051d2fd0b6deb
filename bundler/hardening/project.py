"""What the services of a project can do without: an overrides file for each."""

from collections.abc import Iterator
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.hardening.proposal import propose, write
from bundler.hardening.rootfs_facts import look_into
from bundler.project.record import ProjectRecord


def proposals(folder: Path) -> Iterator[tuple[str, str]]:
    """The services of the project in `folder` with the text of a file for each; replicas are alike. Raises
    RequestError.
    """
    record = ProjectRecord.open(folder)
    services = {bundle.service: bundle.name for bundle in reversed(record.bundles)}
    for service, bundle in sorted(services.items()):
        command = f"bundler project COMPOSE-FILE --overrides {service}=THIS-FILE"
        yield service, write(propose(look_into(Bundle.open(folder / bundle))), service, command)
