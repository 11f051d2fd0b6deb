"""A machine, or a bundle on a machine, is examined: facts are gathered, then judged."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.conversion.shared_namespaces import comes_with
from bundler.conversion.target import Target
from bundler.doctor.bundle_facts import BundleFacts, built_for, look_at
from bundler.doctor.checks import BUNDLE_CHECKS
from bundler.doctor.finding import Finding, examine
from bundler.doctor.host_checks import HOST_CHECKS
from bundler.doctor.host_facts import HostFacts, look_around
from bundler.doctor.host_judges import Machine
from bundler.light_dataclasses import dataclass
from bundler.store import default_place
from bundler.targets import choose_runtime, host_target, read_target


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found about `target`, the worst first; `here` are the facts of this machine, if it is the target."""

    target: Target
    here: HostFacts | None
    findings: tuple[Finding, ...]

    @property
    def runs(self) -> bool:
        """Whether nothing that was found keeps a bundle from running."""
        return all(finding.severity != "blocks" for finding in self.findings)


def examine_machine(*, runtime: str | None = None, store: Path | None = None) -> Examination:
    """Whether this machine can build and run bundles, with `runtime` (None: the first one that is there).

    `store` (None: the default place) is where fetched images are kept.
    """
    machine = Machine(host_target(runtime), look_around(store or default_place()))
    return Examination(machine.target, machine.surroundings, tuple(examine(HOST_CHECKS, machine)))


def examine_bundle(
    bundle: Path,
    *,
    features: Path | None = None,
    runtime: str | None = None,
    store: Path | None = None,
    beside: Collection[str] = (),
) -> Examination:
    """Whether `bundle` can run on this machine, or on the one that the file `features` describes.

    `runtime` (None: the one that `bundler run` would take) is what is to run it here. Containers of the names `beside`
    run then, too, and bring along what they share. Raises RequestError.
    """
    opened = Bundle.open(bundle)
    if features is not None:
        facts = look_at(opened, read_target(str(features)), None)
    else:
        chosen = choose_runtime(built_for(opened))
        named = runtime or (None if chosen is None else chosen.name)
        facts = look_at(opened, host_target(named), look_around(store or default_place()))
    facts = _beside(facts, beside)
    return Examination(facts.target, facts.surroundings, tuple(examine(BUNDLE_CHECKS, facts)))


def _beside(facts: BundleFacts, containers: Collection[str]) -> BundleFacts:
    """The facts but for paths that come with other containers when these start."""
    coming = {bind.pointer for bind in facts.binds if comes_with(bind.path, containers)}
    return replace(
        facts,
        binds=tuple(bind for bind in facts.binds if bind.pointer not in coming),
        mount_points=tuple(point for point in facts.mount_points if point.pointer not in coming),
        namespaces=tuple(each for each in facts.namespaces if not comes_with(each.path, containers)),
    )
