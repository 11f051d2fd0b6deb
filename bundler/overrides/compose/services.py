"""A service as compose understands it: variables replaced, checked, laid over what it extends and over lower files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.overrides import schema, validation
from bundler.overrides.compose.merge import by_form, lay_over, untagged
from bundler.overrides.compose.project import ComposeFile, NamedNode, Reader, nearest, texts
from bundler.overrides.compose.variables import interpolate
from bundler.overrides.node import Node

Trail = tuple[tuple[str, str], ...]  # the services that led here by extends: file and name
_DEEPEST: Final = 50  # how many services extend each other in a row; people write three
_LEAST_PLAIN: Final = 1e-4
_LEAST_HUGE: Final = 1e21
# Where compose takes an empty text for nothing said: `${NAME-}` of a variable that is not set, mostly.
_TEXTS: Final = (
    *("image", "container_name", "platform", "runtime", "isolation", "hostname", "domainname", "mac_address", "dns"),
    *("user", "working_dir", "restart", "stop_signal", "network_mode", "ipc", "pid", "uts", "userns_mode"),
    *("cgroup_parent", "cpuset"),
)
_TRUE: Final = ("true", "yes", "on", "y")
_FALSE: Final = ("false", "no", "off", "n")
# Where compose takes a truth value as text, besides the keys whose schema says `flag`.
_FLAGS_INSIDE: Final = (("read_only",), ("volume", "nocopy"), ("bind", "create_host_path"))


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a project and the reader that knows more of them."""

    files: tuple[ComposeFile, ...]
    reader: Reader

    def service(self, name: str, named_by: Node | None = None) -> Node:
        """The service of this name. Raises RequestError."""
        return self._service(self.files, name, named_by, ())

    def definition(self, section: str, name: str, named_by: Node) -> tuple[Node, ComposeFile]:
        """A volume, config or secret that a service names, and the file that paths in it belong to."""
        layers = [layer for file in self.files for layer in file.layers(section, name)]
        if not layers:
            known = [each for file in self.files for each in file.names(section)]
            what = f"{section}: {printable(name[:60])!r} is not defined in the compose file"
            raise named_by.error(what, hint=nearest(name, known) if known else f"add it under {section}:")
        merged = layers[0].node.with_value({})
        for layer in layers:
            node = interpolate(layer.node, layer.file.variables)
            if node.value is not None and not isinstance(node.value, dict):
                raise node.error(f"{section}.{printable(name[:60])}: a map is expected here")
            merged = by_form(merged, node) if not node.tag else untagged(node)
        return merged if isinstance(merged.value, dict) else merged.with_value({}), layers[-1].file

    def _service(self, files: Sequence[ComposeFile], name: str, named_by: Node | None, trail: Trail) -> Node:
        layers = [layer for file in files for layer in file.layers("services", name)]
        if not layers:
            raise _unknown(files, name, named_by)
        merged = untagged(self._layer(layers[0], name, trail))
        for layer in layers[1:]:
            node = self._layer(layer, name, trail)
            merged = untagged(node) if layer.node.tag else lay_over(merged, node)
        return merged

    def _layer(self, layer: NamedNode, name: str, trail: Trail) -> Node:
        """What one file says of a service, over what it extends."""
        self.reader.look_at(layer.node)
        here = (layer.file.path, name)
        if here in trail or len(trail) >= _DEEPEST:
            names = " → ".join(printable(each[1][:60]) for each in (*trail, here)[-10:])
            raise layer.node.key_error(f"extends: a service cannot extend itself ({names})", "take one extends away")
        node = _checked(layer)
        extends = node.entries().get("extends")
        if extends is None or extends.value is None:
            return node
        merged = lay_over(self._base(extends, layer.file, (*trail, here)), node)
        return replace(merged, value={key: each for key, each in merged.entries().items() if key != "extends"})

    def _base(self, extends: Node, file: ComposeFile, trail: Trail) -> Node:
        entries = extends.value if isinstance(extends.value, dict) else {"service": extends}
        if "service" not in entries or not isinstance(entries["service"].value, str):
            raise extends.error("extends: service is missing")
        named = entries["service"]
        if "file" not in entries:
            return self._service((file,), named.text(), named, trail)
        (path,) = texts(entries["file"], "extends.file")[:1] or (extends,)
        if len(trail) >= _DEEPEST:
            raise extends.error(f"extends: more than {_DEEPEST} services in a row")
        other = self.reader.extended(file.located(path.text(), path), path, file.variables)
        return self._service((other,), named.text(), named, trail)


def _unknown(files: Sequence[ComposeFile], name: str, named_by: Node | None) -> RequestError:
    known = [each for file in files for each in file.names("services")]
    message, hint = f"{files[0].name} has no service {printable(name[:60])!r}", nearest(name, known)
    return named_by.error(message, hint=hint) if named_by else RequestError(message, hint=hint)


