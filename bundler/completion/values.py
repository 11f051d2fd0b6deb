"""What a value may be, by the word that the help has for it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bundler.completion import VARIABLE, paths, stored_images
from bundler.completion.candidate import Candidate
from bundler.completion.command_line import Place, Table
from bundler.completion.documents import Document, load, member, objects, text
from bundler.completion.images import images, layout_of, store_of, stored

if TYPE_CHECKING:
    from bundler.overrides.node import Node

Values = Callable[[Table, Place], Iterator[Candidate]]

_PLATFORMS: Final = ("amd64", "arm64", "arm/v7", "arm/v6", "386", "riscv64", "ppc64le", "s390x", "loong64")
_OF_COMPLETION: Final = ("_", VARIABLE)
_LARGEST_COMPOSE: Final = 128 << 10  # bytes, which take a second to read


def values(table: Table, place: Place) -> Iterator[Candidate]:
    """The candidates for the value that stands at `place`; `host|FILE` is the word host, or a file."""
    special = SPECIAL.get((place.option, place.metavar))
    if special is not None:
        yield from special(table, place)
        return
    for word in parts(place.metavar):
        if word in KINDS:
            yield from KINDS[word](table, place)
        elif is_literal(word):
            yield Candidate(word)


def parts(metavar: str) -> list[str]:
    return [metavar] if metavar in KINDS else metavar.removesuffix("...").strip("[]").split("|")


def is_literal(word: str) -> bool:
    """Whether a part of a metavar is what is typed, and not the name of a kind."""
    return word.islower() and word.isalpha()


def _nothing(_table: Table, _place: Place) -> Iterator[Candidate]:
    return iter(())


def _files(_table: Table, place: Place) -> Iterator[Candidate]:
    return paths.files(place.word)


def _directories(_table: Table, place: Place) -> Iterator[Candidate]:
    return paths.directories(place.word)


def _bundles(_table: Table, place: Place) -> Iterator[Candidate]:
    return paths.bundles(place.word)


def _images(table: Table, place: Place) -> Iterator[Candidate]:
    return images(table["transports"], place)


def _stored(_table: Table, place: Place) -> Iterator[Candidate]:
    return stored(place)


def _bundles_and_images(table: Table, place: Place) -> Iterator[Candidate]:
    yield from _bundles(table, place)
    yield from _images(table, place)


def _bundles_and_files(_table: Table, place: Place) -> Iterator[Candidate]:
    yield from paths.bundles(place.word)
    yield from paths.files(place.word)


def _compared(table: Table, place: Place) -> Iterator[Candidate]:
    yield from _profiles(table, place)
    yield from _bundles(table, place)
    yield from paths.files(place.word, lambda entry: entry.name.endswith(".json"))


def _limits(table: Table, _place: Place) -> Iterator[Candidate]:
    return (Candidate(f"{name}=", meaning, open=True) for name, meaning in table["limits"].items())


def _platforms(_table: Table, place: Place) -> Iterator[Candidate]:
    """Those of the image, if it is here; else those that images are usually made for."""
    image = place.last("IMAGE", "IMAGE...", "BUNDLE|IMAGE", "NEW") or ""
    where, name = layout_of(image) or (store_of(place), image)
    there = [*filter(None, stored_images.platforms(where, name))] if image and where else []
    return (Candidate(platform) for platform in there or (f"linux/{architecture}" for architecture in _PLATFORMS))


def _runtimes(table: Table, place: Place) -> Iterator[Candidate]:
    if "/" in place.word:
        yield from paths.files(place.word, lambda entry: os.access(entry.path, os.X_OK))
    yield from (Candidate(name) for name in table["runtimes"] if _is_installed(name))


def _is_installed(program: str) -> bool:
    """As shutil.which finds it, which takes longer to load than to do."""
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in os.get_exec_path())  # noqa: PTH118


def _capabilities(table: Table, _place: Place) -> Iterator[Candidate]:
    """As Docker writes them: NET_ADMIN."""
    names = {name.removeprefix("CAP_"): meaning for name, meaning in table["capability_meanings"].items()}
    return (Candidate(name, meaning) for name, meaning in {"ALL": "every one of them", **names}.items())


def _variables(_table: Table, _place: Place) -> Iterator[Candidate]:
    """Those of the shell, whose value is then taken, or that get another one."""
    return (Candidate(name) for name in sorted(os.environ) if name not in _OF_COMPLETION)


def _profiles(table: Table, _place: Place) -> Iterator[Candidate]:
    return (Candidate(name) for name in table["profiles"])


def _pointers(_table: Table, place: Place) -> Iterator[Candidate]:
    bundle = place.last("BUNDLE")
    return _pointers_into(load(f"{paths.expanded(bundle)}/config.json"), place.word) if bundle else iter(())


def _explained(table: Table, place: Place) -> Iterator[Candidate]:
    """A bundle, or with `explain --config FILE` the pointer that then stands in its place."""
    config = place.last("--config")
    return _pointers_into(load(paths.expanded(config)), place.word) if config else _bundles(table, place)


def _containers(_table: Table, place: Place) -> Iterator[Candidate]:
    inspected = place.last("--from-inspect", "FILE")
    for container in objects(load(paths.expanded(inspected))) if inspected else ():
        yield Candidate((text(member(container, "Name"))).removeprefix("/"), text(member(container, "Id"))[:12])


def _services(_table: Table, place: Place) -> Iterator[Candidate]:
    file = place.last("--from-compose", "FILE")
    return (Candidate(name) for name in _service_names(file.partition(":")[0] if file else ""))


def _profiles_of_compose(_table: Table, place: Place) -> Iterator[Candidate]:
    """Those that services of the compose file name."""
    names: dict[str, None] = {}
    for service in _services_of(place.last("FILE") or "").values():
        listed = service.value.get("profiles") if isinstance(service.value, dict) else None
        for profile in listed.value if listed is not None and isinstance(listed.value, tuple) else ():
            names[str(profile.value)] = None
    return (Candidate(name) for name in names)


def _service_and_file(table: Table, place: Place) -> Iterator[Candidate]:
    service, equals, word = place.word.partition("=")
    if equals:
        yield from (each._replace(value=f"{service}={each.value}") for each in paths.files(word))
    else:
        yield from (each._replace(value=f"{each.value}=", open=True) for each in _services(table, place))


def _file_and_service(_table: Table, place: Place) -> Iterator[Candidate]:
    file, colon, _ = place.word.rpartition(":")
    if colon:
        yield from (Candidate(f"{file}:{name}") for name in _service_names(file))
    else:
        yield from paths.files(place.word)


def _service_names(file: str) -> list[str]:
    return [*_services_of(file)]


def _services_of(file: str) -> "dict[str, Node]":
    path = Path(paths.expanded(file))
    if not file or not path.is_file():
        return {}
    from bundler.errors import RequestError  # noqa: PLC0415 -- only a compose file needs a reader of YAML
    from bundler.input_files import InputError, read_named  # noqa: PLC0415
    from bundler.overrides.yaml_document import parse  # noqa: PLC0415

    try:
        services = parse(read_named(path, _LARGEST_COMPOSE, pipe=False), file).entries().get("services")
    except (InputError, RequestError):
        return {}
    return services.value if services is not None and isinstance(services.value, dict) else {}


def _commands(table: Table, _place: Place) -> Iterator[Candidate]:
    return (Candidate(name, below["help"][0]) for name, below in table["bundler"]["commands"].items())


def _docker_run(table: Table, place: Place) -> Iterator[Candidate]:
    return (Candidate(name) for name in table["docker_flags"] if place.word.startswith("-"))


KINDS: Final[dict[str, Values]] = {
    "IMAGE": _images,
    "BUNDLE": _explained,
    "FILE": _files,
    "PATH": _files,
    "KEY": _files,
    "PUB": _files,
    "DIR": _directories,
    "NEW": _bundles_and_images,
    "OLD": _bundles_and_files,
    "NEWER": _bundles_and_files,
    "A": _compared,
    "B": _compared,
    "POINTER": _pointers,
    "SERVICE": _services,
    "SERVICE=FILE": _service_and_file,
    "PROFILE": _profiles_of_compose,
    "FILE[:SERVICE]": _file_and_service,
    "PROGRAM": _runtimes,
    "OS/ARCH": _platforms,
    "NAME=N": _limits,
    "NAME[=VALUE]": _variables,
    "CAP": _capabilities,
    "SOURCE:PATH[:ro]": _files,
    "COMMAND": _commands,
    # What only the person who types knows.
    **dict.fromkeys(("NAME", "ID", "N", "SECONDS", "TEXT", "NAME=VALUE", "C:H:N", "ARGS", "SUBNET"), _nothing),
    **dict.fromkeys(("SIZE", "DIGEST"), _nothing),
    **dict.fromkeys(("NAME=/FOLDER", "NAME=BRIDGE:SUBNET"), _nothing),
    **dict.fromkeys(("USER[:GROUP]", "[IP:]PORT:PORT[/udp]"), _nothing),
}
# Where the option or the command says more than its metavar.
SPECIAL: Final[dict[tuple[str, str], Values]] = {
    ("--profile", "NAME"): _profiles,
    ("--runtime", "NAME"): _runtimes,
    ("--name", "NAME"): _containers,
    ("--workdir", "PATH"): _nothing,
    ("", "NAME..."): _stored,
    ("", "-- [FLAGS...] IMAGE [COMMAND...]"): _docker_run,
}


def _pointers_into(document: Document, word: str) -> Iterator[Candidate]:
    """What lies below the part of the pointer `word` (RFC 6901) that is whole; below an object or a list is more."""
    head = word.rpartition("/")[0]
    within = document
    for token in head.split("/")[1:]:
        within = dict(_members(within)).get(token)
    for token, below in _members(within):
        yield Candidate(f"{head}/{token}")
        if isinstance(below, dict | list) and below:
            yield Candidate(f"{head}/{token}/", open=True)


def _members(document: Document) -> Iterator[tuple[str, Document]]:
    if isinstance(document, dict):
        for name, below in document.items():
            yield name.replace("~", "~0").replace("/", "~1"), below
    elif isinstance(document, list):
        yield from ((str(at), below) for at, below in enumerate(document))
