"""What workers can do at all: nothing is loaded in them that fetches, starts a program or draws."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FETCH_START_AND_DRAW = {
    *("bundler.tools", "bundler.program", "bundler.store", "bundler.cli", "bundler.pipeline", "rich", "typer"),
    *(
        "bundler.images.transports.skopeo",
        "bundler.images.transports.registry",
        "bundler.images.transports.table",
        "ssl",
        "http",
    ),
}


def works() -> Iterator[str]:
    """The module of each function that is given to a worker."""
    for path in PROJECT.glob("bundler/**/*.py"):
        text = path.read_bytes()
        if b"_apart(" not in text:  # to parse all of bundler would take a second
            continue
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"read_apart", "filled_apart"}:
                yield getattr(import_module(module), ast.unparse(node.args[1])).__module__


def loaded_with(*modules: str) -> set[str]:
    code = f"import sys, bundler.workers.child, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_worker_can_fetch_start_a_program_or_draw_a_bar() -> None:
    found = set(works())
    assert len(found) >= 4
    assert loaded_with(*found) & FETCH_START_AND_DRAW == set()


@pytest.mark.slow
def test_those_that_read_layers_cannot_even_start_a_worker() -> None:
    layers = {module for module in works() if module.startswith("bundler.images.")}
    assert layers == {"bundler.images.layer_stream", "bundler.images.layer_reader"}
    assert loaded_with(*layers) & {"subprocess", "socket", "bundler.workers.process", *FETCH_START_AND_DRAW} == set()
