"""Which version this is stands in one place; CHANGELOG.md says what changed in it, and when."""

from datetime import date
from pathlib import Path

import pytest

import bundler
from release.changelog import Release, latest


def test_the_latest_release_of_the_changelog_is_the_version_of_the_package() -> None:
    assert latest().version == bundler.__version__


def test_the_date_that_archives_bear_is_the_day_of_the_release() -> None:
    assert Release("1.0", date(2026, 11, 29)).epoch == 1795910400


def test_a_changelog_without_a_release_is_refused(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## [Unreleased]\n")
    with pytest.raises(ValueError, match=r"CHANGELOG.md has no heading such as"):
        latest(changelog)
