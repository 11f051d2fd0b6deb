"""Each mistake is really made: who makes it is told what is wrong, where, and what to do next; nothing is left."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mistakes.bundles import BUNDLES
from tests.mistakes.command_line import COMMAND_LINE
from tests.mistakes.folder import make_folder
from tests.mistakes.images import IMAGES
from tests.mistakes.imports import IMPORTS
from tests.mistakes.mistake import RAW, Mistake, has_pieces
from tests.mistakes.overrides_keys import KEYS
from tests.mistakes.overrides_values import VALUES
from tests.mistakes.overrides_yaml import YAML
from tests.mistakes.places import PLACES
from tests.mistakes.projects import PROJECTS
from tests.support.command import call_bundler

pytestmark = [pytest.mark.slow, pytest.mark.tool("runc", "skopeo", "umoci")]  # some are told only where these are

ALL = (*IMAGES, *BUNDLES, *COMMAND_LINE, *PLACES, *KEYS, *VALUES, *YAML, *IMPORTS, *PROJECTS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    make_folder(folder)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "here", symlinks=True))


def paths(folder: Path) -> Iterator[str]:
    """All that is in `folder`, and how large."""
    for path in sorted(folder.rglob("*")):
        yield f"{path.relative_to(folder)} {path.lstat().st_size if path.is_file() else ''}"


def test_there_are_as_many_as_people_make() -> None:
    assert len(ALL) >= 150


@pytest.mark.parametrize("mistake", ALL, ids=[f"{number}: {mistake}" for number, mistake in enumerate(ALL)])
def test_a_mistake_is_told_with_what_where_and_what_next(
    folder: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in mistake.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    monkeypatch.setenv("BUNDLER_STORE", str(folder / "store"))
    before = [*paths(folder)]
    done = call_bundler(*mistake.words, stdin=mistake.stdin, cwd=folder)
    told = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (mistake.code, ""), done.stderr
    assert has_pieces(told[0], f"bundler: error:  ... {mistake.what}"), done.stderr
    assert told[1:] == [] if not mistake.hint else has_pieces(told[1], f"bundler: hint:  ... {mistake.hint}"), (
        done.stderr
    )
    assert len(told) == 1 + bool(mistake.hint), done.stderr
    assert RAW.search(done.stderr) is None, done.stderr
    assert all(line.isprintable() for line in told)
    assert [*paths(folder)] == before
