"""Warnings and keys without meaning, as people see them."""

import pytest

from bundler.cli.output.console import remark, remark_skipped
from bundler.conversion.convert import ConvertedConfig
from bundler.rootfs.owners import NOT_OWNED, UNKNOWN_XATTRS

CONFIG = ConvertedConfig({}, {}, ("one \x1b thing", "another"), "scale (o.yaml)")


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


def test_what_nobody_can_make_is_not_said_to_need_root(capsys: pytest.CaptureFixture[str]) -> None:
    remark_skipped({UNKNOWN_XATTRS: 2, NOT_OWNED: 3, "devices": 1, "file capabilities": 0}, quiet=False)
    assert capsys.readouterr().err.splitlines() == [
        "bundler: note: left out of the rootfs: 2 extended attributes that Linux has no namespace for",
        "bundler: note: without root, left out of the rootfs: 1 devices",
        "bundler: note: without root, the container's root owns: 3 files with content of another owner",
    ]
