"""Killed or cut at so many moments, no data is lost: how many of them are tried."""

from tests.support.moments import CUT, KILLED, PROMISED


def test_as_many_moments_are_tried_as_are_promised() -> None:
    tables = (*KILLED.values(), *CUT.values())
    assert sum(least for table in tables for least in table.values()) >= PROMISED
