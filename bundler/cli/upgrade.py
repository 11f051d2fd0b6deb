"""`bundler upgrade` and `bundler rollback`: a newer bundle in the place of one that is in use, and back."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bundler.cli.diff import as_plain, cells
from bundler.cli.options.access import limits_of
from bundler.cli.options.bundle import BundleArgument
from bundler.cli.options.settings import SettingsOptions, check_no_settings
from bundler.cli.options.spread import spread
from bundler.cli.output.console import aligned, note, remark, remark_skipped
from bundler.cli.output.progress import QuietOption
from bundler.cli.output.report import Report, ReportOptions
from bundler.cli.parsing.failures import ignore_interruptions
from bundler.errors import BundlerError, RequestError, printable
from bundler.light_dataclasses import dataclass

if TYPE_CHECKING:
    from bundler.bundles.replacement.stage import Stage
    from bundler.progress import Progress
    from bundler.upkeep.upgrading import Step

_FIRST: Final = 3  # paths that are told where there are more
_ORDER: Final = ("looser", "tighter", "neutral")
# What also counts where NEW is no image.
_ALWAYS: Final = ("image", "progress", "quiet", "limit", "retries", "timeout", "store")
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Make the new one, say what would be, and stop.")]
LeaveDataOption = Annotated[
    bool, typer.Option("--leave-data", help="Leave data that the new bundle has no place for in BUNDLE.old.")
]
DiscardDataOption = Annotated[
    bool, typer.Option("--discard-data", help="With --commit: also remove data that is in BUNDLE.old.")
]
LeaveChangesOption = Annotated[
    bool, typer.Option("--leave-changes", help="Leave what the container wrote into its root filesystem in BUNDLE.old.")
]
NewArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="NEW",
        help="The newer one: a bundle's directory, what `pack` has written, a kit, or an image, as for `build`.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeOptions(SettingsOptions):
    """The options of a build, for a NEW that is an image."""

    image: NewArgument = None


@spread
def upgrade(
    bundle: BundleArgument,
    options: UpgradeOptions,
    *,
    commit: Annotated[
        bool, typer.Option("--commit", help="Remove BUNDLE.old, which the last upgrade has left to go back to.")
    ] = False,
    allow_looser: Annotated[
        bool, typer.Option("--allow-looser", help="Also where the new container may do more on the machine.")
    ] = False,
    leave_data: LeaveDataOption = False,
    leave_changes: LeaveChangesOption = False,
    discard_data: DiscardDataOption = False,
    dry_run: DryRunOption = False,
    reporting: ReportOptions,
) -> None:
    """Put NEW in the place of BUNDLE; what its volumes hold moves along, and what its container wrote elsewhere.

    NEW is made beside BUNDLE and verified; how its config.json differs is printed, looser places first. Files that the
    new image has changed, too, stay as they are there. The step is whole or not done, and BUNDLE stays as BUNDLE.old
    until --commit. Exit code 6: NEW is looser, or not what was built.
    """
    from bundler.upkeep import upgrading

    report = reporting.of("upgrade")
    if commit:
        others = options.image is not None or allow_looser or leave_data or leave_changes or dry_run
        _commit(bundle, report, discard=discard_data, others=others)
        return
    if options.image is None and not options.overrides:
        raise RequestError("upgrade to what?", hint="name the newer one, or --commit the last upgrade")
    if discard_data:
        raise RequestError("--discard-data is for --commit")
    steps: list[Step] = []

    def approve(step: "Step") -> bool:
        steps.append(step)
        if not options.quiet and report is None:
            _show_differences(step)
            _show_changes(step, bundle)
        return not dry_run

    upgrading.check_upgradable(bundle)  # before anything is fetched or made
    try:
        with options.bars() as progress:
            upgrading.upgrade(
                bundle,
                _maker(options, bundle, progress),
                allow_looser=allow_looser,
                leave_data=leave_data,
                leave_changes=leave_changes,
                approve=approve,
                before_publishing=ignore_interruptions,
            )
    except BundlerError:
        if report is not None and steps:
            report.show(_plain(bundle, steps[0], done=False))
        raise
    _show(bundle, steps[0], report, done=not dry_run, quiet=options.quiet)


def _commit(bundle: Path, report: Report | None, *, discard: bool, others: bool) -> None:
    from bundler.upkeep import upgrading

    if others:
        what = "--commit takes nothing that is about a new bundle"
        raise RequestError(what, hint=f"{printable(upgrading.old_place(bundle).name)} goes as it is")
    upgrading.commit(bundle, discard=discard)
    _show_path(bundle, report)


@spread
def rollback(
    bundle: BundleArgument,
    *,
    reporting: ReportOptions,
    quiet: QuietOption = False,
) -> None:
    """Bring BUNDLE.old back, which an upgrade has left; what the volumes hold, also since then, moves along.

    Both change places: the newer one is BUNDLE.old then, and another rollback returns to it.
    """
    from bundler.upkeep import upgrading

    report = reporting.of("rollback")
    step = upgrading.rollback(bundle, before_publishing=ignore_interruptions)
    _show(bundle, step, report, done=True, quiet=quiet)


def _maker(options: UpgradeOptions, bundle: Path, progress: "Progress") -> "Callable[[Stage], None]":
    """What makes the new bundle in a stage, by what NEW is. Raises RequestError."""
    from bundler import pipeline
    from bundler.bundles.bundle import Bundle
    from bundler.upkeep.successor import finished, in_the_same_form

    fill = None if options.image is None else finished(Path(options.image), bundle, limits_of(options.limit), progress)
    if fill is not None:
        check_no_settings(options, _ALWAYS, what=f"{printable(str(options.image))} is a bundle")
        return fill

    def build(stage: "Stage") -> None:
        request = in_the_same_form(options.request(), Bundle.open(bundle))
        built = pipeline.make(stage, request, bundle, progress=progress)
        remark(built.runtime_config, quiet=options.quiet)
        remark_skipped(built.skipped, quiet=options.quiet)

    return build


def _show_differences(step: "Step") -> None:
    """On standard error, since it comes before the result."""
    ordered = sorted(step.differences, key=lambda difference: _ORDER.index(difference.mark))
    for line in aligned([[printable(cell) for cell in row] for row in cells(ordered)]):
        typer.echo(line, err=True)


def _show_changes(step: "Step", bundle: Path) -> None:
    """Which changes of the container move along, and which do not."""
    from bundler.upkeep.upgrading import old_place

    if step.moving:
        first = [f"/{printable(path)}" for path in step.moving]
        note(f"{_changes_that('move', len(first))} along: {_first(first)}")
    if step.clashing:
        first = [f"/{printable(path)} ({why})" for path, why in step.clashing.items()]
        note(f"{_changes_that('stay', len(first))} in {printable(str(old_place(bundle)))}: {_first(first)}")


def _changes_that(verb: str, number: int) -> str:
    noun, verb = ("change", f"{verb}s") if number == 1 else ("changes", verb)
    return f"{number} {noun} that the container made in its rootfs {verb}"


def _first(words: Sequence[str]) -> str:
    more = len(words) - _FIRST
    return ", ".join(words[:_FIRST]) + (f" and {more} more (--json lists all)" if more > 0 else "")


def _show_path(bundle: Path, report: Report | None) -> None:
    if report is not None:
        report.show({"bundle": str(bundle)})
    else:
        typer.echo(printable(str(bundle)))


def _show(bundle: Path, step: "Step", report: Report | None, *, done: bool, quiet: bool) -> None:
    from bundler.upkeep.upgrading import old_place

    if report is not None:
        report.show(_plain(bundle, step, done=done))
        return
    if not quiet:
        for sentence in _notes(step, printable(str(old_place(bundle)))):
            note(sentence)
        if done:
            *commands, settling = _commands(bundle)
            note(f"next: {' && '.join(commands)}")
            note(f"then: {settling}")
    typer.echo(printable(str(bundle)))


def _notes(step: "Step", old: str) -> list[str]:
    notes = []
    if step.changes is None:
        notes.append(f"what the container wrote to its rootfs cannot be told; it stays in {old}")
    elif step.changes and not step.moving and not step.clashing:
        notes.append(f"{_changes_that('stay', step.changes)} in {old}")
    if step.staying:
        notes.append(f"data that has no place in the new bundle stays in {old}: {', '.join(step.staying)}")
    return notes


def _commands(bundle: Path) -> Sequence[str]:
    """What brings the change to systemd, and then settles it."""
    from bundler.bundles.bundle import Bundle
    from bundler.bundles.runtime import unit_of

    opened = Bundle.open(bundle)
    name = unit_of(bundle, opened.record.document)
    systemctl, units = ("systemctl", "/etc/systemd/system")
    if not opened.owned:
        systemctl, units = ("systemctl --user", "~/.config/systemd/user")
    place = shlex.quote(str(bundle))
    return (
        f"bundler unit {place} -o {units} --force",
        f"{systemctl} daemon-reload",
        f"{systemctl} restart {name}",
        f"bundler upgrade {place} --commit (or bundler rollback {place})",
    )


def _plain(bundle: Path, step: "Step", *, done: bool) -> dict[str, object]:
    from bundler.upkeep.upgrading import old_place

    return {
        "bundle": str(bundle),
        "old": str(old_place(bundle)),
        "done": done,
        "differences": [as_plain(difference) for difference in step.differences],
        "carried": list(step.carried),
        "staying": list(step.staying),
        "rootfs_changes": step.changes,
        "moving": [printable(path) for path in step.moving],
        "clashing": [{"path": printable(path), "why": why} for path, why in step.clashing.items()],
        "next": list(_commands(bundle)) if done else [],
    }
