"""Every command does something here, shows how it is used, and stands on the page of the commands."""

import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bundler.cli.commands import COMMANDS, Group
from bundler.cli.main import app
from tests.support.command import call_bundler
from tests.support.image_files import layout_files, sample, write_archive

PROJECT = Path(__file__).resolve().parents[2]
INSPECT = '[{"Id": "aa", "Name": "/web", "HostConfig": {"ReadonlyRootfs": true}, "Config": {"Image": "hello"}}]'
GROUP: Any = typer.main.get_command(app)

# The words behind the command, in the folder below; the exit code; and what standard output or the message has.
CALLS = {
    "build": ("image.tar --rootless --quiet -o new", 0, "new"),
    "project": ("compose.yaml --rootfs erofs -o shop", 0, "shop"),
    "config": ("image.tar --overrides web.yaml", 0, '"ociVersion"'),
    "overrides schema": ("", 0, '"$schema"'),
    "overrides check": ("web.yaml", 0, ""),
    "overrides from-docker-run": ("-- --read-only hello", 0, "read_only: true"),
    "overrides from-compose": ("compose.yaml web", 0, "read_only: true"),
    "overrides from-inspect": ("inspect.json", 0, "read_only: true"),
    "harden": ("bundle", 0, "cap_drop"),
    "lock": ("image.tar -o new.lock", 0, "new.lock"),
    "inspect": ("image.tar --json", 0, '"diff_id"'),
    "explain": ("bundle /process/args", 0, "/process/args/0"),
    "review": ("bundle", 0, "Docker's default"),
    "diff": ("docker bundle", 6, "/process"),
    "verify": ("bundle --json", 0, '"changes": []'),
    "doctor": ("--dump", 0, '"kernel"'),
    "fetch": ("--offline nginx", 2, "--offline"),
    "export": ("nginx -o images.zip --store none", 2, "let it end in .tar"),
    "import": ("image.tar --name web:1 --store new-store", 0, "docker.io/library/web:1 sha256:"),
    "pack": ("bundle -o new.tar.gz --quiet", 0, "new.tar.gz"),
    "unpack": ("packed.tar -o unpacked", 0, "unpacked"),
    "delta": ("bundle packed.tar -o new.delta --json", 0, "sha256"),
    "apply": ("image.tar bundle -o applied", 3, "delta"),
    "push": ("none docker://127.0.0.1:1/web:1", 2, "none does not exist"),
    "pull": ("docker://127.0.0.1:1/web:1 -o web --from sha256:1", 2, "--from"),
    "repack": ("none web:changed", 2, "none"),
    "run": ("./none", 2, "none"),
    "unit": ("bundle", 0, "[Service]"),
    "upgrade": ("bundle image.tar --rootless --overrides web.yaml --dry-run --json", 0, '"done": false'),
    "rollback": ("bundle", 2, "bundle.old"),
    "backup": ("bundle -o data.tar", 0, "data.tar"),
    "restore": ("packed.tar bundle", 3, "backup"),
    "images": ("--store none --json", 0, '"images": []'),
    "rm": ("--store none nginx", 2, "none"),
    "gc": ("--store none", 0, "nothing to remove"),
}


