"""`bundler doctor`: whether this machine can run bundles, and whether a bundle can run."""

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.options.access import StoreOption
from bundler.cli.options.spread import spread
from bundler.cli.output.console import show_rows, tell
from bundler.cli.output.report import ReportOptions
from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.sizes import readable_size

if TYPE_CHECKING:
    from bundler.conversion.target import Target
    from bundler.doctor.examination import Examination
    from bundler.doctor.host_facts import HostFacts

_HEADER = ("", "what", "why it matters", "what to do")

DumpOption = Annotated[
    bool, typer.Option("--dump", help="Print what this machine is, for --target FILE and --target-features FILE.")
]


@spread
def doctor(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="BUNDLE",
            help="The directory of a bundle, or of a project; if absent, about this machine.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    *,
    target_features: Annotated[
        Path | None,
        typer.Option(
            "--target-features",
            metavar="FILE",
            help="Judge BUNDLE by another machine: what --dump, or `runc features`, has written there.",
        ),
    ] = None,
    dump: DumpOption = False,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            metavar="NAME",
            help="Judge by runc or crun; if absent, what BUNDLE was built for, or the first that is there.",
            show_default=False,
        ),
    ] = None,
    reporting: ReportOptions,
    store: StoreOption = None,
) -> None:
    """Say what keeps BUNDLE, or any bundle, from running here: what, why it matters, and what to do.

    Nothing is started but programs that are asked for their versions, and `criu check`. Of a project, it is about all
    bundles, and its subnets. Exit code 0: it can run, 1: it cannot.
    """
    from bundler.doctor.examination import examine_bundle, examine_machine
    from bundler.doctor.project import examine_project
    from bundler.project.record import is_project

    report = reporting.of("doctor")
    _check_runtime(runtime, target_features)
    if dump:
        _dump(runtime, bundle, target_features)
        return
    if bundle is None and target_features is not None:
        raise RequestError("--target-features is for a bundle", hint="bundler doctor BUNDLE --target-features FILE")
    if bundle is None:
        examination = examine_machine(runtime=runtime, store=store)
    else:
        examine = examine_project if is_project(bundle) else examine_bundle
        examination = examine(bundle, features=target_features, runtime=runtime, store=store)
    if report is not None:
        report.show(_plain(examination, bundle))
    else:
        _show(examination, bundle)
    if not examination.runs:
        raise typer.Exit(1)


def _check_runtime(name: str | None, target_features: Path | None) -> None:
    from bundler.targets import RUNTIMES

    if name is None:
        return
    if name not in RUNTIMES:
        raise RequestError(f"--runtime: {printable(name[:80])} is not known", hint=f"known are {', '.join(RUNTIMES)}")
    if target_features is not None:
        raise RequestError("--target-features says which runtime there is: --runtime is for this machine")


def _dump(runtime: str | None, bundle: Path | None, target_features: Path | None) -> None:
    from bundler.targets import host_target

    if bundle is not None or target_features is not None:
        raise RequestError(
            "--dump is about this machine, and takes neither a bundle nor --target-features",
            hint="bundler doctor --dump > FILE there, then bundler doctor BUNDLE --target-features FILE here",
        )
    typer.echo(json.dumps(host_target(runtime).described(), indent=2))


def _plain(examination: "Examination", bundle: Path | None) -> dict[str, Json]:
    document: dict[str, Json] = {"runs": examination.runs, "target": examination.target.described()}
    if bundle is None and examination.here is not None:
        document["machine"] = examination.here.described()
    return document | {"findings": [finding.described() for finding in examination.findings]}


def _show(examination: "Examination", bundle: Path | None) -> None:
    """Findings as a table on a terminal, in a pipe a line each; above them, without a bundle, what the machine is."""
    findings = examination.findings
    if bundle is None and examination.here is not None:
        show_rows(("", "here"), _rows(examination.target, examination.here))
        if findings:
            typer.echo()
    if not findings:
        if bundle is not None:
            tell(f"nothing was found that keeps {printable(str(bundle))} from running")
    elif sys.stdout.isatty():
        show_rows(_HEADER, [(finding.severity, finding.what, finding.why, finding.advice) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.severity}: {finding.what}. {finding.why} {finding.advice}")


def _rows(target: "Target", around: "HostFacts") -> list[tuple[str, str]]:
    """What there is, in the order that people ask for it."""
    rows = [
        (program.name, f"{program.version} ({program.minimum} or newer is needed), {program.path}")
        for program in around.programs
        if program.path
    ]
    rows += [
        ("kernel", f"{around.kernel}, {target.architecture or platform.machine()}"),
        ("namespaces", ", ".join(target.namespaces or ())),
        ("user namespaces", _user_namespaces(around.user_namespaces, unprivileged=around.unprivileged)),
        ("seccomp", ", ".join(target.seccomp_actions or ()) or "no"),
        ("control groups", f"{target.cgroup}: {', '.join(target.controllers or ())}"),
        ("delegated to you", ", ".join(around.delegated or ()) or "none"),
        ("overlay", "yes" if around.overlay else "no"),
        ("EROFS, loop devices", f"{'yes' if around.erofs else 'no'}, {'yes' if around.loops else 'no'}"),
        ("AppArmor, SELinux", f"{'yes' if target.apparmor else 'no'}, {'yes' if target.selinux else 'no'}"),
        ("emulated", ", ".join(target.emulates or ()) or "nothing"),
        ("subordinate ids", f"users {_ranges(around.subuids)}; groups {_ranges(around.subgids)}"),
        ("signature policy", printable(around.policy) or "none"),
    ]
    if around.free is not None:
        rows.append(("free for images", f"{readable_size(around.free)} at {printable(around.store)}"))
    return rows


def _user_namespaces(number: int | None, *, unprivileged: bool) -> str:
    if number is None:
        return "no"
    return f"{number} at most" + ("" if unprivileged else ", for root only")


def _ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{count} from {first}" for first, count in ranges) or "none"
