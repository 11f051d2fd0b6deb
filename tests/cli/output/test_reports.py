"""What programs read: every report has the shape that is documented, and `--format` takes any value out of it."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator

from bundler import data
from bundler.cli.main import app
from bundler.cli.output.report import FORMAT, SCHEMA, Report, ReportOptions, places, values_at, well_formed
from bundler.errors import RequestError
from tests.support.command import call_bundler
from tests.support.faulty_registry import faulty_registry
from tests.support.image_files import layout_files, sample, write_archive

PROJECT = Path(__file__).resolve().parents[3]
LOADED: Any = data.load(SCHEMA)
REPORTS: dict[str, Any] = LOADED["$defs"]
NAMES = [name for name, report in REPORTS.items() if "format" in report["properties"]]
# The words behind the command, and the exit code; several where a report has several forms.
CALLS: dict[str, list[tuple[str, int | None]]] = {
    "images": [("--store store", 0), ("--store none", 0)],
    "project": [("compose.yaml -o shop --rootfs erofs", 0)],
    "inspect": [("image.tar", 0)],
    "explain": [("bundle", 0)],
    "diff": [("docker bundle", 6), ("docker docker", 0)],
    "review": [("bundle", 0), ("bundle --against docker", 0)],
    "verify": [("bundle", 0), ("changed", 6), ("packed.tar", 0), ("data.tar", 0), ("bundle --lock other.lock", 6)],
    "doctor": [("bundle", None), ("", None)],
    "harden": [("bundle", 0), ("made", 0)],
    "fetch": [("--store store --tls-verify=false NAME", 0)],
    "export": [("NAME -o images.tar --store store", 0), ("NAME -o lacking.tar --since images.tar --store store", 0)],
    "import": [("images.tar --store other-store", 0)],
    "rm": [("--store store NAME", 0)],
    "gc": [("--store store", 0)],
    "pack": [("bundle -o new.tar.gz", 0), ("bundle --kit -o new-kit", 0), ("made --kit -o made-kit", 0)],
    "upgrade": [("used image.tar --rootless --overrides web.yaml", 0), ("used --commit", 0)],
    "rollback": [("old", 0)],
    "backup": [("bundle -o new.tar", 0)],
    "restore": [("data.tar bundle --force", 0)],
    "unit": [("bundle", 0)],
    "delta": [("bundle used -o new.delta", 0)],
    "push": [("bundle docker://NAME-pushed --tls-verify=false", 0)],
    "pull": [("docker://NAME-pushed --tls-verify=false --store store -o pulled", 0)],
    "overrides check": [("web.yaml", 0), ("wrong.yaml", 2)],
}


def closed(part: Any) -> Any:
    """The schema without room for a member that is not documented."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {name: closed(each) for name, each in part.items()}
    return told | ({"additionalProperties": False} if "properties" in part and "type" in part else {})


CLOSED = closed({"$defs": REPORTS})


def check(name: str, document: Any) -> None:
    Draft202012Validator(CLOSED | {"$ref": f"#/$defs/{name}"}).validate(document)


