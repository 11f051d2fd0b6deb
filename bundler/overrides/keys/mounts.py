"""Mounts: docker's short forms, the runtime-spec's own words, and what becomes of an image's volumes.

Docker's short forms of a mount, `SOURCE:TARGET[:OPTIONS]` and `PATH[:OPTIONS]`, stand for compose's long form: {type,
source, target, read_only, bind: {propagation, recursive, idmap}, volume: {nocopy, subpath, shared}, image: {subpath}}.
A tmpfs carries its mount options as {options: [...]}; a bind of a file that the bundle carries has {content, uid, gid,
mode} in the place of a source. What is about SELinux, about other machines' file systems (`consistency`) or for a
daemon to do (`create_host_path`) leaves no trace.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Final

from bundler.errors import printable
from bundler.overrides.bundle_paths import HINT, is_own_folder, is_shared_volume, refusal
from bundler.overrides.keys.namespaces import parse_id_map
from bundler.overrides.keys.scalars import size, write_size
from bundler.overrides.node import Node

_DOCKERS_DATA: Final = "/var/lib/docker"
PROPAGATIONS: Final = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_OF_WINDOWS: Final = re.compile(r"[A-Za-z]:(?:\\|/[^:]*:/)")
_NAMED_VOLUME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}")
_WITHOUT_EFFECT: Final = ("z", "Z", "consistent", "cached", "delegated")
_TMPFS_FLAGS: Final = (
    *("defaults", "ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "sync", "async", "dirsync"),
    *("remount", "mand", "nomand", "atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime"),
    *("strictatime", "nostrictatime", "bind", "rbind", "unbindable", "runbindable", *PROPAGATIONS),
)
# What may be said of a file beside its content: its owner and permissions.
CONTENT_ATTRIBUTES: Final = ("uid", "gid", "mode")
WRITABLE_BY_OTHERS: Final = 0o022
_TMPFS_VALUES: Final = ("size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol")


def clean_path(path: str) -> str:
    """An absolute path without `.`, `..`, empty components or a trailing slash, as Docker writes destinations."""
    return posixpath.normpath("/" + path.lstrip("/"))


def holds_dockers_data(source: str) -> bool:
    """Whether dockerd takes a bind's source for in or above its own folder: it compares how the two texts begin."""
    return source.startswith(_DOCKERS_DATA) or _DOCKERS_DATA.startswith(source)


def each_once(entries: Sequence[Node], key: str) -> tuple[Node, ...]:
    """`entries`, no two of which have the same mount point in `key`. Raises RequestError."""
    points: set[str] = set()
    for entry in entries:
        point = entry.entries()[key].text()
        if point in points:
            raise entry.error(f"the mount point {printable(point)} stands twice in one list")
        points.add(point)
    return tuple(entries)


def expand_volume(node: Node) -> Node:
    """The long form of one entry of `volumes`, with a clean target. Raises RequestError."""
    entry = _short_volume(node) if isinstance(node.value, str) else dict(node.entries())
    target = entry["target"]
    entry["target"] = target.with_value(check_target(target, target.text()))
    kind = entry["type"].text()
    if "content" in entry:
        _check_content(entry, kind)
    elif "source" in entry:
        _check_source(entry["source"], kind)
    elif kind in ("bind", "image"):
        raise node.error(f"volumes: {'a bind' if kind == 'bind' else 'an image'} needs a source")
    if kind == "tmpfs":
        entry = _tmpfs_volume(node, entry)
    for key in CONTENT_ATTRIBUTES:
        if key in entry and "content" not in entry:
            raise entry[key].error(f"volumes: {key} is for a file with content", hint="other files have their own")
    for key in ("bind", "volume", "tmpfs", "image"):
        if key in entry and key != kind:
            raise entry[key].error(f"volumes: {key} is for type {key}, this is a {kind}")
    _check_recursive(entry)
    _check_subpath(entry)
    if "bind" in entry:
        entry["bind"] = _with_id_maps(entry["bind"])
    return node.with_value(entry)


def _short_volume(node: Node) -> dict[str, Node]:
    text = node.text()
    if _OF_WINDOWS.match(text):
        raise node.error(f"volumes: {printable(text)!r} has a path of Windows, and bundles are run on Linux")
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):  # noqa: PLR2004  (SOURCE:TARGET:OPTIONS)
        raise node.error(f"volumes: {printable(text)!r} is not SOURCE:TARGET[:OPTIONS]")
    if len(parts) == 1:
        return {"type": node.with_value("volume"), "target": node.with_value(parts[0])}
    source, target = parts[:2]
    kind = "bind" if source.startswith(("/", ".")) else "volume"
    entry = {"type": kind, "source": source, "target": target}
    nodes = {key: node.with_value(value) for key, value in entry.items()}
    return nodes | _short_options(node, parts[2] if len(parts) == 3 else "", kind)  # noqa: PLR2004


