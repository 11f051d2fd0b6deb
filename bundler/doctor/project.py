"""A project on a machine: what its bundles lack there, and what its networks and its order meet."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.runtime import container_name
from bundler.doctor.examination import Examination, examine_bundle
from bundler.doctor.finding import SEVERITIES, Check, examine
from bundler.errors import BundlerError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.project.record import ProjectRecord, starting_order

_ROUTE: Final = re.compile(r"(\S+)\s+([0-9A-F]{8})(?:\s+\S+){5}\s+([0-9A-F]{8})\s")


@dataclass(frozen=True, slots=True)
class Route:
    """A subnet that the machine knows the way to, by the interface `device`."""

    device: str
    subnet: IPv4Network


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """The project in `folder`, and the routes of the machine; none where it is another machine."""

    folder: Path
    record: ProjectRecord
    routes: Sequence[Route]


def examine_project(
    folder: Path, *, features: Path | None = None, runtime: str | None = None, store: Path | None = None
) -> Examination:
    """Whether the project in `folder` can run; the arguments are those of `examine_bundle`. Raises RequestError."""
    record = ProjectRecord.open(folder)
    routes = () if features is not None else tuple(parse_routes(_read_routes()))
    findings = examine(PROJECT_CHECKS, ProjectFacts(folder, record, routes))
    beside = [_container_name(folder / bundle.name) for bundle in record.bundles]
    examined = [
        (
            bundle.name,
            examine_bundle(folder / bundle.name, features=features, runtime=runtime, store=store, beside=beside),
        )
        for bundle in record.bundles
    ]
    if not examined:
        raise RequestError(f"{printable(str(folder))}: the project has no service")
    for name, examination in examined:
        findings += (replace(finding, what=f"{name}: {finding.what}") for finding in examination.findings)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    _, first = examined[0]
    return Examination(first.target, first.here, tuple(findings))


def _container_name(bundle: Path) -> str:
    return container_name(None, Bundle.open(bundle).config_file.recorded or {}, str(bundle), "container_name")


def parse_routes(text: str) -> Iterator[Route]:
    """The routes of /proc/net/route but that to everywhere. Numbers are in the order of bytes of the machine."""
    for line in text.splitlines():
        match = _ROUTE.match(line)
        if match is None or int(match[3], 16) == 0:
            continue
        address, mask = (int.from_bytes(int(word, 16).to_bytes(4, sys.byteorder), "big") for word in match.group(2, 3))
        yield Route(match[1], IPv4Network((address, mask.bit_count()), strict=False))


def _read_routes() -> str:
    try:
        return Path("/proc/net/route").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _order(facts: ProjectFacts) -> Iterator[str]:
    try:
        list(starting_order(facts.folder, facts.record))
    except BundlerError as error:
        yield error.what


def _taken(facts: ProjectFacts) -> Iterator[str]:
    yield from (sentence for sentence, is_wider in _meetings(facts) if not is_wider)


def _around(facts: ProjectFacts) -> Iterator[str]:
    yield from (sentence for sentence, is_wider in _meetings(facts) if is_wider)


def _meetings(facts: ProjectFacts) -> Iterator[tuple[str, bool]]:
    """Networks of the project that meet one of the machine's, and whether that one is wider. Its own bridges are not
    meant, which are there while it runs.
    """
    own = {network.bridge for network in facts.record.networks.values()}
    for name, network in sorted(facts.record.networks.items()):
        for route in facts.routes:
            if route.device not in own and route.subnet.overlaps(network.subnet):
                here = f"{route.subnet} of {printable(route.device)} here"
                is_wider = route.subnet.prefixlen < network.subnet.prefixlen
                yield f"the network {printable(name)} is {network.subnet}, which meets {here}", is_wider


PROJECT_CHECKS: Final[tuple[Check[ProjectFacts], ...]] = (
    Check(
        "order",
        "blocks",
        _order,
        "Services that wait for each other in a circle never start.",
        "Make it again: bundler project.",
    ),
    Check(
        "subnet",
        "blocks",
        _taken,
        "What is sent there would not reach the containers, or not the machines that are there now.",
        "Build the project with another --subnet, or say a subnet under networks, ipam.",
    ),
    Check(
        "subnet-around",
        "warns",
        _around,
        "Machines of that network which have the same addresses cannot be reached while the project runs.",
        "Build the project with another --subnet, or say a subnet under networks, ipam.",
    ),
)
