"""From a compose file and the name of a service to an overrides file."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides import schema
from bundler.overrides.coercions import coerce, read_keys
from bundler.overrides.compose.merge import untagged
from bundler.overrides.compose.mounts import Whole, mounts
from bundler.overrides.compose.project import Reader, nearest
from bundler.overrides.compose.services import Project
from bundler.overrides.compose.variables import Variables
from bundler.overrides.files import parse_env_file
from bundler.overrides.imports import Imported, Importer, check_texts, literal
from bundler.overrides.keys.service import deployed_keys, security_keys, without_meaning
from bundler.overrides.node import Node, from_json
from bundler.overrides.yaml_document import parse

# Keys that become others, or that have been followed: none of them is without meaning.
_UNDERSTOOD: Final = ("extends", "profiles", "volumes_from", "configs", "secrets", "label_file")
# What only the bundles of a whole project can do.
_OF_PROJECTS: Final = ("depends_on", "links", "scale", "deploy.replicas")
_COMPOSED: Final = (*_UNDERSTOOD, "deploy", "env_file", "environment", "labels", "volumes", "mounts", "security_opt")
_ALWAYS_THERE: Final = "default"  # the network of all services that name none
_RAW: Final = "raw"  # the format of docker's --env-file


def load_compose(
    words: Sequence[str], assignments: Sequence[str], env_files: Sequence[str], *, image_needed: bool
) -> Importer:
    """The importer of `FILE[:SERVICE]`, with more files to lay over it. Raises RequestError."""
    paths, services = zip(*(_divided(word) for word in words), strict=True)
    named = list(dict.fromkeys(filter(None, services)))
    if len(named) > 1:
        raise RequestError(f"one bundle is one service, and {len(named)} are named: {printable(', '.join(named))}")
    reader = Reader.of(assignments, env_files, paths[0])
    imported = convert(paths, named[0] if named else None, reader, image_needed=image_needed)
    return lambda _image: imported


def _divided(word: str) -> tuple[str, str]:
    """FILE and SERVICE; the name of a service holds no slash."""
    path, _, service = word.rpartition(":")
    return (path, service) if path and "/" not in service else (word, "")


def convert(paths: Sequence[str], service: str | None, reader: Reader, *, image_needed: bool = True) -> Imported:
    """The overrides file of a service of the compose files `paths`, the later over the earlier. Raises RequestError.

    Without a name it is the only service there is. `image_needed` is False where the command line says which image.
    """
    project = Project(reader.project(paths), reader)
    name = service or _only_service(project)
    node = project.service(name)
    entries = {key: each for key, each in node.entries().items() if each.value is not None}
    keys = _keys(node.with_value(entries), name, project)
    if "image" not in keys and image_needed:
        raise no_image(node, name)
    _remark(entries, name, project)
    imported = imported_from(node.with_value(dict(keys)), project)
    return replace(imported, remarks=tuple(reader.remarks), files=tuple(reader.files))


def keys_in_project(service: Node, name: str, project: Project, whole: Whole) -> dict[str, Node]:
    """The keys of a service that is built together with all others. Raises RequestError."""
    keys = _keys(service, name, project, whole)
    if "image" not in keys:
        raise no_image(service, name)
    _remark_lost(service.entries(), project)
    return keys


def imported_from(node: Node, project: Project) -> Imported:
    """The keys of a service as an overrides file, without what all services have. Raises RequestError."""
    root = untagged(node)
    check_texts(root)
    return Imported(
        root=root,
        entries=read_keys(root, project.files[0].name),
        name=project.files[0].name,
        folder=Path(project.files[0].folder),
    )


def _only_service(project: Project) -> str:
    names = list(dict.fromkeys(name for file in project.files for name in file.names("services")))
    if len(names) != 1:
        if not names:
            hint = "services: {web: {image: nginx:1.27}} is one with a service"
            raise RequestError(f"{project.files[0].name} has no services", hint=hint)
        raise RequestError(f"{project.files[0].name} has {len(names)} services: name one", hint=nearest("", names))
    return names[0]


def no_image(node: Node, name: str) -> RequestError:
    service, entries = printable(name[:60]), node.entries()
    if entries.get("build") is not None and entries["build"].value is not None:
        hint = "build and push it first, then name the result with image:, here or in a second file"
        return entries["build"].error(f"{service} is built, and no image is named", hint=hint)
    return node.error(f"{service} has no image", hint="name one with image:")


def _keys(service: Node, name: str, project: Project, whole: Whole | None = None) -> dict[str, Node]:
    """The keys of the overrides file, in the order of the service's."""
    entries = service.entries()
    _check_networks(entries, project)
    kept = {key: node for key, node in entries.items() if key not in _COMPOSED and not schema.ignored(key)}
    keys = {"image": entries["image"]} if "image" in entries else {}
    keys |= kept | deployed_keys(entries)
    keys |= _environment(entries, project)
    keys |= _labels(entries, project)
    keys |= mounts(service, name, project, whole)
    keys |= _security(entries, project)
    return keys


