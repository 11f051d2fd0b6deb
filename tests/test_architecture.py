"""The packages import each other in one direction, and CONTRIBUTING.md draws them as they are."""

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.support.packages import PROJECT, Graph, drawing, imported_modules, module_graph, package_graph
from tests.test_code_rules import RANKS


@pytest.mark.parametrize("graph", [package_graph, module_graph], ids=["packages", "modules"])
def test_no_way_of_imports_leads_back(graph: Callable[[], Graph]) -> None:
    assert list(TopologicalSorter(graph()).static_order())


def test_a_way_back_would_be_seen() -> None:
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


def test_every_arrow_leads_to_a_lower_rank() -> None:
    arrows = [(RANKS[above], RANKS[below]) for above, below_it in package_graph().items() for below in below_it]
    assert arrows
    assert all(above > below for above, below in arrows)


def test_every_rank_is_that_of_something() -> None:
    assert RANKS.keys() == package_graph().keys()


def test_every_package_says_what_it_is() -> None:
    rows = [line for line in drawing(RANKS).splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) == len(RANKS)
    assert [row for row in rows if row.endswith("|  |")] == []


def test_modules_that_are_imported_by_their_names_are_known() -> None:
    """`from bundler.conversion import seccomp` imports a module, `from bundler.errors import printable` a name."""
    assert "bundler.conversion.seccomp" in imported_modules(PROJECT / "bundler/conversion/convert.py")
    assert "bundler.errors" in imported_modules(PROJECT / "bundler/request.py")


def test_the_drawing_is_that_of_the_imports() -> None:
    assert drawing(RANKS) in (PROJECT / "CONTRIBUTING.md").read_text()
