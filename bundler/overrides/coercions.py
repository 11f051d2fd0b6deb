"""Coercions: what compose lets people write in several ways becomes one value, so that files can be merged.

A key whose schema refers to one of FORMS needs nothing else. KEYS has a row for each key with a grammar of its own. The
schema has been checked before.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.overrides import schema, validation
from bundler.overrides.files import env_files
from bundler.overrides.keys.bridges import expand_bridges
from bundler.overrides.keys.devices import expand_device_rules, expand_devices, refuse_gpus, request_devices
from bundler.overrides.keys.limits import block_io, number_set, ulimits
from bundler.overrides.keys.mounts import (
    clean_patterns,
    each_once,
    expand_image_volumes,
    expand_mounts,
    expand_tmpfs,
    expand_volume,
    list_tmpfs,
)
from bundler.overrides.keys.namespaces import check_namespace, parse_id_map
from bundler.overrides.keys.networking import expand_dns, expand_extra_hosts, expand_ports, resolver_words
from bundler.overrides.keys.process import (
    check_proc_options,
    clean_paths,
    console_size,
    expand_personality,
    expand_system_paths,
    init,
    io_priority,
    list_capabilities,
    scheduler,
    umask,
)
from bundler.overrides.keys.scalars import (
    cpus,
    limited_size,
    microseconds,
    parse_time_offsets,
    size,
    switch,
    whole,
)
from bundler.overrides.keys.service import deployed_keys, secured_keys
from bundler.overrides.keys.verbatim import annotations, hooks, labels, patch_steps
from bundler.overrides.merge import check_tags, marked
from bundler.overrides.node import EDIT, Node

# Keys that stand for others, which win where they are said, too.
_EXPANDED: Final[dict[str, Callable[[Mapping[str, Node]], dict[str, Node]]]] = {
    "deploy": deployed_keys,
    "security_opt": secured_keys,
}


def read_keys(root: Node, name: str) -> dict[str, Node]:
    """The keys of an overrides file, each in its one form. Raises RequestError with file, line and column."""
    entries = {key: marked(key, node) for key, node in root.value.items()} if isinstance(root.value, dict) else {}
    validation.check(root, name, frozenset(key for key, node in entries.items() if node.tag == EDIT))
    check_tags(root)
    return normalise(entries)


def normalise(entries: Mapping[str, Node]) -> dict[str, Node]:
    """Every key in its one form; `security_opt` and `deploy` are replaced by the keys they stand for.

    A null stays a null (the merge gives it its meaning), with or without a tag.
    """
    keys = dict(entries)
    for expanded, expand in _EXPANDED.items():
        with _with_example(expanded):
            keys = expand(entries) | keys
        keys.pop(expanded, None)
    return {
        key: _normal(key, node) for key, node in keys.items() if not key.startswith("x-") and not schema.ignored(key)
    }


def _normal(key: str, node: Node) -> Node:
    if node.tag != EDIT:
        return coerce(key, node)
    return node.with_value({operator: coerce(key, part) for operator, part in node.entries().items()})


def coerce(key: str, node: Node) -> Node:
    """The one form of a value of `key`. Raises RequestError for what the schema cannot say of it."""
    with _with_example(key):
        if node.value is not None and key in KEYS:
            return KEYS[key](node)
        return _by_form(key, node, schema.rule(key))


@contextmanager
def _with_example(key: str) -> Iterator[None]:
    """What is wrong inside of the context is said with an example of `key`, unless there is more to say."""
    try:
        yield
    except RequestError as error:
        raise RequestError(error.what, hint=error.hint or validation.example([key])) from None


def _by_form(key: str, node: Node, rule: Json) -> Node:
    """`node` as its part of the schema wants it, and a map entry by entry; `key` is its path in messages."""
    form = FORMS.get(rule.get("$ref", "").rpartition("/")[2])
    if node.value is None or form is not None:
        return node if form is None or node.value is None else form(key, node)
    if not isinstance(node.value, dict):
        return node
    members, others = rule.get("properties", {}), rule.get("additionalProperties")
    others = others if isinstance(others, dict) else {}
    coerced = {name: _by_form(f"{key}.{name}", each, members.get(name, others)) for name, each in node.value.items()}
    return node.with_value(coerced)


def _words(key: str, node: Node) -> Node:
    """A list of texts; one text is split as a shell does it."""
    if not isinstance(node.value, str):
        return node.with_value(tuple(item.spelled() for item in node.items()))
    try:
        words = shlex.split(node.value)
    except ValueError as error:
        raise node.error(f"{key}: cannot be split into words: {str(error).lower()}") from None
    return node.with_value(tuple(node.with_value(word) for word in words))


def _ids(node: Node) -> Node:
    return node.with_value(tuple(_id(item) for item in node.items()))


def _id(node: Node) -> Node:
    """A name, or a number in decimal digits: `0o17` is the id 15, not a user who is called that."""
    return node.with_value(str(node.value))


def _assignments(_key: str, node: Node) -> Node:
    """NAME=VALUE lines as a map of names to text, or to null where there is no value."""
    if isinstance(node.value, dict):
        texts = {name: each if each.value is None else each.spelled() for name, each in node.value.items()}
        return node.with_value(texts)
    assigned: dict[str, Node] = {}
    for item in node.items():
        name, separator, value = item.text().partition("=")
        # A name that stands twice keeps its first place and gets the last value, as on docker's command line.
        assigned[name] = item.with_value(value if separator else None)
    return node.with_value(assigned)


def _parameters(node: Node) -> Node:
    """NAME=VALUE lines, each with a value: without one there is nothing to set."""
    for item in node.value if isinstance(node.value, tuple) else ():
        if "=" not in item.text():
            raise item.error(f"sysctls: {printable(item.text())!r} is not NAME=VALUE")
    return _assignments("sysctls", node)


def _each(expand: Callable[[Node], Node]) -> Callable[[Node], Node]:
    """The coercion of one entry or a list of entries; a mount point stands in a list only once."""
    return lambda node: node.with_value(each_once([expand(item) for item in node.listed()], "target"))


FORMS: Final[dict[str, Callable[[str, Node], Node]]] = {
    "words": _words,
    "assignments": _assignments,
    "text": lambda _key, node: node.spelled(),
    "flag": switch,
    "whole": whole,
    "size": size,
    "limited_size": limited_size,
    "time": microseconds,
    "numbers": number_set,
    "capabilities": list_capabilities,
    "namespace": check_namespace,
    "paths": clean_paths,
    "one_or_several": resolver_words,
}
"""By the name in the schema's $defs: functions of a key and its value."""