def _check_networks(entries: Mapping[str, Node], project: Project) -> None:
    """Raise RequestError for a network that is not defined, or one beside network_mode."""
    networks = entries.get("networks")
    if networks is None:
        return
    listed = networks.value if isinstance(networks.value, dict) else {item.text(): item for item in networks.items()}
    for name, node in listed.items():
        if name != _ALWAYS_THERE:
            project.definition("networks", name, node)
    if listed and "network_mode" in entries:
        raise networks.error("networks: network_mode says otherwise in the same service")


def _environment(entries: Mapping[str, Node], project: Project) -> dict[str, Node]:
    """`environment`, and below it `env_file` with what stands in the files; of each name only what counts is left."""
    variables = project.files[0].variables
    stated = coerce("environment", entries["environment"]).entries() if "environment" in entries else {}
    own = {key: _from_outside(key, node, variables) for key, node in stated.items()}
    texts = {key: node.text() for key, node in own.items() if node.value is not None}
    files: dict[str, tuple[Node, dict[str, Node]]] = {}
    for item in entries["env_file"].items() if "env_file" in entries else ():
        of_file = _of_file(item, project, variables.beneath(texts))
        for _, above in files.values():
            for key in of_file:
                above.pop(key, None)
        path = _path_of(item)
        relative = posixpath.relpath(path.text(), project.files[0].folder)
        files[relative] = (path.with_value(relative), {key: node for key, node in of_file.items() if key not in own})
    listed = [
        path.with_value({"path": path, "variables": path.with_value(tuple(_assignments(lines)))})
        for path, lines in files.values()
        if lines
    ]
    keys = {"env_file": entries["env_file"].with_value(tuple(listed))} if listed else {}
    return keys | ({"environment": entries["environment"].with_value(own)} if own else {})


def _from_outside(name: str, node: Node, variables: Variables) -> Node:
    """A name without a value has the one it was given on the command line; without that, the image's goes."""
    value = variables.values.get(name) if node.value is None else node.text()
    return node.with_value(value if value is None else literal(f"{name}={value}").partition("=")[2])


def _assignments(lines: Mapping[str, Node]) -> Iterator[Node]:
    return (node.with_value(f"{name}={node.text()}") for name, node in lines.items())


def _path_of(item: Node) -> Node:
    return item.value["path"] if isinstance(item.value, dict) else item


def _of_file(item: Node, project: Project, variables: Variables) -> dict[str, Node]:
    settings = item.value if isinstance(item.value, dict) else {}
    path = _path_of(item)
    required = settings["required"].value not in (False, "false") if "required" in settings else True
    if not required and not Path(path.text()).exists():
        return {}
    written = settings.get("format")
    if written is None or written.value is None:
        return project.reader.variables_of(path.text(), path, variables)
    if written.value != _RAW:
        raise written.error(f"env_file: unknown format {printable(str(written.value)[:40])!r}", hint="known is raw")
    source = project.reader.source(path.text(), path)
    lines = parse_env_file(source.content, source.name, project.reader.budget)
    pairs = ((line, line.text().partition("=")) for line in lines)
    return {name: line.with_value(value) for line, (name, _, value) in pairs}


def _labels(entries: Mapping[str, Node], project: Project) -> dict[str, Node]:
    """`labels`, over those in files."""
    own = coerce("labels", entries["labels"]).entries() if "labels" in entries else {}
    below: dict[str, Node] = {}
    for item in entries["label_file"].items() if "label_file" in entries else ():
        below |= project.reader.variables_of(item.text(), item, project.files[0].variables)
    named = entries.get("labels") or entries.get("label_file")
    return {} if named is None or not below | own else {"labels": named.with_value(below | own)}


def _security(entries: Mapping[str, Node], project: Project) -> dict[str, Node]:
    """The options, the file of a seccomp profile read in."""
    node = entries.get("security_opt")
    if node is None:
        return {}
    options = [item.text() for item in node.items()]

    def profile_of(path: str) -> Json:
        named_by = next(item for item in node.items() if item.text().endswith(path))
        source = project.reader.source(path, named_by)
        return parse(source.content, source.name, budget=project.reader.budget).plain()

    try:
        keys = security_keys(options, profile_of)
    except ValueError as error:
        raise node.error(f"security_opt: {error}") from None
    return {key: from_json(value, node.origin) for key, value in keys.items()}


def _remark(entries: Mapping[str, Node], name: str, project: Project) -> None:
    profiles = entries.get("profiles")
    if profiles is not None and isinstance(profiles.value, tuple) and profiles.value:
        listed = ", ".join(printable(str(item.value)[:60]) for item in profiles.value)
        project.reader.remark(
            f"note: compose starts {printable(name[:60])} only with the profile {listed}; it was named, so it is taken"
        )
    followed = _remark_lost(entries, project)
    if followed:
        project.reader.remark(f"note: only bundler project follows {', '.join(followed)} ({project.files[0].name})")


def _remark_lost(entries: Mapping[str, Node], project: Project) -> list[str]:
    """Say what no bundle has a place for; gives the keys that a whole project does have one for."""
    named = [key for key in without_meaning(entries) if key not in _UNDERSTOOD]
    lost = [key for key in named if key not in _OF_PROJECTS]
    if lost:
        project.reader.remark(f"note: without meaning for a bundle: {', '.join(lost)} ({project.files[0].name})")
    return [key for key in named if key in _OF_PROJECTS]
