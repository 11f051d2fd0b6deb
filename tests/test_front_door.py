"""`import bundler`: what it offers, that it loads nothing before it is used, and that its caller does not notice it."""

import ast
import gc
import locale
import os
import re
import signal
import subprocess
import sys
import threading
import typing
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType

import pytest

import bundler
from bundler.progress import Meter
from bundler.reproducible.reproduction import compare_builds
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import directory, file, tarball

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs/python.md"
FUNCTIONS = [
    "build",
    "preview",
    "inspect",
    "verify",
    "pack",
    "unpack",
    "explain",
    "diff",
    "load_lock",
    "load_project_lock",
]
# Types that signatures only name.
LATER = {"Lock": bundler.Lock, "ProjectLock": bundler.ProjectLock}
NOISE = os.urandom(6_000_000)  # more than a layer may have that no worker reads


def offered() -> dict[str, object]:
    return {name: getattr(bundler, name) for name in bundler.__all__}


def python(program: str, folder: Path = PROJECT) -> str:
    words = [sys.executable, "-W", "error", "-X", "dev", "-c", program]
    done = subprocess.run(
        words, cwd=folder, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture
def image(tmp_path: Path) -> Path:
    layers = [tarball(directory("etc"), file("etc/motd", b"hello\n")), tarball(file("large", NOISE))]
    (tmp_path / "web.yaml").write_text("read_only: true\n")
    return write_archive(tmp_path / "app.tar", layout_files({"1": sample(*layers, Cmd=["sh"])}))


def request_for(image: Path) -> bundler.BuildRequest:
    return bundler.BuildRequest(image=f"oci-archive:{image}", store=None)


def test_the_import_loads_nothing_else() -> None:
    program = "import sys, bundler; dir(bundler); print(*(name for name in sys.modules if name.startswith('bundler')))"
    assert python(program).split() == ["bundler"]


def test_what_a_type_checker_sees_is_what_is_there() -> None:
    tree = ast.parse((PROJECT / "bundler/__init__.py").read_bytes())
    stated = {
        alias.asname: f"{node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bundler.")
        for alias in node.names
    }
    assert stated == bundler._HOME_OF
    assert set(stated) <= set(dir(bundler))
    assert set(FUNCTIONS) <= set(bundler.__all__)


def test_no_name_is_that_of_a_module_which_would_take_its_place() -> None:
    assert [name for name in bundler.__all__ if (PROJECT / "bundler" / name).with_suffix(".py").exists()] == []
    assert [name for name in bundler.__all__ if (PROJECT / "bundler" / name).exists()] == []


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"bundler.*buidl"):
        getattr(bundler, "buidl")  # noqa: B009


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    function = getattr(bundler, name)
    assert isinstance(function, FunctionType)
    assert "Raises" in (function.__doc__ or "")
    assert {*typing.get_type_hints(function, None, LATER)} >= {"return"}


def test_what_a_function_takes_and_gives_is_offered_too() -> None:
    own = {part.__name__ for name in FUNCTIONS for part in parts_of(name) if part.__module__.startswith("bundler.")}
    assert own - set(bundler.__all__) == {"Stage", "Format"}  # of parameters for the command line


def parts_of(function: str) -> Iterator[type]:
    """The types in the signature of a function of the front door."""
    hints = list(typing.get_type_hints(getattr(bundler, function), None, LATER).values())
    while hints:
        hint = hints.pop()
        hints += [part for each in typing.get_args(hint) for part in (each if isinstance(each, list) else [each])]
        if isinstance(hint, type):
            yield hint


def page_program() -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))


