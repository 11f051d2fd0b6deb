"""What was changed in a bundle's rootfs becomes a layer on top of the image that the bundle was made from."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.bundles.bundle import Bundle
from bundler.bundles.replacement.stage import open_stage
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import RequestError
from bundler.images.digest import Digest
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.repack.changed_paths import check_names
from bundler.repack.changed_rootfs import open_changed_rootfs
from bundler.repack.umoci import make_layer
from bundler.rootfs.owners import IdMap, Owners, kept, shifted_back, written_down
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.store.repacked import Base, Destination, History, name_image


@dataclass(frozen=True, slots=True)
class Repacked:
    """The digest of the new image's manifest; without a layer it is the image that the bundle was made from."""

    digest: Digest
    layer: Digest | None


def repack(
    bundle: Path | Bundle,
    destination: Destination,
    history: History,
    *,
    take_name: bool = False,
    before_publishing: Callable[[], None] = lambda: None,
) -> Repacked:
    """Make the image `destination`; with `take_name` another one loses that name.

    The bundle is only read; beside it there is a copy of what was changed, meanwhile. Raises RequestError, ImageError
    if the bundle's image is not in the same place, DifferenceError, BundlerError, ToolError.
    """
    bundle = Bundle.open(bundle)
    name, path = bundle.label, bundle.path.resolve()
    verification = Verification(bundle, opened_up=True)
    config = bundle.config_file.config
    image_id = _image_id(verification.recorded.document, name)
    with destination.open() as store:
        base = Base.find(store, image_id)
        if not take_name:
            destination.check_free(store)
        owners = _owners(config, name, owned=bundle.owned)
        manifest, added = base.manifest, None
        with open_changed_rootfs(bundle, verification) as (written, changed):
            if changed:
                check_names(changed, name)
                with (
                    open_stage(path.parent) as stage,
                    make_layer(written, changed, owners, stage.workspace, name) as layer,
                ):
                    store.put_layer(layer)
                    added = layer.blob.digest
                    manifest, image_config = base.above(layer, history)
                store.put(image_config, manifest.config.digest)
                store.put(manifest.raw, manifest.digest)
        before_publishing()
        name_image(store, manifest, destination.name)
    return Repacked(manifest.digest, added)


def _image_id(recorded: dict[str, Json], name: str) -> Digest:
    image: Any = recorded.get("image")
    try:
        return Digest.parse(image["id"])
    except (TypeError, KeyError, ValueError):
        raise RequestError(f"{name}: its bundler.json names no image") from None


def _owners(config: RuntimeConfig, name: str, *, owned: bool) -> Owners:
    """What makes of owners on disk those in the image. Raises RequestError."""
    if owned and os.geteuid():
        raise RequestError(f"{name}: its files belong to several users", hint="repack it as root")
    users, groups = (
        IdMap(kind, tuple((each.container_id, each.host_id, each.size) for each in mappings))
        for kind, mappings in (("user", config.uid_mappings), ("group", config.gid_mappings))
    )
    if not owned and not (users.ranges and groups.ranges):
        raise RequestError(f"{name}: its config.json no longer says which ids its files have")
    back = shifted_back((users, groups), recorded=not owned) if users.ranges and groups.ranges else kept()
    if not os.geteuid():
        return back
    ordinary = written_down()
    return replace(ordinary, adapt=lambda attributes: ordinary.adapt(back.adapt(attributes)))
