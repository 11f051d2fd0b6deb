"""With which rights the process runs: its user, capabilities, and what confines it besides."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bundler.approval.meanings import CAPABILITIES
from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.compare.difference import Difference
from bundler.runtime_spec.list_identity import Place
from bundler.runtime_spec.parts import Process
from bundler.runtime_spec.runtime_config import RuntimeConfig

_SETS: Final = ("bounding", "effective", "permitted", "inheritable", "ambient")
_CAPABILITIES: Final = ("/process", "/capabilities")
_ORDER: Final = {name: number for number, name in enumerate(CAPABILITIES)}
_GROUPS: Final = ("/process", "/user", "/additionalGids")
_PROFILES: Final = (
    ("AppArmor", "apparmorProfile", "confines by the rules of a profile"),
    ("SELinux", "selinuxLabel", "confines by the rules for a label"),
)


def privileges_section(subject: Subject) -> Section:
    """User, capabilities, AppArmor, SELinux (config.md, process)."""
    process = subject.config.process
    user = "root" if process.uid == 0 else f"user {process.uid}"
    gist = f"runs as {user}, {_gist(subject)}"
    if process.no_new_privileges:
        gist += ", gains no privileges"
    return Section(name="privileges", title="Privileges", gist=gist, rows=tuple(_rows(subject)))


def _gist(subject: Subject) -> str:
    """A user other than root has of the capabilities what is ambient; files that give privileges give the others."""
    process = subject.config.process
    held = _held(process)
    if held is None:
        return "capabilities as the runtime has them"
    if process.uid != 0:
        held = {name: sets for name, sets in held.items() if "ambient" in sets}
    return f"{len(held) or 'no'} capabilities" if len(held) != 1 else "1 capability"


def _rows(subject: Subject) -> Iterator[Row]:
    process, other = subject.config.process, subject.baseline.process
    yield Row(
        what="user",
        value=_user(process),
        baseline=_user(other),
        set_by=subject.set_by("/process/user"),
        differences=tuple(_of_user(subject)),
    )
    yield from _capabilities(subject)
    yield Row(
        what="new privileges",
        value=_new_privileges(process),
        baseline=_new_privileges(other),
        note="from setuid files and file capabilities",
        set_by=subject.set_by("/process/noNewPrivileges"),
        differences=subject.under(("/process", "/noNewPrivileges")),
    )
    labels = (process.apparmor_profile, process.selinux_label), (other.apparmor_profile, other.selinux_label)
    for (what, member, note), value, baseline in zip(_PROFILES, *labels, strict=True):
        yield Row(
            what=what,
            value=value or "not confined",
            baseline=baseline or "not confined",
            note=note,
            set_by=subject.set_by(f"/process/{member}"),
            differences=subject.under(("/process", f"/{member}")),
        )
    yield from _label_of_files(subject.config, subject)


def _label_of_files(config: RuntimeConfig, subject: Subject) -> Iterator[Row]:
    differing = subject.under(("/linux", "/mountLabel"))
    if config.mount_label or differing:
        yield Row(
            what="SELinux, files",
            value=config.mount_label or "no label",
            baseline=subject.baseline.mount_label or "no label",
            set_by=subject.set_by("/linux/mountLabel"),
            differences=differing,
        )


def _user(process: Process) -> str:
    groups = [*dict.fromkeys(process.gids)]
    user = "root (0)" if process.uid == 0 else str(process.uid)
    umask = "" if process.umask is None else f", umask {process.umask:04o}"
    return f"{user}, {'group' if len(groups) == 1 else 'groups'} {', '.join(map(str, groups))}{umask}"


def _of_user(subject: Subject) -> Iterator[Difference]:
    """A process's group among its additional groups, where Docker puts it, gives nothing that it has not got."""
    own = (*_GROUPS, f"[{subject.config.process.gid}]")
    for each in subject.under(("/process", "/user")):
        yield replace(each, mark="neutral", reason="") if each.steps == own else each


def _new_privileges(process: Process) -> str:
    return "none can be gained" if process.no_new_privileges else "can be gained"


def _held(process: Process) -> dict[str, list[str]] | None:
    """The sets that hold each capability; None where the runtime is to leave its own."""
    sets = process.capabilities
    if sets is None:
        return None
    held: dict[str, list[str]] = {}
    for kind in (*_SETS, *(name for name in sets if name not in _SETS)):
        for name in sets.get(kind, ()):
            held.setdefault(name, []).append(kind)
    return held


def _capabilities(subject: Subject) -> Iterator[Row]:
    """What is held as in the baseline in one row, what is dropped in one, and each that is added in its own."""
    held, before = _held(subject.config.process), _held(subject.baseline.process)
    if held is None or before is None:
        yield Row(
            what="capabilities",
            value=_all(held),
            baseline=_all(before),
            note="none written: the runtime leaves those it has itself",
            set_by=subject.set_by("/process/capabilities"),
            differences=subject.under(_CAPABILITIES),
        )
        return
    changes = {name: subject.under(*_places(name)) for name in {**held, **before}}
    shared = [name for name in held if not changes[name]]
    if shared:
        pointers = _pointers(subject.config, shared)
        yield Row(
            what="capabilities",
            value=listed(shared, most=41),
            baseline="the same",
            note="" if subject.config.process.uid == 0 else "for files that give privileges: the user is not root",
            set_by=subject.set_by(*pointers),
        )
    yield from _given(subject, held, before, changes)
    dropped = [name for name in before if changes[name] and name not in held]
    if dropped or not held:
        yield Row(
            what="capabilities, dropped" if dropped else "capabilities",
            value=listed(dropped, most=41) if dropped else "none",
            baseline="held" if dropped else "none",
            differences=(*(each for name in dropped for each in changes[name]), *_of_sets(subject)),
        )
    elif _of_sets(subject):
        yield Row(what="capabilities, sets", value="other sets", baseline="", differences=_of_sets(subject))


def _given(
    subject: Subject,
    held: dict[str, list[str]],
    before: dict[str, list[str]],
    changes: dict[str, tuple[Difference, ...]],
) -> Iterator[Row]:
    for name in sorted(held, key=_power):
        sets = held[name]
        if changes[name]:
            yield Row(
                what=name,
                value="held" if name not in before else f"held: {', '.join(sets)}",
                baseline="not held" if name not in before else f"held: {', '.join(before[name])}",
                note=CAPABILITIES.get(name, ""),
                set_by=subject.set_by(*_pointers(subject.config, [name])),
                differences=changes[name],
            )


def _power(name: str) -> int:
    """What gives away most comes first, what nothing is known of last."""
    return _ORDER.get(name, len(_ORDER))


def _of_sets(subject: Subject) -> tuple[Difference, ...]:
    """A set that is empty on one side, and absent on the other."""
    return tuple(each for each in subject.under(_CAPABILITIES) if len(each.steps) == len(_CAPABILITIES) + 1)


def _all(held: dict[str, list[str]] | None) -> str:
    return "those of the runtime" if held is None else listed(list(held), most=41) or "none"


def _places(name: str) -> list[Place]:
    return [(*_CAPABILITIES, f"/{kind}", f"[{name}]") for kind in _SETS]


def _pointers(config: RuntimeConfig, names: list[str]) -> list[str]:
    wanted, sets = {*names}, config.process.capabilities or {}
    return [
        f"/process/capabilities/{kind}/{index}"
        for kind, listed_names in sets.items()
        for index, name in enumerate(listed_names)
        if name in wanted
    ]