def _short_options(node: Node, text: str, kind: str) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for option in filter(None, text.split(",")):
        if option in ("ro", "rw"):
            key, value = "read_only", node.with_value(option == "ro")
        elif option in PROPAGATIONS and kind == "bind":
            key, value = "bind", node.with_value({"propagation": node.with_value(option)})
        elif option == "nocopy" and kind == "volume":
            key, value = "volume", node.with_value({"nocopy": node.with_value(value=True)})
        elif option in _WITHOUT_EFFECT:
            continue
        else:
            known = ("ro", "rw", *(PROPAGATIONS if kind == "bind" else ("nocopy",)), *_WITHOUT_EFFECT)
            raise node.error(f"volumes: unknown option {printable(option)!r} for a {kind} ({', '.join(known)})")
        if key in nodes:
            raise node.error(f"volumes: {printable(option)!r} says again, or against, what an earlier option said")
        nodes[key] = value
    return nodes


def _check_recursive(entry: dict[str, Node]) -> None:
    """What `recursive` says is about how a read-only bind is made (docker's bind-recursive)."""
    bind = entry["bind"].entries() if "bind" in entry else {}
    recursive = bind["recursive"].text() if "recursive" in bind else "enabled"
    if recursive in ("writable", "readonly") and not ("read_only" in entry and entry["read_only"].value is True):
        raise bind["recursive"].error(f"volumes: recursive: {recursive} needs read_only: true")


def _check_subpath(entry: dict[str, Node]) -> None:
    """A folder inside a volume or an image, never above it; a volume without a name is new and has none."""
    for key in ("volume", "image"):
        details = entry[key].entries() if key in entry else {}
        if "subpath" not in details:
            continue
        subpath = details["subpath"]
        steps = posixpath.normpath(subpath.text()).split("/")
        if subpath.text().startswith("/") or steps[0] in ("..", "."):
            raise subpath.error(
                f"volumes: the subpath {printable(subpath.text())!r} has to be a relative path inside it"
            )
        if key == "volume" and "source" not in entry:
            raise subpath.error("volumes: subpath: a volume without a name is empty")


def _with_id_maps(bind: Node) -> Node:
    """`idmap: {uids, gids}` as the ranges of the runtime-spec."""
    entries = bind.entries()
    if "idmap" not in entries:
        return bind
    maps = {name: parse_id_map(listed) for name, listed in entries["idmap"].entries().items()}
    return bind.with_value(entries | {"idmap": entries["idmap"].with_value(maps)})


def check_target(node: Node, path: str) -> str:
    """`path`, clean. Raises RequestError for one that nothing can be mounted on."""
    target = clean_path(path)
    if not path.startswith("/") or target == "/":
        raise node.error(f"the mount point {printable(path)!r} has to be an absolute path other than /")
    return target


def _check_content(entry: dict[str, Node], kind: str) -> None:
    """A file that the bundle carries is read-only: each container has the same."""
    content = entry["content"]
    if kind != "bind" or "source" in entry:
        raise content.error("volumes: content stands in the place of a bind's source")
    if "read_only" in entry and entry["read_only"].value is False:
        raise entry["read_only"].error("volumes: a file with content is read-only")
    entry["read_only"] = content.with_value(value=True)
    if "mode" in entry and isinstance(entry["mode"].value, str):
        entry["mode"] = entry["mode"].with_value(int(entry["mode"].text(), 8))
    mode = entry["mode"].value if "mode" in entry else 0
    if isinstance(mode, int) and mode & WRITABLE_BY_OTHERS:  # on the machine they would be any users
        hint = f"mode {mode & ~WRITABLE_BY_OTHERS:04o}"
        raise entry["mode"].error("volumes: mode: group and others cannot write to a file with content", hint=hint)


def _check_source(node: Node, kind: str) -> None:
    source = node.text()
    if kind == "tmpfs":
        raise node.error("volumes: a tmpfs has no source")
    if kind == "volume" and not _NAMED_VOLUME.fullmatch(source):
        hint = "a bind's source starts with / or ./"
        raise node.error(f"volumes: {printable(source)!r} is not a volume name", hint=hint)
    if kind == "bind" and not source.startswith(("/", "./")):
        raise node.error(f"volumes: the source {printable(source)!r} has to start with / or ./ (the bundle)")
    if kind == "bind":
        _check_bind(node, source)


