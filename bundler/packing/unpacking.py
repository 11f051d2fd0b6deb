"""A packed bundle, or a packed project, becomes a directory again: nothing of it is trusted.

Its files are made in a stage. Then rootfs/ is held against rootfs.mtree and the documents against bundler.json, of a
project each bundler.json against project.json, and only then does it appear.
"""

from collections.abc import Callable
from pathlib import Path

from bundler.bundles.replacement import rules as bundle_rules
from bundler.bundles.replacement.rules import OldVolumes
from bundler.bundles.replacement.stage import open_stage
from bundler.limits import DEFAULTS, Limits
from bundler.packing.packed import PackedFile, open_packed
from bundler.packing.unpacked import check, check_project, fill, fill_project
from bundler.progress import SILENT, Meter, Progress
from bundler.project import replacing as project_rules
from bundler.trust.file_signatures import verifier
from bundler.trust.keys import TrustedKey


def unpack(
    file: Path,
    output: Path,
    *,
    as_is: bool = False,
    replace: bool = False,
    volumes: OldVolumes = OldVolumes.REFUSED,
    limits: Limits = DEFAULTS,
    trusted: TrustedKey | None = None,
    label: str | None = None,
    progress: Progress = SILENT,
    before_publishing: Callable[[], None] = lambda: None,
) -> None:
    """Unpack the `file` that `pack` has written into `output`, a bundle or a project, whole or not at all.

    With a `trusted` key, the file must have a signature by that key beside it. With `replace`, a bundle at `output` is
    replaced; `volumes` says what happens to data in it. `label` is the file's name in messages (default: its path).
    `before_publishing` is called last, before the one step that makes the bundle appear.

    Raises DifferenceError for one that is not what was built, unless `as_is`; ImageError for a file that is damaged,
    LayerError for what may not be in it or is beyond `limits`, RequestError, BundlerError.
    """
    with open_packed(file, limits, label=label, verify=verifier(trusted)) as packed:
        is_bundle = not packed.holds_project
        rules = bundle_rules if is_bundle else project_rules
        rules.check_destination(output, replace=replace, volumes=volumes)
        with open_stage(output.parent) as stage:
            with progress.measure(f"unpacking {label or file.name}", packed.total) as meter:
                make = _make_bundle if is_bundle else _make_project
                check_made = make(stage.bundle, packed, meter, as_is=as_is)
            check_made()
            stage.publish(
                output,
                replace=replace,
                carried=lambda: rules.carried_folders(output, stage.bundle, volumes),
                before=before_publishing,
            )


def _make_bundle(bundle: Path, packed: PackedFile, meter: Meter, *, as_is: bool) -> Callable[[], None]:
    """Fill `bundle` with what is packed; gives the function that verifies it."""
    compared = fill(bundle, packed, meter, compare=not as_is)
    return lambda: check(bundle, packed.label, as_is=as_is, compared=compared)


def _make_project(project: Path, packed: PackedFile, meter: Meter, *, as_is: bool) -> Callable[[], None]:
    """Fill `project` with what is packed; gives the function that verifies it."""
    fill_project(project, packed, meter)
    return lambda: check_project(project, packed.label, as_is=as_is)