def commands(group: Any = GROUP, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its words, those of groups with two."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield above + name, command


FAMILIES = [(name, command) for name, command in GROUP.commands.items() if hasattr(command, "commands")]
PAGES = [*commands(), *FAMILIES]
EXAMPLES = [(name, command, line) for name, command in PAGES for line in (command.epilog or "").split("\n\n")[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image, a bundle of it and what else the calls name."""
    folder = tmp_path_factory.mktemp("commands")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    for name, content in {
        "web.yaml": "read_only: true\nvolumes: [data:/data]\n",
        "compose.yaml": "services: {web: {image: ./image.tar, read_only: true}}\n",
        "inspect.json": INSPECT,
    }.items():
        (folder / name).write_text(content)
    for words in ("build image.tar --rootless --overrides web.yaml -o bundle", "pack bundle -o packed.tar"):
        done = call_bundler(*words.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_every_command_is_called_here() -> None:
    assert list(CALLS) == [name for name, _ in commands()]


@pytest.mark.parametrize("name", CALLS)
def test_a_command_does_what_it_is_for(name: str, folder: Path) -> None:
    words, code, expected = CALLS[name]
    done = call_bundler(*name.split(), *shlex.split(words), cwd=folder)
    assert done.returncode == code, done.stderr
    assert expected in (done.stderr if code in {2, 3} else done.stdout)


def test_every_command_is_in_a_group_of_the_help() -> None:
    """In its order: the help shows a box for each group where the first command of it stands."""
    groups = [row.group for row in COMMANDS.values()]
    assert [*dict.fromkeys(groups)] == [*Group]
    assert sorted(groups, key=[*Group].index) == groups
    assert [command.rich_help_panel for command in GROUP.commands.values()] == groups
    shown = call_bundler("--help", env={"COLUMNS": "100"}).stdout
    boxes = re.split(r"^╭─ (.*?) ─*╮$", shown, flags=re.MULTILINE)
    listed = {
        title: re.findall(r"^│ (\w+)", box, re.MULTILINE) for title, box in zip(boxes[1::2], boxes[2::2], strict=True)
    }
    assert {group: [name for name, row in COMMANDS.items() if row.group is group] for group in Group} == {
        group: listed[group] for group in Group
    }


def test_every_help_page_has_examples() -> None:
    """A command with nothing to choose has one."""
    counted = Counter(name for name, _, _ in EXAMPLES)
    assert {name: counted[name] for name, _ in PAGES if not 2 <= counted[name] <= 3} == {"overrides schema": 1}


@pytest.mark.parametrize(("name", "command", "line"), EXAMPLES, ids=[line for _, _, line in EXAMPLES])
def test_an_example_is_a_command_line(name: str, command: Any, line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])
    assert words[: len(name.split()) + 1] == ["bundler", *name.split()]
    rest = words[len(name.split()) + 1 :]
    if hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(name, rest).close()


@pytest.mark.parametrize(("name", "command"), PAGES, ids=[name for name, _ in PAGES])
def test_the_page_of_the_commands_has_its_help_and_examples(name: str, command: Any) -> None:
    page = (PROJECT / "docs/commands.md").read_text()
    chapter = re.search(rf"^### bundler {name}\n(.*?)(^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert chapter is not None
    assert [line for line in (command.epilog or "").split("\n\n")[1:] if line not in chapter[1]] == []


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("help", "--help"),
        ("help help", "--help"),
        ("help build", "build --help"),
        ("help overrides", "overrides --help"),
        ("help overrides check", "overrides check --help"),
        ("overrides help", "overrides --help"),
        ("overrides help check", "overrides check --help"),
    ],
)
def test_help_and_a_command_is_its_help(line: str, same: str) -> None:
    shown, expected = call_bundler(*line.split()), call_bundler(*same.split())
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == expected.stdout != ""


@pytest.mark.parametrize(("words", "named"), [("nope", "nope"), ("overrides nope", "nope"), ("ps", "runc list")])
def test_there_is_no_help_about_what_is_no_command(words: str, named: str) -> None:
    done = call_bundler("help", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a run of the command has loaded when it ends."""
    program = """if True:
        import sys
        from bundler.cli.main import app
        app(sys.argv[1:], standalone_mode=False)
        print(*sys.modules)
    """
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_a_command_is_loaded_alone() -> None:
    loaded = loaded_by("diff", "--help")
    assert "bundler.cli.diff" in loaded
    assert not loaded & {"bundler.cli.build", "bundler.cli.parsing.docker_words", "bundler.overrides.docker_run.flags"}
    assert not loaded & {"bundler.completion.scripts", "bundler.completion.shells"}


def test_the_list_of_all_commands_loads_none() -> None:
    loaded = loaded_by("--help")
    assert "bundler.cli.commands" in loaded
    assert not loaded & {f"bundler.cli.{row.function.partition('.')[0]}" for row in COMMANDS.values()}


def test_config_loads_nothing_that_makes_a_rootfs(folder: Path) -> None:
    loaded = loaded_by("config", str(folder / "image.tar"))
    assert "bundler.dry_run" in loaded
    assert not loaded & {"bundler.pipeline", "bundler.rootfs.tree", "bundler.archives.filesystems.erofs_writer"}
    assert not loaded & {"rich", "jsonschema", "ruamel.yaml", "fractions"}
    assert not loaded & {"bundler.images.transports.skopeo", "bundler.store.attached"}
