"""How much work something is, as a number that is the same on every machine: lines of Python, not seconds."""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import bundler
from bundler.errors import BundlerError

_PACKAGE = f"{os.path.dirname(bundler.__file__)}/"  # noqa: PTH120  (code objects have it as text)


def steps(work: Callable[[], object]) -> int:
    """How many lines of bundler's are executed by `work`, which may end in an expected failure."""
    count = 0

    def call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(_PACKAGE) else None

    def line(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
        return line

    before = sys.gettrace()
    sys.settrace(call)
    try:
        work()
    except (BundlerError, ValueError):
        pass
    finally:
        sys.settrace(before)
    return count


def grows_no_faster(small: Callable[[], object], large: Callable[[], object], times: float) -> bool:
    """Whether `large`, which is `times` as much as `small`, is about as many times the work."""
    return steps(large) < steps(small) * times * 1.5 + 1000
