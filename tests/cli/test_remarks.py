"""Warnings and keys without meaning, as people see them."""

import pytest

from bundler.cli.remarks import remark
from bundler.conversion.convert import RuntimeConfig

CONFIG = RuntimeConfig({}, {}, ("one \x1b thing", "another"), "scale (o.yaml)")


def test_each_warning_has_a_line_and_keys_share_one(capsys: pytest.CaptureFixture[str]) -> None:
    remark(CONFIG, quiet=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "bundler: warning: one \\x1b thing",
        "bundler: warning: another",
        "bundler: note: without meaning for a bundle: scale (o.yaml)",
    ]


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    remark(CONFIG, quiet=True)
    assert capsys.readouterr() == ("", "")
