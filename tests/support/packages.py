"""The packages of bundler as they import each other, and their drawing for CONTRIBUTING.md."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import bundler

PROJECT = Path(__file__).resolve().parents[2]
MODULES = sorted(PROJECT.glob("bundler/**/*.py"))
Graph = Mapping[str, set[str]]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file of Python; each file is parsed once, whatever is looked for in it."""
    return tuple(ast.walk(ast.parse(path.read_bytes())))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> str:
    """`bundler.images.descriptor` belongs to `images`, `bundler` itself to `__init__`."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> Iterator[str]:
    """The full name of everything that a file imports, at its top or inside a function.

    `from a import b` is `a.b` where that is a module of bundler, or a name of its front door, and `a` elsewhere.
    """
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield name if base == "bundler" or name in _NAMES else base


_NAMES = {module_of(path) for path in MODULES}


@cache
def imported_modules(path: Path) -> set[str]:
    """The modules of bundler that a file imports. The version is a constant, for which none has to be loaded."""
    inside = {name for name in imports(path) if name.split(".")[0] == "bundler"} - {"bundler.__version__"}
    return {"bundler" if name.removeprefix("bundler.") in bundler.__all__ else name for name in inside}


def imported_parts(path: Path) -> set[str]:
    return {part_of(name) for name in imported_modules(path)}


def module_graph() -> Graph:
    return {module_of(path): imported_modules(path) - {module_of(path)} for path in MODULES}


def package_graph() -> Graph:
    """Who imports whom, where a package stands for all that is below it."""
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        here = part_of(module_of(path))
        graph.setdefault(here, set()).update(imported_parts(path) - {here})
    return graph


def drawing(ranks: Mapping[str, int]) -> str:
    """The table of the packages by rank, and below it their arrows but for those that others imply."""
    graph = package_graph()
    by_rank = sorted(graph, key=lambda name: (-ranks[name], name))
    table = [f"| {ranks[name]} | `{_shown(name)}` | {_summary(name)} |" for name in by_rank]
    arrows = _without_the_implied(graph)
    width = max(len(_shown(name)) for name in graph)
    lines = [
        f"{ranks[name]:>2}  {_shown(name):<{width}} ─▶ {' '.join(sorted(map(_shown, arrows[name])))}"
        for name in by_rank
        if arrows[name]
    ]
    return "\n".join(["| rank | package | what it is |", "|---|---|---|", *table, "", "```text", *lines, "```"])


def _without_the_implied(graph: Graph) -> Graph:
    reached: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        reached[name] = graph[name].union(*(reached[below] for below in graph[name]))
    return {name: below - set().union(*(reached[each] for each in below)) for name, below in graph.items()}


def _path(name: str) -> Path:
    folder = PROJECT / "bundler" / name
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def _shown(name: str) -> str:
    if name == "__init__":
        return "bundler"
    return f"{name}/" if _path(name).name == "__init__.py" else f"{name}.py"


def _summary(name: str) -> str:
    """The first paragraph of what the package says of itself."""
    text = ast.get_docstring(ast.parse(_path(name).read_bytes())) or ""
    return " ".join(text.partition("\n\n")[0].split()).removesuffix(".").replace("|", "\\|")
