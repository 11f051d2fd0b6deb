"""At how many moments a command is killed, or the power fails under it: a test each asserts its own, and one the sum.

A test that loops until a command has come to its end would pass as well if that had ended at once.
"""

from typing import Final

PROMISED: Final = 100
"""Moments of `upgrade`, `rollback`, `backup` and `restore` together."""
KILLED: Final = {
    "upgrade": {"rename": 2, "renameat2": 2, "fsync": 5, "syncfs": 1},
    "rollback": {"rename": 2, "renameat2": 2, "fsync": 5, "syncfs": 1},
    "backup": {"renameat2": 1, "fsync": 2, "unlinkat": 5},
    "restore": {"rename": 5, "renameat2": 1, "fsync": 6, "syncfs": 1, "unlinkat": 15},
}
"""By the call of the kernel at which the command is killed, one after the other."""
CUT: Final = {
    "upgrade": {"rename": 6, "renameat2": 2, "fsync": 5, "syncfs": 1, "unlinkat": 8},
    "rollback": {"rename": 5, "renameat2": 2, "fsync": 5, "syncfs": 1, "unlinkat": 4},
    "restore": {"rename": 5, "renameat2": 1, "syncfs": 1},
    "upgrade of what was written": {"renameat2": 2, "syncfs": 1},
}
"""The same, and then all is gone that is not on the disk."""


def check_moments(least: int, moments: int) -> None:
    """Fail where there were fewer of them than are counted on."""
    assert moments >= least, f"{moments} moments in place of {least}"
