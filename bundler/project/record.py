"""project.json: the bundles of a project in the order they start, what connects them, and what proves each.

It depends neither on the machine nor on where images were read from. Trust in a project begins with project.json, as
trust in a bundle does with bundler.json: it has the digest of each bundler.json.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from bundler import __version__
from bundler.bundles.bundle import LARGEST
from bundler.bundles.record import check_format, digest_of
from bundler.bundles.write import encode
from bundler.errors import ImageError, RequestError, printable
from bundler.images.documents import Member, parse_document
from bundler.input_files import InputError, read_inside
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.files import OverridesFile
from bundler.project.dependency import Condition, Dependency
from bundler.project.names import TAKEN, is_folder_name

NAME: Final = "project.json"
VOLUMES: Final = "volumes"
FORMAT: Final = 1
_HINT: Final = "bundler project makes it"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A bundle's place on a network of the project."""

    address: IPv4Address
    address6: IPv6Address | None = None

    @property
    def described(self) -> dict[str, Json]:
        return {"address": str(self.address), "address6": _text(self.address6)}


@dataclass(frozen=True, slots=True)
class Subnet6:
    """The IPv6 side of a network."""

    subnet: IPv6Network
    gateway: IPv6Address


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the project: `bridge` is its interface on the machine. An internal network leads to no other."""

    bridge: str
    subnet: IPv4Network
    gateway: IPv4Address
    internal: bool = False
    ipv6: Subnet6 | None = None

    @property
    def described(self) -> dict[str, Json]:
        ipv6 = None if self.ipv6 is None else {"subnet": str(self.ipv6.subnet), "gateway": str(self.ipv6.gateway)}
        return {
            "bridge": self.bridge,
            "subnet": str(self.subnet),
            "gateway": str(self.gateway),
            "internal": self.internal,
            "ipv6": ipv6,
        }


@dataclass(frozen=True, slots=True)
class ProjectBundle:
    """One bundle of the project, in the folder `name`: a service, or one of its replicas.

    `depends_on` has the names of services, and means all bundles of each. `networks` are by name, in the order of the
    container's interfaces; `volumes` are the names of the project's volumes that it mounts. `digest` is that of its
    bundler.json.
    """

    name: str
    service: str
    depends_on: Mapping[str, Dependency] = field(default_factory=dict)
    networks: Mapping[str, Attachment] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    digest: str = ""

    @property
    def described(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "service": self.service,
            "depends_on": {
                name: {"condition": str(each.condition), "restart": each.restart, "required": each.required}
                for name, each in sorted(self.depends_on.items())
            },
            "networks": [{"name": name, **each.described} for name, each in self.networks.items()],
            "volumes": list(self.volumes),
            "bundler.json": self.digest,
        }


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """The content of project.json. `bundles` are in the order they start; `digest` is that of the document itself."""

    name: str
    bundles: tuple[ProjectBundle, ...]
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    files: tuple[OverridesFile, ...] = ()
    digest: str = ""

    @property
    def content(self) -> bytes:
        """The document."""
        return encode(
            {
                "format": FORMAT,
                "bundler": __version__,
                "name": self.name,
                "services": [bundle.described for bundle in self.bundles],
                "networks": {name: network.described for name, network in sorted(self.networks.items())},
                "volumes": list(self.volumes),
                "files": [{"name": file.name, "sha256": file.sha256} for file in self.files],
            }
        )

    def of_service(self, service: str) -> tuple[ProjectBundle, ...]:
        """The bundles of a service: one, or its replicas."""
        return tuple(bundle for bundle in self.bundles if bundle.service == service)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the record of the project in `folder`. Raises RequestError, PermissionError."""
        path = folder / NAME
        label = printable(str(path))
        try:
            content = read_inside(path, LARGEST)
        except InputError as error:
            raise RequestError(f"{label} {error}", hint=_HINT) from None
        return cls.parse(content, label)

    @classmethod
    def parse(cls, content: bytes, label: str) -> Self:
        """Parse the document `content`, called `label` in messages. Raises RequestError."""
        try:
            document = parse_document(content, label)
            check_format(document.content if isinstance(document.content, dict) else {}, label, FORMAT)
            return cls(**_parse(document), digest=digest_of(content))
        except ImageError as error:
            raise RequestError(error.what, hint=_HINT) from None


def is_project(path: Path) -> bool:
    """Whether the directory `path` is a project, in whatever state."""
    return (path / NAME).is_file()


def _parse(part: Member) -> dict[str, Any]:
    """The members of a record. Raises ImageError for what is not as it is written here."""
    networks = {name: _parse_network(each) for name, each in part.get("networks").members()}
    volumes = tuple(_folder_name(each) for each in part.get("volumes").items())
    bundles = tuple(_parse_bundle(each, networks, volumes) for each in part.get("services").items())
    if len({bundle.name for bundle in bundles}) < len(bundles):
        raise part.get("services").fault("two bundles of one name")
    files = tuple(
        OverridesFile(each.get("name").text(), each.get("sha256").text()) for each in part.get("files").items()
    )
    return {
        "name": part.get("name").text(),
        "bundles": bundles,
        "networks": networks,
        "volumes": volumes,
        "files": files,
    }


def _parse_bundle(part: Member, networks: Mapping[str, Network], volumes: tuple[str, ...]) -> ProjectBundle:
    attached = {}
    for each in part.get("networks").items():
        name = each.get("name")
        if name.text() not in networks:
            raise name.fault("no network of the project")
        address6 = each.find("address6")
        attached[name.text()] = Attachment(
            _value(each.get("address"), IPv4Address), None if address6 is None else _value(address6, IPv6Address)
        )
    mounted = tuple(each.text() for each in part.get("volumes").items())
    if not set(mounted) <= set(volumes):
        raise part.get("volumes").fault("one of them is no volume of the project")
    return ProjectBundle(
        name=_bundle_name(part.get("name")),
        service=_folder_name(part.get("service")),
        depends_on={name: _parse_dependency(each) for name, each in part.get("depends_on").members()},
        networks=attached,
        volumes=mounted,
        digest=str(part.get("bundler.json").digest()),
    )


def _parse_dependency(part: Member) -> Dependency:
    condition = _value(part.get("condition"), Condition)
    return Dependency(condition, _flag(part.get("restart")), _flag(part.get("required")))


def _parse_network(part: Member) -> Network:
    ipv6 = part.find("ipv6")
    return Network(
        bridge=part.get("bridge").text(),
        subnet=_value(part.get("subnet"), IPv4Network),
        gateway=_value(part.get("gateway"), IPv4Address),
        internal=_flag(part.get("internal")),
        ipv6=None
        if ipv6 is None
        else Subnet6(_value(ipv6.get("subnet"), IPv6Network), _value(ipv6.get("gateway"), IPv6Address)),
    )


def _folder_name(part: Member) -> str:
    """A name that becomes a path below the project."""
    if not is_folder_name(part.text()):
        raise part.expected("the name of a folder")
    return part.text()


def _bundle_name(part: Member) -> str:
    """The name of a folder that nothing else of a project has."""
    if _folder_name(part).lower() in TAKEN:
        raise part.expected("a name that nothing else of the project has")
    return part.text()


def _flag(part: Member) -> bool:
    if not isinstance(part.content, bool):
        raise part.expected("true or false")
    return part.content


def _value(part: Member, parse: Callable[[str], T]) -> T:
    try:
        return parse(part.text())
    except ValueError:
        raise part.expected("another form") from None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def starting_order(folder: Path, record: ProjectRecord) -> Iterator[ProjectBundle]:
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
