"""Which system calls the filter lets through, by group: only what differs is named."""

from collections.abc import Iterator
from typing import Final

from bundler.approval.call_groups import GROUP_OF, GROUPS, KNOWN, OTHERS, CallGroup
from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.compare.difference import SECCOMP, Difference
from bundler.compare.marks import Mark
from bundler.origins import UNSET, Json
from bundler.runtime_spec.effects import OTHER_CALLS, changed_actions, naming, without_effect
from bundler.runtime_spec.list_identity import text
from bundler.runtime_spec.runtime_config import RuntimeConfig

_ELSE: Final = " otherwise"  # after conditions that are named (runtime_spec/effects.py)
_MARKS: Final[tuple[Mark, ...]] = ("looser", "tighter", "neutral")


def calls_section(subject: Subject) -> Section:
    """The filter (config-linux.md, seccomp)."""
    rows = tuple(_rows(subject))
    return Section(name="calls", title="Kernel calls", gist=_gist(subject, rows), rows=rows)


def _gist(subject: Subject, rows: tuple[Row, ...]) -> str:
    if not subject.config.has_seccomp:
        return "not filtered: every call is allowed"
    more, fewer = ([row.what for row in rows if row.verdict == mark] for mark in ("looser", "tighter"))
    if not more and not fewer:
        return "filtered as Docker does"
    parts = [f"{kind}: {listed(names, most=4)}" for kind, names in (("more", more), ("fewer", fewer)) if names]
    return f"filtered, {', '.join(parts)}"


def _rows(subject: Subject) -> Iterator[Row]:
    whole = tuple(each for each in subject.under(SECCOMP) if len(each.steps) == len(SECCOMP))
    yield Row(
        what="filter",
        value=_filter(has_filter=subject.config.has_seccomp),
        baseline=_filter(has_filter=subject.baseline.has_seccomp),
        note="which calls the kernel takes from it",
        set_by=subject.set_by("/linux/seccomp"),
        differences=whole,
    )
    yield from _by_group(subject.config)
    grouped = _grouped(subject)
    for group in GROUPS:
        for mark in _MARKS:
            actions: dict[tuple[str, str], list[Difference]] = {}
            for each in grouped.get((group.title, mark), ()):
                actions.setdefault((_action(each.before), _action(each.after)), []).append(each)
            for (before, after), changed in actions.items():
                yield _row(group, before, after, changed)
    for step in subject.steps(*SECCOMP):
        if step[0] == "/":
            changed = list(subject.under((*SECCOMP, step)))
            yield Row(
                what=f"filter, {step[1:]}",
                value=listed([text(each.after) for each in changed if each.after is not UNSET]) or "none",
                baseline=listed([text(each.before) for each in changed if each.before is not UNSET]) or "none",
                set_by=subject.set_by(f"/linux/seccomp{step}"),
                differences=tuple(changed),
            )


def _by_group(config: RuntimeConfig) -> Iterator[Row]:
    """Which groups the filter refuses, whether that is as with Docker or not."""
    refused, limited = _refused(config)
    states: dict[str, list[str]] = {"refused": [], "refused in part": [], "allowed": []}
    for group in GROUPS:
        calls = {*group.calls}
        if calls:
            state = "refused" if calls <= refused else "refused in part" if calls & (refused | limited) else "allowed"
            states[state].append(group.title)
    for state, titles in states.items():
        if titles:
            yield Row(what=state, value=listed(titles, most=len(GROUPS)), note="groups of calls")


def _refused(config: RuntimeConfig) -> tuple[set[str], set[str]]:
    """The known calls that the filter refuses, and those that it refuses on conditions."""
    filtered = next(config.values("linux", "seccomp"), None)
    if not isinstance(filtered, dict):
        return set(), set()
    named = naming(filtered, KNOWN)
    always, sometimes = set[str](), set[str]()
    for call, action, _ in changed_actions(named, without_effect(named)):
        name, _, condition = call.partition(" ")
        if not _action(action).startswith("allowed"):
            (sometimes if condition else always).add(name)
    return always, sometimes


def _row(group: CallGroup, before: str, after: str, changed: list[Difference]) -> Row:
    names = [_call(each) for each in changed]
    return Row(
        what=group.title,
        value=f"{after}: {listed(names, most=60)}",
        baseline=before,
        note=group.meaning,
        differences=tuple(changed),
    )


def _grouped(subject: Subject) -> dict[tuple[str, Mark], list[Difference]]:
    """Calls that are decided differently, by the title of their group and what the difference means."""
    grouped: dict[tuple[str, Mark], list[Difference]] = {}
    for each in subject.under(SECCOMP):
        if len(each.steps) == len(SECCOMP) + 1 and each.steps[-1][0] == "[":
            group = GROUP_OF.get(_call(each).partition(" ")[0], OTHERS)
            grouped.setdefault((group.title, each.mark), []).append(each)
    return grouped


def _call(difference: Difference) -> str:
    name = difference.steps[-1][1:-1]
    if name == OTHER_CALLS:
        return "all that no rule names"
    return f"{name.removesuffix(_ELSE)} in all other cases" if name.endswith(_ELSE) else name


def _filter(*, has_filter: bool) -> str:
    return "a filter" if has_filter else "none: every call is allowed"


def _action(action: Json) -> str:
    """A filter's action in words: ALLOW, LOG, ERRNO 1, KILL_PROCESS ..."""
    name = str(action).partition(" ")[0]
    return {"ALLOW": "allowed", "LOG": "allowed, logged", "ERRNO": "refused"}.get(name, name.lower().replace("_", " "))
