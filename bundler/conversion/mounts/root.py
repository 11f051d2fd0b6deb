"""`/root` (runtime-spec config.md, root)."""

from typing import Final

from bundler.conversion.inputs import Givens
from bundler.conversion.rule_result import Part
from bundler.origins import UNSET, Json, Origin, beating

ROOTFS: Final = "rootfs"


def root(givens: Givens) -> Part:
    """The rootfs by its relative path, so that the bundle can be moved; `readonly` only when it is, as Docker has it.

    `rootfs: {path, external: true}` names one that the runtime finds elsewhere, such as a mounted image of a disk.
    """
    value: dict[str, Json] = {"path": ROOTFS}
    origins = {"": Origin("bundler", "layout")}
    chosen = givens.overrides.get("rootfs")
    if chosen is not UNSET and "path" in chosen.entries():
        path, external = chosen.entries()["path"], chosen.entries().get("external")
        if path.text() != ROOTFS and (external is None or external.value is not True):
            hint = "external: true names a rootfs outside of the bundle"
            raise path.error(f"rootfs.path: a bundle has its files in {ROOTFS}", hint=hint)
        value["path"] = path.text()
        origins["/path"] = beating(path.origin, origins[""])
    if givens.overrides.is_true("read_only"):
        value["readonly"] = True
        origins["/readonly"] = givens.overrides.entries["read_only"].origin
    return Part(value, origins)
