import pytest

from bundler.cli.console import shown_progress
from bundler.progress import SILENT


def test_without_a_terminal_there_is_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(wanted=False) as progress, progress.measure("layer", 10) as meter:
        meter(10)

    assert progress is SILENT
    assert capsys.readouterr().err == ""


def test_where_nothing_is_measured_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(wanted=True):
        pass

    assert capsys.readouterr().err == ""


def test_a_terminal_sees_a_bar_for_each_layer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    with shown_progress(wanted=True) as progress:
        for label in ("0123456789ab", "ba9876543210"):
            with progress.measure(label, 4096) as meter:
                meter(4096)

    shown = capsys.readouterr().err
    assert "0123456789ab" in shown
    assert "ba9876543210" in shown
    assert "4.0/4.0 KiB" in shown
