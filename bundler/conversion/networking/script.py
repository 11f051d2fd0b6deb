"""hooks/network, the script that connects a container and takes it off again: one file in a bundle, of parts here."""

from typing import Final

from bundler import data

# By subject, in this order: the first reads nothing yet, and the last does what the words behind it say.
PARTS: Final = ("start", "plugins", "packet-filter", "ipv6", "names", "records", "connecting", "users", "commands")


def network_script() -> bytes:
    """The same for every bundle."""
    return b"\n".join(data.read(f"network/{part}.sh") for part in PARTS)
