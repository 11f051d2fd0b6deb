"""The network of this machine, for what a test gets from elsewhere: a worker's own leads nowhere."""

import os


def outside() -> list[str]:
    """What to put before a command that downloads something."""
    network = os.environ.get("BUNDLER_TEST_NETWORK")
    return [] if network is None else ["nsenter", f"--net={network}"]
