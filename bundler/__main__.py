"""The command `bundler`, and `python -m bundler` where it is not on PATH."""

import os
import signal
import sys

from bundler.completion import VARIABLE
from bundler.garbage import look_rarely


def main() -> None:
    """The entry point of the command.

    While it still imports itself there is nothing to clean up, and Ctrl-C just ends it: Python would print a traceback.
    """
    look_rarely()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A descriptor that was closed would be that of the next file that is opened, and programs would write into it.
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004
        pass
    os.close(lowest)
    # Python has no stream where a descriptor was closed. Standard input stays so: what was to come from it is missing.
    sys.stdout = sys.stdout or open(1, "w", errors="replace")  # noqa: SIM115 -- open until the end
    sys.stderr = sys.stderr or open(2, "w", errors="replace")  # noqa: SIM115
    if VARIABLE in os.environ:
        from bundler.completion.answer import answer  # noqa: PLC0415 -- without the command line, which is slow to load

        sys.exit(answer(os.environ[VARIABLE], sys.argv))
    from bundler.cli import main as command  # noqa: PLC0415

    command.main()


if __name__ == "__main__":
    main()
