"""A newer bundle takes the place of one that has data, and the older one can come back: the data is there once.

`BUNDLE.old` is the one before, without the folders that moved along, which a runtime therefore does not start. What its
container wrote into its root filesystem is copied into the new one, before anything changes places. To upgrade and to
roll back are one step each, as in succession.py; only `commit` removes anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle, no_bundle
from bundler.bundles.data_folders import is_empty
from bundler.bundles.replacement.places import check_member, hint_for_project
from bundler.bundles.replacement.rules import (
    OldVolumes,
    carried_folders,
    check_replaceable,
    holding_data,
    homeless_data,
)
from bundler.bundles.replacement.stage import Stage, open_stage
from bundler.bundles.replacement.stage_folder import exchange_begun, finish_replacement
from bundler.bundles.rootfs_image import has_image
from bundler.bundles.rootfs_sharing import share_image
from bundler.compare.difference import Difference, differences
from bundler.errors import DifferenceError, RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.path_kinds import PROJECT, kind_at
from bundler.rootfs.mtree import sort_key
from bundler.upkeep.writable_layer import WritableLayer, open_writable_layer, owners_of, written_since

# What has no place in the other bundle stays where it is; whether that may be is asked before.
_CARRIED: Final = OldVolumes.KEPT | OldVolumes.DISCARDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an upgrade, or a rollback, is about to do. `carried` are folders of data, `staying` those that the other
    bundle has no place for.

    `changes` counts what the container has changed in the root filesystem, for a rollback since the last upgrade; None
    where that cannot be told. Of these the paths `moving` go along, and `clashing` do not, for the reason given.
    """

    differences: Sequence[Difference]
    carried: Sequence[str]
    staying: Sequence[str]
    changes: int | None
    moving: Sequence[bytes] = ()
    clashing: Mapping[bytes, str] = field(default_factory=dict)

    @property
    def looser(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.mark == "looser"]


def old_place(bundle: Path) -> Path:
    """Where the bundle before the last upgrade is."""
    return bundle.with_name(f"{bundle.name}.old")


def check_upgradable(bundle: Path) -> None:
    """Raise RequestError unless `bundle` is one that can be replaced, with nothing at its `old_place`."""
    finish_replacement(bundle)
    _check_bundle(bundle)
    check_member(bundle)
    old = old_place(bundle)
    if old.exists() or old.is_symlink():
        hint = "`bundler upgrade BUNDLE --commit` removes it, `bundler rollback BUNDLE` brings it back"
        raise RequestError(f"{printable(str(old))} is there from the last upgrade", hint=hint)


def upgrade(
    bundle: Path,
    fill: Callable[[Stage], None],
    *,
    allow_looser: bool = False,
    leave_data: bool = False,
    leave_changes: bool = False,
    approve: Callable[[Step], bool] = lambda _step: True,
    before_publishing: Callable[[], None] = lambda: None,
) -> Step:
    """Put the bundle that `fill` makes in a stage in the place of `bundle`, which stays as `old_place`.

    `approve` is told all before anything changes; if it says no, that was all. Raises DifferenceError for a new bundle
    that is looser, unless `allow_looser`, RequestError for data without a place in it, unless `leave_data`, and where
    what the container wrote cannot be copied, unless `leave_changes`; and BundlerError.
    """
    check_upgradable(bundle)
    with open_stage(bundle.parent, way_out="") as stage:
        fill(stage)
        carried = partial(carried_folders, bundle, stage.bundle, _CARRIED)
        old, new = Bundle(bundle), Bundle(stage.bundle)
        if has_image(new.record.document) and has_image(old.record.document):
            share_image(new, old)
        with open_writable_layer(old, new) as layer:
            step = _upgrading(old, new, carried(), layer, leave_changes=leave_changes)
            approved = approve(step)
            _check_step(old, new, step, allow_looser=allow_looser, leave_data=leave_data)
            if not leave_changes:
                _check_layer(old, layer)
                if approved:
                    layer.move()
        if approved:
            stage.publish(bundle, replace=True, carried=carried, kept=old_place(bundle), before=before_publishing)
    return step


