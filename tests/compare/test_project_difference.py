"""Two projects beside each other: bundle by bundle, and the order they start in."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
BEFORE = "services: {web: {image: ./hello.tar, depends_on: [db]}, db: {image: ./hello.tar}, old: {image: ./hello.tar}}"
AFTER = "services: {web: {image: ./hello.tar, privileged: true}, db: {image: ./hello.tar}, new: {image: ./hello.tar}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(HELLO, tmp_path / "hello.tar")
    for name, text in (("before", BEFORE), ("after", AFTER)):
        (tmp_path / "compose.yaml").write_text(text)
        bundler("project", "compose.yaml", "--name", "shop", "-q", "--rootfs", "erofs", "-o", name, cwd=tmp_path)
    return tmp_path


def test_each_difference_has_its_bundle(folder: Path) -> None:
    done = call_bundler("diff", "before", "after", "--format", "/differences/*/place", cwd=folder)
    places = done.stdout.splitlines()
    assert done.returncode == 6
    assert {"old", "new", "web depends_on db"} <= set(places)
    assert any(place.startswith("web/process/capabilities") for place in places)
    assert not any(place.startswith("db") for place in places)


def test_a_project_is_as_it_is(folder: Path) -> None:
    done = call_bundler("diff", "before", "before", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_project_and_a_bundle_cannot_be_compared(folder: Path) -> None:
    done = call_bundler("diff", "before", "after/web", cwd=folder)
    assert done.returncode == 2
    assert "before is a project, and after/web is none" in done.stderr
    assert "DIR/SERVICE" in done.stderr