@pytest.mark.root
def test_the_page_does_what_it_says(image: Path) -> None:
    lines = python(page_program(), image.parent).splitlines()
    assert lines[1] == "{'path': 'rootfs', 'readonly': True} overrides web.yaml:1:12"
    assert lines[2] == "app has the config.json of the preview: True"
    assert [line for line in lines if line.startswith("2 app")]
    assert lines[-1] == "[PosixPath('one'), PosixPath('two')] True"
    assert not [path for path in image.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_the_page_passes_a_strict_type_check(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    (tmp_path / "page.py").write_text(page_program())
    out, _, status = mypy.run(["--strict", f"--cache-dir={PROJECT}/.mypy_cache", str(tmp_path / "page.py")])
    assert status == 0, out


def test_the_page_names_all_functions_and_errors() -> None:
    page = PAGE.read_text()
    errors = [name for name, value in offered().items() if isinstance(value, type) and issubclass(value, Exception)]
    assert [name for name in FUNCTIONS if f"| `{name}(" not in page] == []
    for name in errors:
        assert f"| `{name}` | {getattr(bundler, name).exit_code} |" in page


def surroundings() -> dict[str, object]:
    """What of a process a library may leave as it finds it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return {
        "handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "signals": [status[name] for name in ("SigBlk", "SigIgn", "SigCgt")],
        "umask": status["Umask"],
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "descriptors": sorted(os.listdir("/proc/self/fd"), key=int)[:-1],  # noqa: PTH208 -- the last is that of the list
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "children": [child for child in children if child],
        "filters": list(warnings.filters),
        "path": list(sys.path),
        "python": (gc.isenabled(), gc.get_threshold(), sys.getswitchinterval(), sys.getrecursionlimit()),
    }


def everything(image: Path, folder: Path) -> None:
    """Each function of the front door, once."""
    request = request_for(image)
    bundler.inspect(request)
    bundler.preview(request)
    bundler.build(request, folder / "bundle")
    bundler.build(request, folder / "bundle", replace=True)
    bundler.verify(folder / "bundle")
    bundler.pack(folder / "bundle", folder / "bundle.tar.gz")
    bundler.unpack(folder / "bundle.tar.gz", folder / "copy")
    bundler.explain(folder / "copy", "/process")
    bundler.diff(folder / "bundle", "docker")


def in_a_thread(work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


@pytest.mark.root
@pytest.mark.parametrize("how", [lambda work: work(), in_a_thread], ids=["main thread", "another thread"])
def test_the_caller_finds_its_process_as_it_was(image: Path, how: Callable[[Callable[[], object]], object]) -> None:
    everything(image, image.parent)  # what is loaded and remembered, once for all
    before = surroundings()
    folder = image.parent / "again"
    folder.mkdir()
    how(lambda: everything(image, folder))
    assert surroundings() == before
    compare_builds(image.parent / "bundle", folder / "copy")


@pytest.mark.root
def test_builds_side_by_side_give_the_same_bytes(image: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        names = [image.parent / f"bundle{number}" for number in range(3)]
        built = list(threads.map(lambda place: bundler.build(request_for(image), place), names))
    for other in built[1:]:
        compare_builds(built[0].path, other.path)


@pytest.mark.root
@pytest.mark.parametrize("how", [lambda work: work(), in_a_thread], ids=["main thread", "another thread"])
def test_what_the_caller_raises_meanwhile_leaves_nothing(
    image: Path, how: Callable[[Callable[[], object]], object]
) -> None:
    class Interrupted:
        @contextmanager
        def measure(self, label: str, total: int | None) -> Iterator[Meter]:
            yield lambda _count: signal.default_int_handler(2, None)

    before = sorted(image.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        how(lambda: bundler.build(request_for(image), image.parent / "bundle", progress=Interrupted()))
    assert sorted(image.parent.iterdir()) == before


def test_failures_are_errors_with_the_exit_codes_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(bundler.ImageError):
        bundler.inspect(bundler.BuildRequest(image=f"docker-archive:{tmp_path}/none.tar"))
    with pytest.raises(bundler.RequestError):
        bundler.verify(tmp_path)
    with pytest.raises(bundler.RequestError):
        bundler.explain(tmp_path / "none")
    assert bundler.ImageError("x").exit_code == 3
