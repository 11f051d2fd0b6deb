"""`bundler project` as a person runs it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler

pytestmark = pytest.mark.root
HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
FILE = """
services:
  web: {image: ./hello.tar, depends_on: [db], environment: ["MODE=$MODE"], external_links: [other]}
  db: {image: ./hello.tar, volumes: ["rows:/rows"]}
  debug: {image: ./hello.tar, profiles: [debug]}
volumes: {rows: }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(HELLO, tmp_path / "hello.tar")
    (tmp_path / "compose.yaml").write_text(FILE)
    return tmp_path


def test_the_path_is_on_standard_output_and_remarks_beside_it(folder: Path) -> None:
    done = call_bundler("project", "compose.yaml", "--name", "shop", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "shop\n")
    assert done.stderr.splitlines() == [
        "bundler: warning: compose.yaml:3:61: the variable MODE is not set, and nothing stands in its place",
        "bundler: note: without meaning for a bundle: external_links (compose.yaml)",
    ]
    assert sorted(path.name for path in (folder / "shop").iterdir()) == ["db", "project.json", "volumes", "web"]


def test_a_report_has_the_services_in_their_order(folder: Path) -> None:
    words = ("--name", "shop", "-e", "MODE=x", "--profile", "debug", "-o", "other")
    report = json.loads(bundler("project", "compose.yaml", *words, "--json", cwd=folder))
    assert (report["path"], report["name"]) == ("other", "shop")
    assert [each["service"] for each in report["services"]] == ["db", "web", "debug"]


@pytest.mark.parametrize(("rootfs", "scale", "told"), [("dir", 5, True), ("dir", 4, False), ("erofs", 5, False)])
def test_many_copies_of_one_image_are_worth_a_word(folder: Path, rootfs: str, scale: int, *, told: bool) -> None:
    (folder / "many.yaml").write_text(f"services: {{web: {{image: ./hello.tar, scale: {scale}}}}}\n")
    done = call_bundler("project", "many.yaml", "--rootfs", rootfs, "-o", "many", cwd=folder)
    note = "bundler: note: 4 root filesystems are copies of others: with --rootfs erofs, each image is there once\n"
    assert (done.returncode, done.stderr) == (0, note if told else "")


@pytest.mark.parametrize("rootfs", ["dir", "erofs"])
def test_a_project_is_built_twice_to_be_proven_reproducible(folder: Path, rootfs: str) -> None:
    words = ("--name", "shop", "--check-reproducible", "--rootfs", rootfs, "-q", "-f", "more.yaml")
    (folder / "more.yaml").write_text("services: {web: {read_only: true}}")
    assert bundler("project", "compose.yaml", *words, "web", cwd=folder) == "shop\n"
    assert bundler("project", "compose.yaml", *words, "web", "--force", cwd=folder) == "shop\n"
    assert bundler("verify", "shop", cwd=folder) == ""


def test_what_was_locked_is_built_again_and_nothing_else(folder: Path) -> None:
    bundler("project", "compose.yaml", "-o", "one", "-q", "--lock", "bundler.lock", cwd=folder)
    bundler("project", "compose.yaml", "-o", "two", "-q", "--locked", cwd=folder)
    same = call_bundler("project", "compose.yaml", "-o", "three", "-q", "--locked", "web", "--profile", "*", cwd=folder)
    assert same.returncode == 0
    (folder / "compose.yaml").write_text(FILE + "# changed\n")
    assert bundler("verify", "two", "--lock", "bundler.lock", cwd=folder) == ""
    bundler("project", "compose.yaml", "-o", "five", "-q", cwd=folder)
    other = call_bundler("verify", "five", "--lock", "bundler.lock", cwd=folder)
    assert (other.returncode, other.stdout.splitlines()[0]) == (6, "not as locked: project.json")
    changed = call_bundler("project", "compose.yaml", "-o", "four", "-q", "--locked", cwd=folder)
    assert changed.returncode == 6
    assert "the sha256 of compose.yaml is locked as" in changed.stderr
    single = call_bundler("build", "hello.tar", "--locked", cwd=folder)
    assert (single.returncode, "bundler.lock is the lock of a project" in single.stderr) == (2, True)