def _check_bind(node: Node, source: str) -> None:
    """A bind by a relative path is of a folder of the user's own, or of a volume: these bundler makes, if need be."""
    clean = source if source.startswith("/") else posixpath.normpath(source)
    why = "is for a volume with shared: true" if is_shared_volume(clean) else refusal(clean)
    folder, _, name = clean.partition("/")
    is_volume = folder == "volumes" and bool(_NAMED_VOLUME.fullmatch(name))
    if why is None and not (clean.startswith("/") or is_volume or is_own_folder(clean)):
        why = "belongs to the bundle itself"
    if why is not None:
        raise node.error(f"volumes: the source {printable(source)!r} {why}", hint=HINT)


def list_tmpfs(node: Node) -> Node:
    """A map of paths to options (text, null for none) as a list of `PATH[:OPTIONS]`; a path or a list stays one."""
    if not isinstance(node.value, dict):
        return node
    lines = ((path, item.text() if item.value else "", item) for path, item in node.value.items())
    return node.with_value(
        tuple(item.with_value(f"{path}:{options}" if options else path) for path, options, item in lines)
    )


def expand_tmpfs(node: Node) -> Node:
    """The long form of one entry of `tmpfs`. Raises RequestError for an option Docker would refuse."""
    target, _, options = node.text().partition(":")
    listed = options.split(",") if options else []
    names = tuple(node.with_value(_checked_option(node, option)) for option in listed)
    entry = {"type": "tmpfs", "target": check_target(node, target)}
    return node.with_value(
        {key: node.with_value(value) for key, value in entry.items()} | {"options": node.with_value(names)}
    )


def _checked_option(node: Node, option: str) -> str:
    name, separator, value = option.partition("=")
    if (option in _TMPFS_FLAGS) or (name in _TMPFS_VALUES and separator and value):
        return option
    raise node.error(f"tmpfs: unknown option {printable(option)!r}")


def _tmpfs_volume(node: Node, entry: dict[str, Node]) -> dict[str, Node]:
    """`{type: tmpfs, tmpfs: {size, mode}}` with its options spelled as Docker does: mode first, size in whole units."""
    limits = entry.pop("tmpfs").entries() if "tmpfs" in entry else {}
    options = []
    if "read_only" in entry and entry.pop("read_only").value is True:
        options.append("ro")
    if "mode" in limits and limits["mode"].value not in (None, 0):  # to Docker, 0 says nothing
        options.append(f"mode={limits['mode'].value:o}")
    if "size" in limits and limits["size"].value not in (None, 0):
        options.append(f"size={_tmpfs_size(limits['size'])}")
    if "options" in entry:
        options += [_checked_option(option, option.text()) for option in entry["options"].items()]
    return entry | {"options": node.with_value(tuple(node.with_value(option) for option in options))}


def _tmpfs_size(node: Node) -> str:
    coerced = size("volumes", node).value
    return str(write_size(coerced)) if isinstance(coerced, int) else ""


_PLACE: Final = re.compile(r"(before|after):(/.*)")


def expand_mounts(node: Node) -> Node:
    """Mount objects of the runtime-spec with clean destinations, each once, and `at`: {place, destination}."""
    return node.with_value(each_once([_expand(item) for item in node.items()], "destination"))


def _expand(node: Node) -> Node:
    entry = dict(node.entries())
    destination = entry["destination"]
    entry["destination"] = destination.with_value(check_target(destination, destination.text()))
    for key in ("uidMappings", "gidMappings"):
        if key in entry and entry[key].value:
            entry[key] = parse_id_map(entry[key])
    options = {item.text() for item in entry["options"].items()} if "options" in entry else set()
    binds = bool(options & {"bind", "rbind"})
    if binds and "source" not in entry:
        raise node.error("mounts: a bind needs a source")
    why = refusal(entry["source"].text(), read_only=bool(options & {"ro", "rro"})) if binds else None
    if why is not None:
        raise entry["source"].error(f"mounts: the source {printable(entry['source'].text())!r} {why}", hint=HINT)
    if "at" in entry:
        entry["at"] = _place(entry["at"])
    return node.with_value(entry)


def _place(node: Node) -> Node:
    """`before:PATH` and `after:PATH` with a clean path; a number counts the mounts in front."""
    if not isinstance(node.value, str):
        return node
    match = _PLACE.fullmatch(node.value)
    if match is None:
        hint = "allowed are a number, before:PATH and after:PATH"
        raise node.error(f"mounts: {printable(node.value[:60])!r} is no place among the mounts", hint=hint)
    return node.with_value(f"{match[1]}:{clean_path(match[2])}")


def expand_image_volumes(node: Node) -> Node:
    """One mode for all of the image's volumes, or a map of clean paths to modes."""
    if isinstance(node.value, str):
        return node
    return node.with_value({clean_path(path): mode for path, mode in node.entries().items()})


def clean_patterns(node: Node) -> Node:
    """A list of mount points, or patterns of them, without trailing slashes."""
    return node.with_value(tuple(item.with_value(item.text().rstrip("/") or "/") for item in node.items()))
