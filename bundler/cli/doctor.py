"""`bundler doctor`: whether this machine can run bundles, and whether a bundle can run."""

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.console import show_rows
from bundler.cli.options import StoreOption
from bundler.errors import RequestError, printable
from bundler.origins import Json

if TYPE_CHECKING:
    from bundler.doctor.finding import Finding
    from bundler.doctor.host_judges import Machine

_HEADER = ("", "what", "why it matters", "what to do")


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="BUNDLE",
            help="A bundle's directory; if absent, about this machine.",
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
    dump: Annotated[
        bool,
        typer.Option("--dump", help="Print what this machine is, for --target FILE and --target-features FILE."),
    ] = False,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            metavar="NAME",
            help="Judge by runc or crun; if absent, what BUNDLE was built for, or the first that is there.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    store: StoreOption = None,
) -> None:
    """Say what keeps BUNDLE, or any bundle, from running here: what, why it matters, and what to do.

    Nothing is started but programs that are asked for their versions, and `criu check`. Exit code 0: it can run, 1: it
    cannot.
    """
    if runtime is not None:
        _check_runtime(runtime)
    if dump:
        if bundle is not None or target_features is not None:
            raise RequestError("--dump is about this machine, and takes neither a bundle nor --target-features")
        _dump(runtime)
        return
    if bundle is None:
        if target_features is not None:
            raise RequestError("--target-features is for a bundle", hint="bundler doctor BUNDLE --target-features FILE")
        findings = _examine_machine(store, runtime, as_json=as_json)
    else:
        if runtime is not None and target_features is not None:
            raise RequestError("--target-features says which runtime there is: --runtime is for this machine")
        findings = _examine_bundle(bundle, target_features, store, runtime, as_json=as_json)
    if any(finding.severity == "blocks" for finding in findings):
        raise typer.Exit(1)


def _check_runtime(name: str) -> None:
    from bundler.targets import RUNTIMES

    if name not in RUNTIMES:
        raise RequestError(f"--runtime: {printable(name[:80])} is not known", hint=f"known are {', '.join(RUNTIMES)}")


def _dump(runtime: str | None) -> None:
    from bundler.targets import host_target

    typer.echo(json.dumps(host_target(runtime).described(), indent=2))


def _examine_machine(store: Path | None, runtime: str | None, *, as_json: bool) -> "list[Finding]":
    from bundler.doctor.finding import examine
    from bundler.doctor.host_checks import HOST_CHECKS
    from bundler.doctor.host_facts import look_around
    from bundler.doctor.host_judges import Machine
    from bundler.store.find import default_place
    from bundler.targets import host_target

    machine = Machine(host_target(runtime), look_around(store or default_place()))
    findings = examine(HOST_CHECKS, machine)
    if as_json:
        described = {"target": machine.target.described(), "machine": machine.surroundings.described()}
        _print_json(described, findings)
        return findings
    show_rows(("", "here"), _rows(machine))
    if findings:
        typer.echo()
        _show(findings)
    return findings


def _examine_bundle(
    bundle: Path, target_features: Path | None, store: Path | None, runtime: str | None, *, as_json: bool
) -> "list[Finding]":
    from bundler.doctor.bundle_facts import built_for, look_at
    from bundler.doctor.checks import BUNDLE_CHECKS
    from bundler.doctor.finding import examine
    from bundler.doctor.host_facts import look_around
    from bundler.store.find import default_place
    from bundler.targets import (
        choose_runtime,
        host_target,
        read_target,
    )

    if target_features is not None:
        subject = look_at(bundle, read_target(str(target_features)), None)
    else:
        chosen = choose_runtime(built_for(bundle))  # as `bundler run` does
        named = runtime or (None if chosen is None else chosen.name)
        subject = look_at(bundle, host_target(named), look_around(store or default_place()))
    findings = examine(BUNDLE_CHECKS, subject)
    if as_json:
        _print_json({"target": subject.target.described()}, findings)
    else:
        _show(findings)
        if not findings:
            typer.echo(f"bundler: nothing was found that keeps {printable(str(bundle))} from running", err=True)
    return findings


def _print_json(described: dict[str, Json], findings: "list[Finding]") -> None:
    runs = all(finding.severity != "blocks" for finding in findings)
    document = {"runs": runs, **described, "findings": [finding.described() for finding in findings]}
    typer.echo(json.dumps(document, indent=2))


def _show(findings: "list[Finding]") -> None:
    """A table on a terminal, in a pipe a line each."""
    if sys.stdout.isatty():
        show_rows(_HEADER, [(finding.severity, finding.what, finding.why, finding.advice) for finding in findings])
        return
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.what}. {finding.why} {finding.advice}")


def _rows(machine: "Machine") -> list[tuple[str, str]]:
    """What there is, in the order that people ask for it."""
    target, around = machine.target, machine.surroundings
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
        ("AppArmor, SELinux", f"{'yes' if target.apparmor else 'no'}, {'yes' if target.selinux else 'no'}"),
        ("emulated", ", ".join(target.emulates or ()) or "nothing"),
        ("subordinate ids", f"users {_ranges(around.subuids)}; groups {_ranges(around.subgids)}"),
        ("signature policy", printable(around.policy) or "none"),
    ]
    if around.free is not None:
        rows.append(("free for images", f"{around.free >> 20} MiB at {printable(around.store)}"))
    return rows


def _user_namespaces(number: int | None, *, unprivileged: bool) -> str:
    if number is None:
        return "no"
    return f"{number} at most" + ("" if unprivileged else ", for root only")


def _ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{count} from {first}" for first, count in ranges) or "none"
