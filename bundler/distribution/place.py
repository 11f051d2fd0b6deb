"""The place of a packed bundle in a registry, as the command line names it."""

from bundler.errors import RequestError, printable
from bundler.images.reference import RegistryReference
from bundler.images.transports.table import parse_reference
from bundler.path_kinds import MISSING, kind_at


def parse_place(name: str) -> RegistryReference:
    """Read `docker://REGISTRY/NAME:TAG`, or the same without a transport. Raises RequestError."""
    reference = parse_reference(name)
    if reference.registry is not None:
        return reference.registry
    kind = kind_at(name)
    use = None if kind in (None, MISSING) else kind.hint(name)
    raise RequestError(
        f'"{printable(name)}" names no place in a registry', hint=use or "write docker://REGISTRY/NAME:TAG"
    )
