"""Files of the build machine that overrides name, other than variables."""

from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.load import load


def test_an_init_is_found_beside_the_overrides_file(tmp_path: Path) -> None:
    (tmp_path / "tini").write_bytes(b"\x7fELF")
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    loaded = load([str(tmp_path / "o.yaml")])
    assert loaded.entries["init"].entries()["path"].text() == str(tmp_path / "tini")
    assert [file.name for file in loaded.files] == ["o.yaml", "tini"]


def test_an_init_that_is_missing_is_named_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("init: {path: tini, embed: true}\n")
    with pytest.raises(RequestError, match=r"o\.yaml:1:14: the file .*tini does not exist"):
        load([str(tmp_path / "o.yaml")])


def test_an_init_of_the_target_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("init: /nowhere/tini\n")
    assert [file.name for file in load([str(tmp_path / "o.yaml")]).files] == ["o.yaml"]