def rollback(bundle: Path, *, before_publishing: Callable[[], None] = lambda: None) -> Step:
    """Let `bundle` and the one at its `old_place` change places; the folders with data move. Raises BundlerError.

    If that has begun and was killed, it is finished, and not done twice.
    """
    aim = exchange_begun(bundle)
    finish_replacement(bundle)
    old = old_place(bundle)
    if not old.exists():
        raise RequestError(f"there is no {printable(str(old))} to go back to", hint="only an upgrade leaves one")
    for each in (bundle, old):
        _check_bundle(each)
    carried = partial(carried_folders, bundle, old, _CARRIED)
    twice = [path for path in carried() if (old / path).exists() and not is_empty(old, path)]
    if twice:
        what = f"{holding_data(old, twice)}, and in those of {printable(str(bundle))}, too"
        raise RequestError(what, hint="move one of them elsewhere first")
    step = _step(Bundle(bundle), Bundle(old), carried(), changes=written_since(Bundle(bundle), Bundle(old)))
    if bundle.stat().st_ino == aim:
        return step
    with open_stage(bundle.parent, way_out="") as stage:
        stage.exchange(bundle, old, carried=carried, before=before_publishing)
    return step


def commit(bundle: Path, *, discard: bool = False) -> None:
    """Remove the bundle at `old_place`; with `discard`, also data in it. Raises RequestError, BundlerError."""
    finish_replacement(bundle)
    old = old_place(bundle)
    if not old.exists():
        raise RequestError(f"there is no {printable(str(old))} to remove", hint="only an upgrade leaves one")
    # Its rootfs is what its volumes were filled from, and both are here: what they hold beyond that is data.
    check_replaceable(old, OldVolumes.DISCARDED if discard else OldVolumes.REFUSED)
    with open_stage(bundle.parent, way_out="") as stage:
        stage.take(old)


def _check_bundle(bundle: Path) -> None:
    if not bundle.is_dir():
        raise no_bundle(bundle)
    if kind_at(bundle) is PROJECT:
        raise RequestError(f"{printable(str(bundle))} is a project, not a bundle", hint=hint_for_project(bundle))
    check_replaceable(bundle, _CARRIED)
    if not any(bundle.iterdir()):
        raise RequestError(f"{printable(str(bundle))} is an empty directory", hint="`bundler build` makes a bundle")


def _step(old: Bundle, new: Bundle, carried: Sequence[str], *, changes: int | None) -> Step:
    return Step(
        differences=differences(old.config_file.config.document, new.config_file.config.document),
        carried=carried,
        staying=homeless_data(old, new),
        changes=changes,
    )


def _upgrading(old: Bundle, new: Bundle, carried: Sequence[str], layer: WritableLayer, *, leave_changes: bool) -> Step:
    step = _step(old, new, carried, changes=layer.changes)
    if leave_changes:
        return step
    moving = sorted([*layer.merge.taken, *layer.merge.gone], key=sort_key)
    return replace(step, moving=moving, clashing=layer.merge.staying)


def _check_layer(old: Bundle, layer: WritableLayer) -> None:
    if layer.obstacle is not None:
        what = f"what the container wrote into its root filesystem cannot move along: {layer.obstacle.what}"
        first = f"{layer.obstacle.hint}; or " if layer.obstacle.hint else ""
        hint = f"{first}add --leave-changes: it stays in {printable(old_place(old.path).name)}"
        raise RequestError(what, hint=hint)


def _check_step(old: Bundle, new: Bundle, step: Step, *, allow_looser: bool, leave_data: bool) -> None:
    if step.looser and not allow_looser:
        what = f"the new bundle is looser than {old.label} at {_places(step.looser)}"
        raise DifferenceError(what, hint="build it with the settings of the old one, or add --allow-looser")
    if step.staying and not leave_data:
        what = f"{holding_data(old.path, step.staying)}, and the new bundle has no place for it"
        hint = f"move it elsewhere first, or add --leave-data: it stays in {printable(old_place(old.path).name)}"
        raise RequestError(what, hint=hint)
    if step.carried and owners_of(old) != owners_of(new):
        what = f"what the volumes of {old.label} hold belongs to other users than those of the new bundle"
        raise RequestError(what, hint="build it with the same --uid-map, --gid-map and --rootless")


def _places(differences: Sequence[Difference]) -> str:
    first = ", ".join(printable(difference.place) for difference in differences[:3])
    return first if len(differences) <= 3 else f"{first} and {len(differences) - 3} other places"  # noqa: PLR2004
