"""The rules of this code base, so that nobody has to remember them: who imports whom, how big, which words."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from release.sources import FILES, FOLDERS
from tests.support.packages import MODULES, PROJECT, imported_parts, imports, module_of, nodes, part_of

TESTS = sorted(PROJECT.glob("tests/**/*.py"))
RELEASE = sorted(PROJECT.glob("scripts/release/*.py"))
SCRIPTS = sorted(path for path in PROJECT.glob("scripts/*") if path.is_file())
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/**/*.md"))]
PYTHON_SCRIPTS = [path for path in SCRIPTS if b"python" in path.read_bytes().partition(b"\n")[0]]

# A part of the package imports only parts of a lower rank; parts of one rank do not know each other.
RANKS = {
    **dict.fromkeys(["errors", "garbage", "interruptions", "light_dataclasses"], -1),
    "light_dataclass_decorator": -2,
    **dict.fromkeys(
        [
            "disk_space",
            "durability",
            "limits",
            "origins",
            "path_kinds",
            "program",
            "progress",
            "reflinks",
            "sizes",
            "subnets",
        ],
        0,
    ),
    **dict.fromkeys(["tools", "archives", "data", "elf", "input_files", "strict_json", "workers"], 1),
    **dict.fromkeys(["images", "overrides", "trust"], 2),
    "runtime_spec": 3,
    **dict.fromkeys(["rootfs", "conversion", "store"], 4),
    **dict.fromkeys(["bundles", "completion", "profiles", "targets", "trust_policies"], 5),
    "project": 6,
    **dict.fromkeys(["compare", "packing", "repack", "reproducible"], 7),
    **dict.fromkeys(["attestation", "carrying", "deltas", "doctor", "request", "running", "units"], 8),
    **dict.fromkeys(["approval", "distribution", "dry_run", "foreground", "kits"], 9),
    **dict.fromkeys(["filling", "hardening", "upkeep"], 10),
    "pipeline": 11,
    **dict.fromkeys(["__init__", "bundle_cache", "project_building"], 12),
    "cli": 13,
    "__main__": 14,
}

# Conversion is a function of its arguments: what could tell one machine or moment from another stays out.
IMPURE = {
    *("os", "io", "pathlib", "shutil", "tempfile", "glob", "subprocess", "socket", "urllib", "http", "platform"),
    *("time", "datetime", "locale", "random", "secrets", "uuid", "getpass", "pwd", "grp"),
}
HEAVY = ["isal", "jsonschema", "ruamel", "zstandard"]
# What bundler/light_dataclass_decorator.py makes itself, or leaves out.
NOT_LIGHT = {"dataclass", "dataclasses.dataclass", "make_dataclass", "InitVar", "KW_ONLY"}
STARTS_PROGRAMS = re.compile(r"system|popen|spawn\w+|posix_spawnp?|exec[lv]p?e?|forkpty")

MEANINGLESS = {"common", "config", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"}
COMMANDS = {"config"}  # `bundler config` has its file in cli/ like every command

# Members of config.json. Conversion's rules write them, and read overrides' keys of the same names as some.
WRITTEN_MEMBERS = {
    *("linux", "process", "root", "rlimits", "uidMappings", "gidMappings", "namespaces", "cgroupsPath"),
    *("apparmorProfile", "selinuxLabel", "oomScoreAdj", "noNewPrivileges"),
}
MEMBERS = {*WRITTEN_MEMBERS, "mounts", "hooks", "sysctl", "resources", "capabilities", "additionalGids"}

# Numbers of bytes that are compared with another to the last one, or are the kernel's or a format's own.
EXACT = re.compile(r"stated|the path is too long|its first line|the name of a repository|a host name")

# Who waits for something, or says how long it takes. What is made is the same at any time.
CLOCKS = [
    *("bundler/cli/output/progress.py", "bundler/foreground/container.py", "bundler/foreground/run.py"),
    *("bundler/images/transports/access.py", "bundler/program.py"),
]
MODULES_OF_TIME = ("time", "datetime", "date", "datetime.datetime", "datetime.date")
TIME_OF_DAY = {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "now", "today", "utcnow"}

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

# What only made sense where and when the code was written. A credential helper is the registries' own word.
SPEAKS_OF_ITS_WRITING = re.compile(
    r"(?<![\w.])/work/|(?<![\w.])/tmp/v/|\bissue #?\d|\bsessions?\b|(?<!credential )\bhelpers?\b", re.IGNORECASE
)


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def offenders(paths: Iterable[Path], find: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """What a rule finds, by file; empty when the rule is kept. A rule that looks at no file at all is broken."""
    looked_at = list(paths)
    assert looked_at
    return {name_of(path): found for path in looked_at if (found := list(find(path)))}


def test_imports_run_downward() -> None:
    def upward(path: Path) -> set[str]:
        here = part_of(module_of(path))
        assert here in RANKS, f"bundler/{here} has no rank: give it one in RANKS"
        return {part for part in imported_parts(path) if part != here and RANKS[part] >= RANKS[here]}

    assert offenders(MODULES, upward) == {}


def test_conversion_opens_nothing_and_asks_nobody() -> None:
    def impure(path: Path) -> set[str]:
        builtins = {node.id for node in nodes(path) if isinstance(node, ast.Name)} & {"open", "input", "print"}
        return builtins | {name for name in imports(path) if name.split(".")[0] in IMPURE}

    assert offenders(PROJECT.glob("bundler/conversion/**/*.py"), impure) == {}


def test_config_json_is_read_in_one_place() -> None:
    """Elsewhere its parts have names (RuntimeConfig), so that no reader forgets what a hostile document may hold."""

    def walks(path: Path) -> set[str]:
        members = WRITTEN_MEMBERS if path.is_relative_to(PROJECT / "bundler/conversion") else MEMBERS
        called = (node for node in nodes(path) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
        keys = [node.args[0] for node in called if ast.unparse(node.func).endswith(".get") and node.args]
        keys += [node.slice for node in nodes(path) if isinstance(node, ast.Subscript)]
        return {key.value for key in keys if isinstance(key, ast.Constant) and key.value in members}

    readers = [
        path for path in MODULES if part_of(module_of(path)) not in {"runtime_spec", "overrides", "images", "store"}
    ]
    assert offenders((path for path in readers if path.name != "rootless.py"), walks) == {}


def test_sizes_are_written_in_one_place() -> None:
    """Elsewhere no number gets a unit (`sizes.py`), so that bars, tables and messages agree."""

    def writes(path: Path) -> Iterator[str]:
        for node in nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\b[kMGT]B\b", node.value):
                yield node.value
            if isinstance(node, ast.JoinedStr) and not EXACT.search(text := ast.unparse(node)):
                yield from re.findall(r"\{[^{}]*>>[^{}]*\}|\{[^{}]+\} (?:bytes|[KMGT]iB)\b", text)

    assert offenders((path for path in MODULES if path.name != "sizes.py"), writes) == {}


def test_no_module_asks_what_time_it_is() -> None:
    def asks(path: Path, words: set[str]) -> set[str]:
        attributes = (node for node in nodes(path) if isinstance(node, ast.Attribute))
        return {ast.unparse(node) for node in attributes if ast.unparse(node.value) in MODULES_OF_TIME} & {
            f"{module}.{word}" for module in MODULES_OF_TIME for word in words
        }

    assert offenders(MODULES, lambda path: asks(path, TIME_OF_DAY)) == {}
    assert list(offenders(MODULES, lambda path: asks(path, {"monotonic", "perf_counter"}))) == CLOCKS


def test_only_three_modules_start_programs() -> None:
    def starters(path: Path) -> set[str]:
        modules = {name for name in imports(path) if name.split(".")[0] in {"subprocess", "pty", "multiprocessing"}}
        attributes = (node for node in nodes(path) if isinstance(node, ast.Attribute))
        on_os = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "os"}
        return modules | {name for name in on_os if STARTS_PROGRAMS.fullmatch(name)}

    assert list(offenders(MODULES, starters)) == [
        "bundler/program.py",
        "bundler/tools.py",
        "bundler/workers/process.py",
    ]


def test_no_module_forks() -> None:
    """A fork has the stack, the locks and the files of a process whose work it does not do (docs/decisions.md)."""

    def forks(path: Path) -> set[str]:
        return {node.attr for node in nodes(path) if isinstance(node, ast.Attribute) and node.attr == "fork"}

    assert offenders(MODULES, forks) == {}


def loaded_by(program: str) -> list[str]:
    """Which heavy libraries a fresh interpreter has loaded when `program` ended."""
    report = "import sys; print('\\n', *sorted({name.partition('.')[0] for name in sys.modules}))"
    code = f"try:\n    {program}\nexcept SystemExit:\n    pass\n{report}"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [name for name in done.stdout.splitlines()[-1].split() if name in HEAVY]


def test_the_command_line_starts_without_heavy_libraries() -> None:
    assert loaded_by("import bundler.cli.main") == []


def test_help_is_shown_without_heavy_libraries() -> None:
    assert loaded_by("import sys; sys.argv = ['bundler', '--help']; from bundler.cli.main import main; main()") == []


def test_the_watch_on_heavy_libraries_sees_them() -> None:
    assert loaded_by("import zstandard") == ["zstandard"]


def test_dataclasses_are_light_ones() -> None:
    """Of `bundler.light_dataclasses`: the standard library takes 0.4 ms for each class (docs/decisions.md)."""

    def heavy(path: Path) -> set[str]:
        froms = (node for node in nodes(path) if isinstance(node, ast.ImportFrom) and node.module == "dataclasses")
        names = {alias.name for node in froms for alias in node.names}
        return (names | {ast.unparse(node) for node in nodes(path) if isinstance(node, ast.Attribute)}) & NOT_LIGHT

    assert offenders((path for path in MODULES if path.name != "light_dataclasses.py"), heavy) == {}


def test_no_file_is_asking_to_be_two() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in [*MODULES, *RELEASE, *TESTS, *SCRIPTS]}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_asking_to_be_two() -> None:
    def too_long(path: Path) -> Iterator[str]:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    yield f"{node.name} has {lines} lines"

    assert offenders([*MODULES, *RELEASE, *PYTHON_SCRIPTS], too_long) == {}


def test_modules_and_classes_have_names_that_say_something() -> None:
    def meaningless(path: Path) -> set[str]:
        allowed = COMMANDS if path.parent == PROJECT / "bundler/cli" else set()
        classes = {node.name for node in nodes(path) if isinstance(node, ast.ClassDef)}
        return {path.stem.strip("_")} & (MEANINGLESS - allowed) | {
            name for name in classes if re.search(r"(Data|Helper|Info|Manager|Utils?)$", name)
        }

    assert offenders(MODULES, meaningless) == {}


def texts() -> list[Path]:
    """Every file of the repository that people read, but for the tests (pytest has a word of its own for a run)."""
    tops = [path for path in PROJECT.iterdir() if not path.name.startswith(".")]
    below = [path for top in tops if top.name not in {"tests", "testdata", "build", "dist"} for path in top.rglob("*")]
    found = [*tops, *below, PROJECT / ".ci/run", PROJECT / ".gitignore"]
    generated = re.compile(r"__pycache__|\.egg-info")
    return sorted(path for path in found if path.is_file() and not generated.search(str(path)))


def test_no_text_speaks_of_how_it_was_written() -> None:
    def telling(path: Path) -> list[str]:
        return [line for line in path.read_text().splitlines() if SPEAKS_OF_ITS_WRITING.search(line)]

    assert offenders(texts(), telling) == {}


def test_no_test_reaches_outside_the_repository() -> None:
    def reaching(path: Path) -> list[str]:
        return re.findall(r"(?<![\w.])/work/(?:main|shared)|(?<![\w.])/tmp/v/|\bissue #?\d", path.read_text())

    assert offenders([path for path in TESTS if path != Path(__file__)], reaching) == {}


def test_scripts_are_executable_and_the_checkers_know_them() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    assert [name_of(path) for path in SCRIPTS if not path.stat().st_mode & 0o111] == []
    for path in PYTHON_SCRIPTS:
        assert name_of(path) in settings["mypy"]["files"]
        assert name_of(path) in settings["ruff"]["extend-include"]


def test_the_top_of_the_project_has_these_names_alone() -> None:
    """And an sdist has all of them: it is made of the same list."""
    top = {
        *("README.md", "pyproject.toml", "bundler", "tests", "testdata", "scripts"),
        *("LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "docs", ".ci", ".gitignore", ".pre-commit-hooks.yaml"),
    }
    assert {*FOLDERS, *FILES} == top
    if (PROJECT / ".git").exists():
        tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, check=True, capture_output=True, text=True)
        assert {name.partition("/")[0] for name in tracked.stdout.splitlines()} == top


def test_every_file_that_a_text_names_is_there() -> None:
    """`rootfs/tree.py` and `tree.py` alike: what a text sends its reader to has not moved away."""
    there = {
        path
        for known in [*MODULES, *RELEASE, *TESTS]
        for path in (known.name, name_of(known), name_of(known).partition("/")[2])
    }
    told = [*PAGES, *MODULES]

    def gone(path: Path) -> set[str]:
        return set(re.findall(r"(?<![\w./])(?:[a-z_]+/)*[a-z_]+\.py\b", path.read_text())) - there

    assert offenders(told, gone) == {}
