"""Compose files become a project: all that its bundles are built from, before any image is looked at."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.overrides.compose import services as compose
from bundler.overrides.compose.convert import imported_from, keys_in_project
from bundler.overrides.compose.mounts import Whole
from bundler.overrides.compose.project import Reader
from bundler.overrides.compose.variables import interpolate
from bundler.overrides.imports import Imported
from bundler.overrides.node import Node
from bundler.project.connections import connect, given_name
from bundler.project.external_networks import ExternalNetwork
from bundler.project.names import is_project_name, project_name
from bundler.project.ports import check_ports
from bundler.project.record import ProjectBundle, ProjectRecord
from bundler.project.services import Service, started
from bundler.project.sharing import sharing, with_paths
from bundler.subnets import OF_PROJECTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRequest:
    """What a project is made from, as the command line says it.

    `services` are those that are asked for, with what they depend on; without, all that have no profile, or one of
    `profiles`. The networks are in `pool`. `external` are folders of the machine by the names of external volumes, and
    `networks` what external networks are there.
    """

    files: Sequence[str]
    assignments: Sequence[str] = ()
    env_files: Sequence[str] = ()
    name: str | None = None
    services: Sequence[str] = ()
    profiles: Collection[str] = ()
    pool: IPv4Network = OF_PROJECTS
    external: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, ExternalNetwork] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """`record` is what project.json says, but for what is known when all is built; `imports` are by bundle what it is
    built from, and `remarks` what there is to say of the files.
    """

    record: ProjectRecord
    imports: Mapping[str, Imported]
    remarks: tuple[str, ...]


def read_project(request: ProjectRequest) -> Project:
    """The project that compose files describe. Raises RequestError, with file, line and column."""
    reader = Reader.of(request.assignments, request.env_files, request.files[0])
    files = compose.Project(reader.project(request.files), reader)
    name = request.name or _name(files, request.files[0])
    if not is_project_name(name):
        raise RequestError(f"{printable(name[:60])!r} is no name of a project", hint="--name takes a-z, 0-9, _ and -")
    services = started(files, request.services, request.profiles)
    _check_bundles(services)
    namespaces = sharing(services)
    services = tuple(with_paths(service, namespaces, partial(given_name, name)) for service in services)
    connections = connect(name, files, services, namespaces, pool=request.pool, external=request.networks)
    check_ports(services)
    imports: dict[str, Imported] = {}
    bundles: list[ProjectBundle] = []
    whole = Whole(request.external)
    for service in services:
        keys = keys_in_project(service.node, service.name, files, whole)
        keys.pop("networks", None)  # connections say what it means
        volumes = tuple(dict.fromkeys(_shared_volumes(keys)))
        imported = imported_from(service.node.with_value(keys), files)
        for bundle in service.bundles:
            imports[bundle] = _with_keys(imported, connections.keys(service, bundle, imported.entries))
            bundles.append(
                ProjectBundle(bundle, service.name, service.depends_on, connections.attachments(bundle), volumes)
            )
    shared = tuple(sorted({volume for bundle in bundles for volume in bundle.volumes}))
    record = ProjectRecord(name, tuple(bundles), connections.networks, shared, tuple(reader.files))
    return Project(record, imports, tuple(reader.remarks))


def _with_keys(imported: Imported, keys: Mapping[str, Node]) -> Imported:
    """What a service says, with keys of one bundle in their one form above it."""
    root = imported.root.with_value({**imported.root.entries(), **keys})
    return replace(imported, root=root, entries={**imported.entries, **keys})


def _name(files: compose.Project, path: str) -> str:
    """As compose finds it: what the last file says, or else the folder of the first."""
    for file in reversed(files.files):
        named = file.root.entries().get("name")
        if named is not None and isinstance(named.value, str):
            return interpolate(named, file.variables).text()
    name = project_name(Path(files.files[0].folder).name)
    if not name:
        raise RequestError(f"{printable(path)}: its folder has no name to call the project by", hint="--name names it")
    return name


def _check_bundles(services: Sequence[Service]) -> None:
    """Raise RequestError where two bundles would have one folder."""
    owners: dict[str, Service] = {}
    for service in services:
        for bundle in service.bundles:
            other = owners.setdefault(bundle.lower(), service)
            if other is not service:
                what = f"the bundle {printable(bundle)} would be that of {printable(other.name)}, too"
                raise service.node.key_error(what, "rename one of the services")
        named = service.entries.get("container_name")
        if service.replicas > 1 and named is not None:
            raise named.error(
                f"container_name: {service.replicas} containers cannot have one name", hint="leave it out"
            )


def _shared_volumes(keys: Mapping[str, Node]) -> Iterator[str]:
    """The volumes of the project that a service mounts."""
    for item in keys["volumes"].items() if "volumes" in keys else ():
        details = item.value.get("volume") if isinstance(item.value, dict) else None
        if details is not None and isinstance(details.value, dict) and "shared" in details.value:
            yield item.entries()["source"].text()
