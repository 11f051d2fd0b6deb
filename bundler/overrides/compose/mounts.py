"""What a service mounts: its volumes and those of other services, configs and secrets, as bundler's own keys.

A named volume becomes a folder of the bundle, unless its definition says what it really is: a folder or a file system
of the machine. Where all services of the project are built, it is a folder of the project, and files of configs and
secrets come along.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.compose.merge import RULES
from bundler.overrides.compose.project import ComposeFile
from bundler.overrides.compose.services import Project
from bundler.overrides.keys.mounts import CONTENT_ATTRIBUTES, WRITABLE_BY_OTHERS, expand_volume
from bundler.overrides.keys.scalars import whole_number
from bundler.overrides.node import Node, from_json

_LOCAL: Final = ("local", "default")
# A runtime would mount these from inside the container's own network.
_OVER_THE_NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs")
_SECRETS: Final = "/run/secrets"
_HIGHEST_ID: Final = (1 << 32) - 2  # the one above is no id (chown(2))
_MOST_BITS: Final = 0o7777
_OCTAL: Final = re.compile(r"0*[0-7]{1,4}")
_DEEPEST: Final = 20  # services whose volumes_from name each other in a row


@dataclass(frozen=True, slots=True)
class Whole:
    """A project of which all services are built: `external` volumes are folders of the machine, by their names."""

    external: Mapping[str, str] = field(default_factory=dict)


def mounts(service: Node, name: str, project: Project, whole: Whole | None = None) -> dict[str, Node]:
    """The keys `volumes`, `mounts` and `target` of a service. Raises RequestError for what a bundle cannot hold.

    `whole` is what is known of a project of which all services are built.
    """
    entries = service.entries()
    files = list(_files(entries, project, whole))
    listed = [*_with_those_of_others(service, project, (name,)), *files]
    others = _others_volumes(name, project) if whole is None else {}
    if whole is not None:
        _check_inherited(entries, name, project)
    volumes: list[Node] = []
    file_systems: list[Node] = []
    for item in listed:
        entry = expand_volume(item).entries()
        if entry["type"].value != "volume" or "source" not in entry:
            volumes.append(item)
            continue
        mount, is_file_system = _named(item, entry, project, whole)
        (file_systems if is_file_system else volumes).append(mount)
        shared = others.get(entry["source"].text(), [])
        if shared and mount.value == item.value:
            _remark_shared(entry["source"].text(), shared, project)
    keys = {"volumes": volumes, "mounts": [*_own(entries, "mounts"), *file_systems]}
    sources = {file.entries()["source"].text(): "file" for file in files if "source" in file.entries()}
    return {key: service.with_value(tuple(mount)) for key, mount in keys.items() if mount} | (
        {"target": from_json({"sources": sources}, service.origin)} if sources else {}
    )


def _own(entries: dict[str, Node], key: str) -> tuple[Node, ...]:
    node = entries.get(key)
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def _with_those_of_others(service: Node, project: Project, trail: tuple[str, ...]) -> tuple[Node, ...]:
    """The service's volumes, over those of the services in `volumes_from`, which may have theirs from others."""
    entries = service.entries()
    below = service.with_value(())
    for item in _own(entries, "volumes_from"):
        other, _, mode = item.text().partition(":")
        if other == "container":
            raise item.error("volumes_from: another container is not known here", hint="give its volumes as volumes")
        if mode not in ("", "ro", "rw"):
            raise item.error(f"volumes_from: {printable(item.text()[:60])!r} is not SERVICE[:ro]")
        if other in trail or len(trail) > _DEEPEST:
            raise item.error(f"volumes_from: {printable(other[:60])!r} has its volumes from this service")
        inherited = _with_those_of_others(project.service(other, item), project, (*trail, other))
        listed = tuple(_read_only(volume) for volume in inherited) if mode == "ro" else inherited
        below = RULES["volumes"](below, service.with_value(listed))
    return RULES["volumes"](below, service.with_value(_own(entries, "volumes"))).items()


def _check_inherited(entries: dict[str, Node], name: str, project: Project) -> None:
    """Raise RequestError for a volume of another service that has no name, and so is in that one's bundle alone."""
    for item in _own(entries, "volumes_from"):
        other = item.text().partition(":")[0]
        for volume in _with_those_of_others(project.service(other, item), project, (name, other)):
            entry = expand_volume(volume).entries()
            if entry["type"].value == "volume" and "source" not in entry:
                what = (
                    f"volumes_from: the volume at {printable(entry['target'].text())} of {printable(other)} has no name"
                )
                hint = "name it, as in NAME:/PATH, and add it under volumes: at the top"
                raise item.error(f"{what}, and is shared with none so far", hint=hint)


def _read_only(node: Node) -> Node:
    expanded = expand_volume(node)
    return expanded.with_value(expanded.entries() | {"read_only": node.with_value(value=True)})