def _checked(layer: NamedNode) -> Node:
    """The keys of a service with variables replaced and paths absolute, as the schema wants them."""
    node = _spelled(interpolate(layer.node, layer.file.variables))
    if not isinstance(node.value, dict):
        raise node.error("a service is a map of keys")
    kept = {
        key: _switched(key, _limits(key, _given(key, each)))
        for key, each in node.value.items()
        if not key.startswith("x-")
    }
    plain = untagged(node.with_value(kept))
    validation.check(plain, layer.file.name)
    return node.with_value(
        {
            key: each if each.tag == "!reset" or each.value is None else _located(key, each, layer.file)
            for key, each in kept.items()
        }
    )


def _limits(key: str, node: Node) -> Node:
    """`ulimits` in which a limit that is not said is 0, as compose's own output leaves it out."""
    if key != "ulimits" or not isinstance(node.value, dict):
        return node
    none = {"soft": node.with_value(0), "hard": node.with_value(0)}
    return node.with_value(
        {
            name: each.with_value(none | each.value) if isinstance(each.value, dict) and each.value else each
            for name, each in node.value.items()
        }
    )


def _given(key: str, node: Node) -> Node:
    """`node`, or what takes away what lies below, where it is a text without any."""
    return replace(node, value=None, tag="!reset") if key in _TEXTS and node.value == "" else node


def _spelled(node: Node) -> Node:
    """Numbers and truth values as compose spells them where text is wanted: 1.50 is 1.5 to it, 0x10 is 16."""
    if isinstance(node.value, dict):
        return node.with_value({key: _spelled(inner) for key, inner in node.value.items()})
    if isinstance(node.value, tuple):
        return node.with_value(tuple(_spelled(item) for item in node.value))
    if isinstance(node.value, float):
        # Go's %v: the shortest digits, and an exponent only below 1e-4 and from 1e21 on.
        is_plain = node.value == 0 or _LEAST_PLAIN <= abs(node.value) < _LEAST_HUGE
        text = format(Decimal(repr(node.value)), "f") if is_plain else repr(node.value)
        return replace(node, written=text.removesuffix(".0"))
    return replace(node, written=json.dumps(node.value)) if isinstance(node.value, int) else node


def _located(key: str, node: Node, file: ComposeFile) -> Node:
    """`node` with absolute paths in the place of those that are relative to the file."""
    if key == "volumes":
        return node.with_value(tuple(_located_volume(item, file) for item in node.items()))
    if key in ("env_file", "label_file"):
        listed = node.items() if isinstance(node.value, tuple) else (node,)
        return node.with_value(tuple(_located_path(item, "path", file) for item in listed))
    if key == "security_opt":
        return node.with_value(tuple(_located_profile(item, file) for item in node.items()))
    return node


def _located_path(node: Node, key: str, file: ComposeFile) -> Node:
    if not isinstance(node.value, dict):
        return node.with_value(file.located(node.text(), node))
    path = node.value[key]
    return node.with_value(node.value | {key: path.with_value(file.located(path.text(), path))})


def _located_volume(node: Node, file: ComposeFile) -> Node:
    if isinstance(node.value, dict):
        is_bind = node.entries()["type"].value == "bind" and "source" in node.value
        return _located_path(node, "source", file) if is_bind else node
    source, colon, rest = node.text().partition(":")
    is_path = source.startswith((".", "~", "/")) and colon
    return node.with_value(f"{file.located(source, node)}:{rest}") if is_path else node


def _located_profile(node: Node, file: ComposeFile) -> Node:
    for start in ("seccomp:", "seccomp="):
        path = node.text().removeprefix(start)
        if path != node.text() and path and path not in ("unconfined", "builtin"):
            return node.with_value(start + file.located(path, node))
    return node


def _switched(key: str, node: Node) -> Node:
    """Truth values that stand as text, in the words that compose takes for them."""
    if schema.rule(key).get("$ref") == "#/$defs/flag" or key == "init":
        return _switch(node)
    if key == "healthcheck" and isinstance(node.value, dict) and "disable" in node.value:
        return node.with_value(node.value | {"disable": _switch(node.value["disable"])})
    if key == "volumes" and isinstance(node.value, tuple):
        return node.with_value(tuple(_inside(item, _FLAGS_INSIDE) for item in node.value))
    return node


def _inside(node: Node, flags: Sequence[tuple[str, ...]]) -> Node:
    for first, *rest in flags:
        if isinstance(node.value, dict) and first in node.value:
            inner = node.value[first]
            node = node.with_value(node.value | {first: _inside(inner, [tuple(rest)]) if rest else _switch(inner)})
    return node


def _switch(node: Node) -> Node:
    word = node.value.lower() if isinstance(node.value, str) else ""
    return node.with_value(word in _TRUE) if word in (*_TRUE, *_FALSE) else node