def test_verify_tells_what_is_not_as_it_was_built(folder: Path) -> None:
    bundler("project", "compose.yaml", "-o", "shop", "-q", cwd=folder)
    assert call_bundler("verify", "shop", cwd=folder).returncode == 0
    (folder / "shop/web/etc/hosts").write_text("")
    done = call_bundler("verify", "shop", "--json", cwd=folder)
    report = json.loads(done.stdout)
    assert (done.returncode, report["document"]) == (6, "project.json")
    assert [change["path"] for change in report["changes"]] == ["web/etc/hosts"]


def test_a_project_in_the_place_of_a_bundle_is_told(folder: Path) -> None:
    bundler("project", "compose.yaml", "-o", "shop", "-q", cwd=folder)
    done = call_bundler("explain", "shop", cwd=folder)
    assert done.returncode == 2
    assert "shop is a project, not a bundle" in done.stderr
    assert "bundler explain shop/SERVICE" in done.stderr


def test_the_units_of_a_project_are_for_its_place(folder: Path) -> None:
    bundler("project", "compose.yaml", "--name", "shop", "-q", cwd=folder)
    shown = call_bundler("unit", "shop", cwd=folder)
    assert shown.stdout.startswith("[Unit]\nDescription=Project shop\nWants=shop-db.service shop-web.service\n")
    assert shown.stderr == "bundler: note: 3 others belong to it: -o DIR writes all\n"
    (folder / "units").mkdir()
    written = bundler("unit", "shop", "--directory", "/srv/shop", "--name", "all", "-o", "units", cwd=folder)
    names = ["all.target", "shop-db.service", "shop-web.service", "shop-db-started.service"]
    assert written.split() == [f"units/{name}" for name in names]
    assert "/srv/shop/db shop-db" in (folder / "units/shop-db.service").read_text()


def test_a_terminal_is_for_one_bundle(folder: Path) -> None:
    bundler("project", "compose.yaml", "--name", "shop", "-q", cwd=folder)
    done = call_bundler("unit", "shop", "--tty", "/dev/tty8", cwd=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "bundler: error: --tty is for one bundle")


def test_a_project_is_hardened_by_a_file_for_each_service(folder: Path) -> None:
    bundler("project", "compose.yaml", "--name", "shop", "-q", cwd=folder)
    assert bundler("harden", "shop", "-o", "less", cwd=folder).split() == ["less/db.yaml", "less/web.yaml"]
    assert "--overrides web=THIS-FILE" in (folder / "less/web.yaml").read_text()
    words = ("--name", "shop", "-q", "--force", "--overrides", "web=less/web.yaml", "--overrides", "db=less/db.yaml")
    bundler("project", "compose.yaml", *words, cwd=folder)
    assert json.loads((folder / "shop/web/config.json").read_text())["process"]["noNewPrivileges"]
    for more, message in (
        (["shop"], "shop is a project, and each of its services gets a file"),
        (["shop", "-o", "less"], "less exists already"),
        (["shop", "--json", "-o", "x"], "--json prints what -o writes"),
        (["shop/web", "-o", "x"], "-o is for a project"),
        (["shop", "--overrides", "less/web.yaml"], "shop is a project, and has its overrides already"),
    ):
        done = call_bundler("harden", *more, cwd=folder)
        assert (done.returncode, message in done.stderr) == (2, True), more


def test_what_a_project_can_do_without_is_reported_by_service(folder: Path) -> None:
    bundler("project", "compose.yaml", "--name", "shop", "-q", cwd=folder)
    report = json.loads(bundler("harden", "shop", "--json", cwd=folder))
    assert (report["name"], [service["name"] for service in report["services"]]) == ("shop", ["db", "web"])
    alone = json.loads(bundler("harden", "shop/web", "--json", cwd=folder))
    assert report["services"][1]["lines"] == alone["lines"]


def test_a_project_is_examined_with_all_its_bundles(folder: Path) -> None:
    bundler("project", "compose.yaml", "--name", "shop", "-q", cwd=folder)
    (folder / "shop/db/rootfs/hello").unlink()
    done = call_bundler("doctor", "shop", cwd=folder)
    assert done.returncode == 1
    assert any(line.startswith("blocks: db: ") for line in done.stdout.splitlines())
    assert not any(line.startswith("blocks: web: /process/args") for line in done.stdout.splitlines())
    report = json.loads(call_bundler("doctor", "shop", "--json", cwd=folder).stdout)
    assert (report["runs"], {finding["what"].partition(":")[0] for finding in report["findings"]} >= {"db"}) == (
        False,
        True,
    )
