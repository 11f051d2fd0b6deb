"""The scripts that bundles carry as hooks, the same in each: files of data, some of them made of parts by subject."""

from typing import Final

from bundler import data

# The first part of a script reads nothing yet, and the last does what the words behind it say.
PARTS: Final = {
    "network": (
        *("network/start", "network/state", "network/places", "network/plugins", "network/packet-filter"),
        *("network/ipv6", "network/names", "network/records", "network/connecting", "network/users"),
        "network/commands",
    ),
    "namespaces": ("namespaces/start", "network/state", "namespaces/keeping"),
}


def hook_script(name: str) -> bytes:
    """The script that is `hooks/NAME` of a bundle."""
    return b"\n".join(data.read(f"{part}.sh") for part in PARTS.get(name, (name,)))
