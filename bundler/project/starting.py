"""The order in which a project starts, as project.json has it."""

from collections.abc import Iterator
from pathlib import Path

from bundler.errors import RequestError, printable
from bundler.project.record import NAME, ProjectBundle, ProjectRecord


def in_order(folder: Path, record: ProjectRecord) -> Iterator[ProjectBundle]:
    """The bundles of the project in `folder`, each behind all that it depends on. Raises RequestError where one is not:
    services that wait for each other in a circle would wait for ever.
    """
    label = printable(str(folder / NAME))
    if not record.bundles:
        raise RequestError(f"{label}: the project has no service")
    seen: set[str] = set()
    for bundle in record.bundles:
        for service in bundle.depends_on:
            if any(each.name not in seen for each in record.of_service(service)):
                what = f"{label}: {printable(bundle.name)} depends on {printable(service)}, which does not start before"
                raise RequestError(what, hint="bundler project makes it again, in order")
        seen.add(bundle.name)
        yield bundle
