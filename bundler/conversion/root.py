"""`/root` (runtime-spec config.md, root)."""

from bundler.conversion.givens import Givens
from bundler.conversion.part import Part
from bundler.origins import Json, Origin


def root(givens: Givens) -> Part:
    """The rootfs by its relative path, so that the bundle can be moved; `readonly` only when it is."""
    value: dict[str, Json] = {"path": "rootfs"}
    origins = {"": Origin("bundler", "layout")}
    if givens.overrides.is_true("read_only"):
        value["readonly"] = True
        origins["/readonly"] = givens.overrides.entries["read_only"].origin
    return Part(value, origins)
