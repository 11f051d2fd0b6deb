"""`bundler overrides from-compose` as a person runs it: the file on standard output, the rest beside it."""

from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler

FILE = """
services:
  web:
    image: "shop/web:${TAG:-latest}"
    build: .
    volumes: ["./site:/srv:ro"]
    environment: ["HERE", "MODE=$MODE"]
  db: {image: mariadb}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(FILE)
    (tmp_path / ".env").write_text("MODE=never read\nTAG=never read\n")
    return tmp_path


def test_the_overrides_file_is_on_standard_output_and_the_rest_beside_it(project: Path) -> None:
    done = call_bundler("overrides", "from-compose", "compose.yaml", "web", cwd=project, env={"HERE": "1", "TAG": "2"})
    assert done.returncode == 0
    assert done.stdout == (
        f'image: shop/web:latest\nenvironment:\n  HERE: null\n  MODE: ""\nvolumes: [{project}/site:/srv:ro]\n'
    )
    assert done.stderr.splitlines() == [
        "bundler: warning: compose.yaml:7:27: the variable MODE is not set, and nothing stands in its place",
        "bundler: note: without meaning for a bundle: build (compose.yaml)",
    ]
    (project / "web.yaml").write_text(done.stdout)
    bundler("overrides", "check", project / "web.yaml")


def test_variables_come_from_the_command_line_and_files_lie_over_each_other(project: Path) -> None:
    (project / "prod.yaml").write_text("services: {web: {build: !reset null, tty: true}}")
    (project / "prod.env").write_text("TAG='1.2' # now\nMODE=file\n")
    words = ["compose.yaml", "web", "-f", "prod.yaml", "--env-file", "prod.env", "-e", "MODE=word", "-e", "HERE=a=b"]
    done = call_bundler("overrides", "from-compose", *words, cwd=project)
    assert done.stderr == ""
    assert "image: shop/web:1.2\n" in done.stdout
    assert '  HERE: "a=b"\n  MODE: word\n' in done.stdout
    assert "tty: true\n" in done.stdout


def test_a_compose_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    done = call_bundler("overrides", "from-compose", "-", stdin=b"services: {a: {image: x}}", cwd=tmp_path)
    assert done.stdout == "image: x\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compose.yaml", "wbe"], "bundler: hint: did you mean 'web'?"),
        (["compose.yaml"], "compose.yaml has 2 services: name one"),
        (["."], "the file . is not a file"),
        (["nope.yaml", "web"], "the file nope.yaml does not exist"),
        (["compose.yaml", "web", "-e", "MODE"], "--env 'MODE': it is not NAME=VALUE"),
        (["compose.yaml", "web", "--env-file", "nope.env"], "the file nope.env does not exist"),
        (["compose.yaml", "\udcff"], "compose.yaml has no service '\\\\udcff'"),
        (["/dev/null", "web"], "/dev/null is not a file"),
    ],
    ids=range(8),
)
def test_what_cannot_be_done_ends_with_2(words: list[str], message: str, project: Path) -> None:
    done = call_bundler("overrides", "from-compose", *words, cwd=project)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2
