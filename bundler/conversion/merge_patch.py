"""JSON merge patch (RFC 7396), with a record of who changed what."""

from bundler.origins import Json, Origin, beating, pointer_token, setter
from bundler.overrides.node import Node


def apply(target: Json, patch: Node, origins: dict[str, Origin], pointer: str = "") -> Json:
    """`target` with `patch` applied; `origins` is updated in place: what was replaced or removed loses its entries.

    A map tagged `!override` replaces what is there instead of merging with it.
    """
    origin = beating(patch.origin, None if target is None else _owner(origins, pointer))
    if not isinstance(patch.value, dict):
        _forget(origins, pointer)
        origins[pointer] = origin
        return patch.plain()
    if not isinstance(target, dict) or patch.tag == "!override":
        target = {}
        _forget(origins, pointer)
        origins[pointer] = origin
    patched = dict(target)
    for key, node in patch.value.items():
        inner = f"{pointer}/{pointer_token(key)}"
        if node.value is None:
            patched.pop(key, None)
            _forget(origins, inner)
        else:
            patched[key] = apply(patched.get(key), node, origins, inner)
    return patched


def _owner(origins: dict[str, Origin], pointer: str) -> Origin | None:
    """Who set what is at `pointer`; where several did, the first of them."""
    below = (origin for known, origin in origins.items() if known.startswith(f"{pointer}/"))
    return setter(origins, pointer) or next(below, None)


def _forget(origins: dict[str, Origin], pointer: str) -> None:
    for known in [known for known in origins if known == pointer or known.startswith(f"{pointer}/")]:
        del origins[known]
