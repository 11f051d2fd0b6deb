"""What makes the workers of a process count where coverage is measured."""

import os
import subprocess
from contextlib import suppress

from bundler.workers import process as workers

LAST_WORDS_SECONDS = 5


def is_measured() -> bool:
    return "COVERAGE_PROCESS_CONFIG" in os.environ


def measure_workers() -> None:
    """Coverage of a process begins in its site-packages and is written at its end: workers have neither otherwise."""
    if is_measured():
        options = workers._options
        workers._options = lambda: [option for option in options() if option != "-S"]
        workers._end = _end


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(LAST_WORDS_SECONDS)
    process.kill()
    process.wait()