def _named(item: Node, entry: dict[str, Node], project: Project, whole: Whole | None) -> tuple[Node, bool]:
    """What a named volume is: a folder of the bundle or the project, a bind, or a file system (True) of its own."""
    source = entry["source"]
    definition, file = project.definition("volumes", source.text(), source)
    settings = definition.entries()
    if whole is not None and (external := _external(settings, source)) is not None:
        return _of_machine_folder(item, entry, external, whole), False
    name = _name_of(source, settings, project)
    driver = settings.get("driver")
    if driver is not None and driver.value not in (None, *_LOCAL):
        project.reader.remark(
            f"note: {definition.origin.where}: the volume {printable(name)} is made by the driver "
            f"{printable(str(driver.value))} of a daemon; in a bundle it is a folder"
        )
        return _kept(item, entry, source, name, whole), False
    options = {
        key: str(node.value) for key, node in _map(settings.get("driver_opts")).items() if node.value is not None
    }
    if not options.get("device") and options.get("type") != "tmpfs":
        return _kept(item, entry, source, name, whole), False
    return _of_the_machine(item, entry, definition, file, options)


def _map(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _name_of(source: Node, settings: dict[str, Node], project: Project) -> str:
    external = settings.get("external")
    named = settings.get("name") or _map(external).get("name")
    name = source.text() if named is None or not isinstance(named.value, str) else named.value
    if external is not None and external.value not in (None, False, "false"):
        project.reader.remark(
            f"note: {external.origin.where}: the volume {printable(name)} is external; what a daemon keeps in it "
            "is not in the bundle, whose folder of this name begins with the image's files"
        )
    return name


def _external(settings: dict[str, Node], source: Node) -> Node | None:
    """The name of a volume that is external, where its definition says so."""
    external = settings.get("external")
    if external is None or external.value in (None, False, "false"):
        return None
    named = settings.get("name") or _map(external).get("name")
    return external.with_value(source.text() if named is None else str(named.value))


def _of_machine_folder(item: Node, entry: dict[str, Node], external: Node, whole: Whole) -> Node:
    """The bind of the folder that an external volume is."""
    name = external.text()
    if name not in whole.external:
        hint = f"--volume {printable(name[:60])}=/FOLDER says which folder of the machine it is"
        raise external.error(f"volumes: {printable(name[:60])!r} is external: only a daemon has it", hint=hint)
    inner = _map(entry.get("volume")).get("subpath")
    bind = {key: entry[key] for key in ("target", "read_only") if key in entry}
    path = posixpath.normpath(posixpath.join(whole.external[name], inner.text() if inner else ""))
    return item.with_value(bind | {"type": item.with_value("bind"), "source": item.with_value(path)})


def _kept(item: Node, entry: dict[str, Node], source: Node, name: str, whole: Whole | None) -> Node:
    """A volume that is a folder: of the bundle, or of the whole project."""
    if whole is None:
        return _renamed(item, source, name)
    details = _map(entry.get("volume")) | {"shared": item.with_value(value=True)}
    return item.with_value(entry | {"source": source.with_value(name), "volume": item.with_value(details)})


def _renamed(item: Node, source: Node, name: str) -> Node:
    if isinstance(item.value, dict):
        return item.with_value(item.value | {"source": source.with_value(name)})
    return item.with_value(f"{name}:{item.text().partition(':')[2]}")


def _of_the_machine(
    item: Node, entry: dict[str, Node], definition: Node, file: ComposeFile, options: dict[str, str]
) -> tuple[Node, bool]:
    """What Docker's local driver would mount: a folder of the machine for `o: bind`, else a file system."""
    kind, device, target = options.get("type", ""), options.get("device", ""), entry["target"].text()
    flags = [flag for flag in options.get("o", "").split(",") if flag]
    is_read_only = "ro" in flags or ("read_only" in entry and entry["read_only"].value is True)
    if {"bind", "rbind"} & set(flags):
        inner = _map(entry.get("volume")).get("subpath")
        source = file.located(posixpath.join(device, inner.text() if inner else ""), definition)
        bind: dict[str, Json] = {"type": "bind", "source": source, "target": target}
        return from_json(bind | ({"read_only": True} if is_read_only else {}), item.origin), False
    if kind in _OVER_THE_NETWORK or not kind:
        hint = "mount it on the machine, and bind its folder: volumes: ['/mnt/NAME:TARGET']"
        what = printable(kind or device)
        raise definition.error(f"volumes: a bundle cannot mount {what!r} of another machine", hint=hint)
    listed = [flag for flag in flags if flag not in ("ro", "rw")] + (["ro"] if is_read_only else [])
    file_system: dict[str, Json] = {"destination": target, "type": kind, "source": device or kind}
    return from_json(file_system | ({"options": listed} if listed else {}), item.origin), True


def _others_volumes(service: str, project: Project) -> dict[str, list[str]]:
    """Which other services mount a volume, by its name."""
    users: dict[str, list[str]] = {}
    for file in project.files:
        for name in file.names("services"):
            for layer in file.layers("services", name) if name != service else ():
                for source in dict.fromkeys(_source_of(item) for item in _listed(_map(layer.node).get("volumes"))):
                    users.setdefault(str(source), []).append(name)
    return users


def _remark_shared(volume: str, others: list[str], project: Project) -> None:
    """A volume that several services mount is one folder under Docker, and one in each bundle."""
    names = ", ".join(printable(name[:60]) for name in dict.fromkeys(others))
    project.reader.remark(
        f"note: the volume {printable(volume)} is also of {names}; each bundle has a folder of its own; "
        "bundler project gives them one, or bind a folder of the machine"
    )


def _listed(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def _source_of(item: Node) -> Json:
    if isinstance(item.value, str):
        source, colon, _ = item.value.partition(":")
        return source if colon else None
    named = _map(item).get("source")
    return None if named is None else named.value


def _files(entries: dict[str, Node], project: Project, whole: Whole | None) -> Iterator[Node]:
    """Configs and secrets: read-only binds of the files that their definitions name, as compose makes them.

    Of a whole project these files are a part.
    """
    for key, folder in (("configs", "/"), ("secrets", _SECRETS)):
        for item in _own(entries, key):
            settings = item.value if isinstance(item.value, dict) else {"source": item}
            source = settings.get("source")
            if source is None or not isinstance(source.value, str):
                raise item.error(f"{key}: source is missing")
            definition, file = project.definition(key, source.value, source)
            file_or_content = _origin_of(key, source.value, definition, file)
            if whole is not None and "source" in file_or_content:
                file_or_content = {"content": _content_of(key, source.value, definition, file, project)}
            target = settings.get("target")
            where = target.text() if target is not None and isinstance(target.value, str) else source.value
            attributes: dict[str, Node] = {word: settings[word] for word in CONTENT_ATTRIBUTES if word in settings}
            if attributes and "source" in file_or_content:
                project.reader.remark(
                    f"note: {item.origin.where}: owner and mode of {printable(source.value)} are those of its file"
                )
            bind = {
                "type": "bind",
                **file_or_content,
                "target": posixpath.join(folder, where),
                "read_only": True,
                **(_attributes(attributes, project) if "content" in file_or_content else {}),
            }
            yield from_json(bind, item.origin)


def _attributes(given: dict[str, Node], project: Project) -> dict[str, Json]:
    """The owner and mode of a file of the bundle, as far as they are given: text that is empty gives none."""
    nodes = {word: node for word, node in given.items() if node.value not in (None, "")}
    ids = {word: whole_number(node, word, 0, _HIGHEST_ID) for word, node in nodes.items() if word != "mode"}
    if "mode" not in nodes:
        return dict(ids)
    mode = _mode(nodes["mode"])
    if mode & WRITABLE_BY_OTHERS:
        where = nodes["mode"].origin.where
        project.reader.remark(f"note: {where}: group and others cannot write to a file that is mounted read-only")
    return ids | {"mode": f"{mode & ~WRITABLE_BY_OTHERS:04o}"}


def _mode(node: Node) -> int:
    """Permissions; text of them is octal, as for compose."""
    if not isinstance(node.value, str):
        return whole_number(node, "mode", 0, _MOST_BITS)
    if not _OCTAL.fullmatch(node.value):
        raise node.error(f"mode: {printable(node.value[:40])!r} is not an octal number", hint="for example 0440")
    return int(node.value, 8)


def _origin_of(key: str, name: str, definition: Node, file: ComposeFile) -> dict[str, Json]:
    """The file of a config or secret, or its content. Raises RequestError for what has neither."""
    texts = {word: node for word, node in definition.entries().items() if isinstance(node.value, str)}
    if "file" in texts:
        return {"source": file.located(texts["file"].text(), texts["file"])}
    if "content" in texts:
        return {"content": texts["content"].text()}
    if "environment" not in texts:
        raise _no_file(key, name, definition)
    variable = texts["environment"].text()
    value = file.variables.values.get(variable)
    if value is None:
        what = f"{key}: {printable(name[:60])!r} is the variable {printable(variable[:60])}, which is not set"
        raise texts["environment"].error(what, hint=f"--env {printable(variable[:60])}=VALUE sets it")
    return {"content": value}


def _content_of(key: str, name: str, definition: Node, file: ComposeFile, project: Project) -> str:
    """What stands in the file of a config or secret. Raises RequestError for what is no text."""
    named = definition.entries()["file"]
    content = project.reader.source(file.located(named.text(), named), named).content
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        hint = "mount the file by its path on the machine: volumes: [/PATH/FILE:/TARGET:ro]"
        raise named.error(f"{key}: {printable(name[:60])!r} is no text, and a project carries text alone", hint=hint)
    project.reader.budget.spend(named.origin.where, len(text))
    return text


def _no_file(key: str, name: str, definition: Node) -> RequestError:
    why = "is external: only a daemon has it" if "external" in definition.entries() else "names no file"
    hint = f"write it into a file and name it with file:, or leave it out with {key}: !reset [] in another -f"
    return definition.error(f"{key}: {printable(name[:60])!r} {why}", hint=hint)
