"""Which network a container sees."""

from bundler.conversion.givens import Givens
from bundler.origins import UNSET, Sourced


def network_mode(givens: Givens) -> Sourced[str]:
    """`private`, `none`, `host` or `ns:PATH`; the schema allows no other."""
    node = givens.overrides.get("network_mode")
    if node is UNSET:
        return Sourced("private", givens.profile.origin("/linux/namespaces"))
    return Sourced(node.text(), node.origin)


def has_own_network(givens: Givens) -> bool:
    """Whether the container gets a network namespace made for it; Docker's `none` is one, too."""
    return network_mode(givens).value in ("private", "none")