def commands(group: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
    for name in group.list_commands(None):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield above + name, {word for option in command.params for word in option.opts}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the calls name."""
    folder = tmp_path_factory.mktemp("reports")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    write_archive(folder / "other.tar", layout_files({"1": sample(Cmd=["other"])}))
    (folder / "web.yaml").write_text("read_only: true\nvolumes: [data:/data]\nrestart: always\nscale: 2\n")
    (folder / "compose.yaml").write_text("services: {web: {image: ./image.tar}}\n")
    (folder / "wrong.yaml").write_text("reed_only: true\n")
    names = ("bundle", "changed", "used", "old")
    lines = [f"build image.tar --rootless --overrides web.yaml -o {name}" for name in names]
    lines += ["pack bundle -o packed.tar", "backup bundle -o data.tar", "lock other.tar -o other.lock"]
    lines += ["upgrade old image.tar --rootless --overrides web.yaml", "project compose.yaml -q -o made"]
    for line in lines:
        done = call_bundler(*line.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    for path in ("extra", "\udcff no UTF-8"):
        (folder / "changed/rootfs" / path).write_text("")
    (folder / "changed/config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """An image in a registry."""
    with faulty_registry() as registry:
        registry.add("web:1", sample())
        yield registry.name("web:1").removeprefix("docker://")


def test_every_command_with_a_report_has_its_shape_here() -> None:
    having = {name for name, options in commands(typer.main.get_command(app)) if "--json" in options}
    assert having == set(NAMES) == set(CALLS)
    assert [name for name, options in commands(typer.main.get_command(app)) if "--format" in options] == [
        name for name, options in commands(typer.main.get_command(app)) if "--json" in options
    ]


@pytest.mark.tool("skopeo", "umoci")
def test_a_report_has_the_shape_that_is_documented(folder: Path, name: str) -> None:
    order = ["fetch", *(each for each in NAMES if each != "fetch")]  # then there is something to list
    for command in order:
        for words, code in CALLS[command]:
            line = [*command.split(), *shlex.split(words.replace("NAME", name)), "--json"]
            done = call_bundler(*line, cwd=folder)
            assert code in (None, done.returncode), f"{' '.join(line)}: {done.stderr}"
            document = json.loads(done.stdout)
            assert document["format"] == FORMAT
            check(command, document)


def test_the_page_of_the_formats_has_every_member() -> None:
    page = (PROJECT / "docs/formats.md").read_text()
    for command in NAMES:
        chapter = page.partition(f"\n### bundler {command}\n")[2].partition("\n### ")[0]
        for place, part in places(command):
            assert (
                place == "/format" or "description" not in part or f"| `{place}` | {part['description']} |" in chapter
            )


def test_every_member_is_described() -> None:
    for command in NAMES:
        for place, part in places(command):
            assert place.endswith("*") or part.get("description"), f"{command}: {place}"


FORMATS = {
    "a text": ("/id", ["sha256:1"]),
    "a number": ("/size", ["3"]),
    "nothing": ("/digest", ["null"]),
    "a list": ("/layers/0/words", ["a b", "c"]),
    "an object": ("/layers/1", ['{"words": []}']),
    "each element": ("/layers/*/words", ["a b", "c"]),
    "each member": ("/labels/*", ["x", "y"]),
    "a member with a slash": ("/labels/a~1b", ["x"]),
    "an empty list": ("/layers/1/words", []),
}


@pytest.mark.parametrize("case", FORMATS)
def test_a_value_is_printed_as_a_shell_takes_it(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    pointer, lines = FORMATS[case]
    members = {"id": "sha256:1", "size": 3, "digest": None, "labels": {"a/b": "x", "c": "y"}}
    Report(pointer).show(members | {"layers": [{"words": ["a b", "c"]}, {"words": []}]})
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(
    ("pointer", "what", "hint"),
    [
        ("id", "id is no JSON pointer", "begins with a slash"),
        ("/image", "there is no /image in this report", "there is /images"),
        ("/images/*/nam", "there is no /images/*/nam", "there is /images/*/name"),
        ("/zzz", "there is no /zzz", "there is /format, /images"),
        ("/images/0/name/more", "there is no /images/0/name/more", "there is /images/*/name"),
        ("/\x1b", "there is no /\\x1b", "there is "),
    ],
)
def test_a_pointer_to_nothing_is_refused_before_anything_is_done(pointer: str, what: str, hint: str) -> None:
    with pytest.raises(RequestError) as raised:
        ReportOptions(selected=pointer).of("images")
    assert what in raised.value.what
    assert hint in (raised.value.hint or "")


def test_all_and_a_part_exclude_each_other() -> None:
    with pytest.raises(RequestError, match="one of the two"):
        ReportOptions(as_json=True, selected="/format").of("images")


def test_every_documented_member_can_be_asked_for() -> None:
    for command in NAMES:
        for place, _ in places(command):
            assert ReportOptions(selected=place).of(command) is not None


def test_what_is_not_there_this_time_is_told() -> None:
    with pytest.raises(RequestError, match="there is no value at /images/0"):
        values_at({"images": []}, "/images/0")
    assert values_at({"images": []}, "/images/*/name") == []


def test_names_that_are_no_utf8_are_escaped_and_the_document_is_json(folder: Path) -> None:
    done = call_bundler("verify", "changed", "--json", cwd=folder)
    paths = [change["path"] for change in json.loads(done.stdout)["changes"]]
    json.dumps(paths).encode("utf-8").decode("utf-8")
    assert all(path.isprintable() for path in paths)
    assert well_formed({"\udcff": ("\udc80a", "\ud800", 1)}) == {"\\xff": ["\\x80a", "\\ud800", 1]}
