"""YAML 1.2 text → nodes. Nothing is guessed: what YAML versions read differently is an error, never a wrong value.

The core schema of YAML 1.2 decides what a plain scalar is: `yes`, `on` and `33:33` are text. Compose's `<<` merge key
is honoured. Aliases are expanded with a bound, because ten lines of them can stand for a billion nodes. Text that no
file of a bundle could hold (NUL, half a surrogate pair) and numbers that JSON has no word for are refused here, so that
nothing after this module has to expect them.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import field, replace
from pathlib import PurePath
from typing import Any, Final

from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Origin
from bundler.overrides.node import Budget, Node, Scalar, Tag
from bundler.path_kinds import kind_of
from bundler.sizes import readable_size

MAXIMUM_BYTES: Final = 1 << 20
MAXIMUM_DEPTH: Final = 100

# What ruamel calls the kinds of its nodes. It is imported where there is something to parse: most builds have nothing.
_SCALAR: Final = "scalar"
_SEQUENCE: Final = "sequence"
_MAPPING: Final = "mapping"
_CORE: Final = "tag:yaml.org,2002:"
# The core schema's own, and what ruamel resolves a plain scalar to that we read as text.
_KNOWN_TAGS: Final = ("str", "int", "float", "bool", "null", "map", "seq", "merge", "timestamp", "value")
_RESOLVED: Final = tuple(_CORE + name for name in ("int", "float", "bool", "null"))
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL: Final = re.compile(r"[-+]?0[0-7]{1,22}")
_AMBIGUOUS: Final = re.compile(r"[-+]?0[0-9]+")


def parse(text: bytes, name: str, *, leading_zero_is_octal: bool = False, budget: Budget | None = None) -> Node:
    """The one document of a YAML (or JSON) text; an empty one is an empty map. `name` stands in every message.

    To compose 0440 is octal; anywhere else its meaning is not guessed. `budget` is that of several files together.
    Raises RequestError with file, line and column.
    """
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    from bundler.overrides.yaml_failures import failure  # noqa: PLC0415
    from bundler.overrides.yaml_nodes import compose  # noqa: PLC0415

    check_length(len(text), name)
    try:
        content = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(text, name, error.start) from None
    try:
        root = compose(content)
    except YAMLError as error:
        raise failure(error, content, name) from None
    except (ValueError, OverflowError) as error:  # an escape beyond the last character
        raise RequestError(f"{name}: {printable(str(error).partition(chr(10))[0])}") from None
    except RecursionError:
        raise RequestError(f"{name}: nested too deeply") from None
    if root is None:
        return Node({}, Origin("overrides", f"{name}:1:1"))
    return _Reader(name, leading_zero_is_octal, budget or Budget()).node(root)


def check_length(length: int, name: str) -> None:
    """Raise RequestError for more bytes than a file may have."""
    if length > MAXIMUM_BYTES:
        raise RequestError(
            f"{name}: {readable_size(length)} are more than an overrides file may hold ({readable_size(MAXIMUM_BYTES)})"
        )


def _no_text(content: bytes, name: str, start: int) -> RequestError:
    kind = kind_of(content)
    if kind is not None and not kind.is_text:
        return RequestError(f"{name} {kind.what}, not text", hint=kind.hint("-" if name == shown_name("-") else name))
    return RequestError(f"{name}: not UTF-8 at byte {start}", hint="write the file anew as UTF-8")


@dataclass(slots=True)
class _Reader:
    """Turns ruamel's nodes into ours; counts them, because an alias costs nothing to write."""

    name: str
    leading_zero_is_octal: bool
    budget: Budget
    open_nodes: list[Any] = field(default_factory=list)

    def node(self, raw: Any) -> Node:
        self.budget.spend(self.where(raw), len(raw.value) if raw.id == _SCALAR else 0)
        if any(raw is outer for outer in self.open_nodes):
            raise RequestError(f"{self.where(raw)}: an alias that holds itself", hint="write out what it stands for")
        if len(self.open_nodes) >= MAXIMUM_DEPTH:
            raise RequestError(f"{self.where(raw)}: nested too deeply")
        self.open_nodes.append(raw)
        try:
            written = str(raw.value) if raw.id == _SCALAR else ""
            tag = self.tag(raw)
            # Compose lets anything stand behind !reset, and looks at none of it.
            value = None if tag == "!reset" else self.value(raw)
            return Node(value, Origin("overrides", self.where(raw)), tag, written)
        finally:
            self.open_nodes.pop()

    def where(self, raw: Any) -> str:
        return f"{self.name}:{raw.start_mark.line + 1}:{raw.start_mark.column + 1}"

    def tag(self, raw: Any) -> Tag:
        tag = str(raw.tag or "")
        if tag in ("!reset", "!override"):
            return "!reset" if tag == "!reset" else "!override"
        if tag in ("", "!") or tag.removeprefix(_CORE) in _KNOWN_TAGS:
            return ""
        what = f"{self.where(raw)}: unknown tag {printable(tag)} (known: !reset, !override)"
        raise RequestError(what, hint="put text that begins with ! in quotes")

    def value(self, raw: Any) -> "Scalar | tuple[Node, ...] | dict[str, Node]":
        if raw.id == _SCALAR:
            return self.scalar(raw)
        if raw.id == _SEQUENCE:
            return tuple(self.node(item) for item in raw.value)
        return self.mapping(raw)

    def scalar(self, raw: Any) -> Scalar:
        text = self.text(raw)
        if str(raw.tag) == _CORE + "str" or (raw.style is not None and str(raw.tag) not in _RESOLVED):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if self.leading_zero_is_octal and _OCTAL.fullmatch(text):
            return int(text, 8)
        if _AMBIGUOUS.fullmatch(text):
            raise RequestError(
                f"{self.where(raw)}: {text} is octal to some readers of YAML and decimal to others",
                hint=f'write "{text}" for the text, a number without leading zeros, or with 0o in front if it is octal',
            )
        if _INTEGER.fullmatch(text):
            if len(text) > 40:  # noqa: PLR2004  (no field of the runtime-spec holds more than 64 bits)
                raise RequestError(f"{self.where(raw)}: a number of {len(text)} digits")
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        if str(raw.tag) in _RESOLVED:
            # 1_000, .inf, `yes` after %YAML 1.1, `!!int abc`: a number or a truth value to some, none to us.
            hint = f'write "{printable(text)}" for the text'
            raise RequestError(f"{self.where(raw)}: {printable(text)} is text to some readers of YAML only", hint=hint)
        return text

    def text(self, raw: Any) -> str:
        """The text of a scalar: escapes may spell a pair of surrogates, as JSON does, but not half a pair."""
        try:
            text = str(raw.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise RequestError(f"{self.where(raw)}: text cannot hold half of a surrogate pair") from None
        if "\0" in text:
            raise RequestError(f"{self.where(raw)}: text cannot hold a NUL")
        return text

    def mapping(self, raw: Any) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key_node, value_node in raw.value:
            if _is_merge(key_node):
                continue
            key = self.key(key_node)
            if key in entries:
                first = entries[key].key_where.removeprefix(f"{self.name}:")
                what = f"{self.where(key_node)}: the key {printable(key)} stands twice in one map"
                raise RequestError(what, hint=f"it stands at {first}, too: make one of both")
            entries[key] = replace(self.node(value_node), key_where=self.where(key_node))
        for merged in self.merged(raw):
            for key, node in self.node(merged).entries().items():
                entries.setdefault(key, node)
        return entries

    def key(self, raw: Any) -> str:
        if raw.id != _SCALAR:
            raise RequestError(f"{self.where(raw)}: a key has to be text", hint="write it as name: value")
        return self.text(raw)

    def merged(self, raw: Any) -> Iterator[Any]:
        for key_node, value_node in raw.value:
            if not _is_merge(key_node):
                continue
            sources = value_node.value if value_node.id == _SEQUENCE else [value_node]
            for source in sources:
                if source.id != _MAPPING:
                    raise RequestError(f"{self.where(source)}: << takes a map or a list of maps")
                yield source


def _is_merge(key: Any) -> bool:
    return key.id == _SCALAR and key.style is None and key.value == "<<"


def shown_name(path: str) -> str:
    """How messages and origins call an overrides file: its last component, the same in any folder."""
    return "<standard input>" if path == "-" else printable(PurePath(path).name)
