"""criu, which keeps a running container: whether it works here is a matter of the kernel, and of how crun was built."""

import ctypes.util

import pytest

from tests.support.runtime import call


def is_in_the_way(runtime: str) -> str:
    """Why nothing can be kept with this runtime here; empty if it can. Debian 12's criu does not know newer kernels."""
    checked = call(["criu", "check"])
    if checked.exit_code != 0:
        last = (checked.stdout + checked.stderr).strip().splitlines()[-1]
        return f"criu check: {last}"
    if runtime == "crun" and "+CRIU" not in call(["crun", "--version"]).stdout:
        return "this crun was built without criu"
    if runtime == "crun" and ctypes.util.find_library("criu") is None:
        return "crun needs libcriu, which is not here"
    return ""


def skip_unless_criu_works(runtime: str) -> None:
    reason = is_in_the_way(runtime)
    if reason:
        pytest.skip(reason)
