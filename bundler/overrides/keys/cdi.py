"""`cdi`: devices of the Container Device Interface (CDI specification 0.3 to 1.1) and the specs that describe them.

The normal form is a list of requests {devices, spec_dirs, specs}, one for each overrides file: a request is answered by
the specs that its own file names, so that requests can simply follow one another. Each spec that was read has the
number of its directory as its `priority`: of two that describe a device, that of the later directory counts (CDI
specification, SPEC.md), and one that stands in the overrides file itself counts most.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from bundler.errors import RequestError, printable
from bundler.overrides import schema
from bundler.overrides.node import Node
from bundler.overrides.yaml_document import parse, shown_name

_SPEC_NAMES: Final = (".json", ".yaml", ".yml")
_MAXIMUM_SPECS: Final = 1000  # files in one directory


def request_devices(node: Node) -> Node:
    """One file's request. Raises RequestError for devices that nothing describes."""
    entries = node.entries()
    if entries.get("devices") and not (entries.get("spec_dirs") or entries.get("specs")):
        raise node.error(
            "cdi: no spec describes these devices",
            hint="name the directories of the specs: cdi: {devices: [...], spec_dirs: [/etc/cdi]}",
        )
    return node.with_value((node,))


def read_specs(request: Node, folder: Path, read: Callable[[Path, Node], bytes]) -> Node:
    """`request` with the specs in its directories, which are relative to `folder`; `read` gives a file's bytes.

    Raises RequestError, with file, line and column, for a spec that is malformed.
    """
    entries = dict(request.entries())
    specs = list(entries["specs"].items()) if "specs" in entries else []
    directories = entries["spec_dirs"].items() if "spec_dirs" in entries else ()
    for number, directory in enumerate(directories):
        for path in _spec_files(directory, folder / directory.text()):
            spec = parse(read(path, directory), shown_name(str(path)))
            schema.check_value("cdi", Node({"specs": Node((spec,), spec.origin)}, spec.origin))
            specs.append(spec.with_value(spec.entries() | {"priority": directory.with_value(number)}))
    entries.pop("spec_dirs", None)
    return request.with_value(entries | {"specs": request.with_value(tuple(specs))})


def _spec_files(node: Node, directory: Path) -> list[Path]:
    """The specs in a directory, sorted, so that every machine reads them in the same order."""
    shown = printable(str(directory))
    try:
        found = sorted(path for path in directory.iterdir() if path.name.endswith(_SPEC_NAMES))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"{node.origin.where}: cdi: cannot read {shown}: {reason}") from None
    if len(found) > _MAXIMUM_SPECS:
        raise node.error(f"cdi: {shown} holds more than {_MAXIMUM_SPECS} specs")
    return found