KEYS: Final[dict[str, Callable[[Node], Node]]] = {
    "user": _id,
    "group_add": _ids,
    "sysctls": _parameters,
    "volumes": _each(expand_volume),
    "tmpfs": lambda node: _each(expand_tmpfs)(list_tmpfs(node)),
    "ulimits": ulimits,
    "cpus": lambda node: cpus("cpus", node),
    "env_file": env_files,
    "umask": umask,
    "console_size": console_size,
    "init": init,
    "scheduler": scheduler,
    "io_priority": io_priority,
    "blkio_config": block_io,
    "hooks": hooks,
    "annotations": annotations,
    "labels": labels,
    "spec_patch": patch_steps,
    "bridges": expand_bridges,
    "ports": expand_ports,
    "uid_map": parse_id_map,
    "gid_map": parse_id_map,
    "time_offsets": parse_time_offsets,
    "personality": expand_personality,
    "system_paths": expand_system_paths,
    "proc_opts": check_proc_options,
    "extra_hosts": expand_extra_hosts,
    "dns": expand_dns,
    "mounts": expand_mounts,
    "image_volumes": expand_image_volumes,
    "remove_mounts": clean_patterns,
    "devices": expand_devices,
    "device_cgroup_rules": expand_device_rules,
    "gpus": refuse_gpus,
    "cdi": request_devices,
}
