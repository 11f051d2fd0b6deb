"""What a container shares with the machine, or with other containers: its namespaces."""

from collections.abc import Iterator, Mapping
from typing import Final

from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.runtime_spec.parts import IdMapping
from bundler.runtime_spec.runtime_config import RuntimeConfig

# Types but `network`, which has a section of its own (config-linux.md, namespaces) → what sharing one means.
_MEANINGS: Final[Mapping[str, str]] = {
    "mount": "if shared: its mounts are those of the machine",
    "pid": "if shared: it sees all processes, and can signal those of its users",
    "ipc": "if shared: it has the shared memory and message queues of the machine",
    "uts": "if shared: its host name is the machine's",
    "cgroup": "if shared: it sees the control groups of the machine",
    "user": "if shared: root inside is root outside",
    "time": "if shared: its clocks begin with the machine's",
}
_SHARED_BY_DEFAULT: Final = ("user", "time")
_PLACE: Final = ("/linux", "/namespaces")
_MAPS: Final = (("users", "uidMappings"), ("groups", "gidMappings"))


def whose(config: RuntimeConfig, kind: str) -> str:
    """Whose the namespace of a type is that the container is in."""
    namespace = next((each for each in config.namespaces if each.type == kind), None)
    if namespace is None:
        return "the machine's"
    return f"that of {namespace.path}" if namespace.path else "its own"


def namespaces_section(subject: Subject) -> Section:
    """Namespaces and id mappings (config-linux.md)."""
    shared = [kind for kind in _MEANINGS if whose(subject.config, kind) != "its own" and kind not in _SHARED_BY_DEFAULT]
    own = "" if whose(subject.config, "user") == "the machine's" else ", users of its own"
    gist = (f"shares {listed(shared)}" if shared else "shares nothing that Docker does not") + own
    return Section(name="namespaces", title="Shared with the machine", gist=gist, rows=tuple(_rows(subject)))


def _rows(subject: Subject) -> Iterator[Row]:
    config, baseline = subject.config, subject.baseline
    for kind, meaning in _MEANINGS.items():
        yield Row(
            what=kind,
            value=whose(config, kind),
            baseline=whose(baseline, kind),
            note=meaning,
            set_by=subject.set_by(*(each.pointer for each in config.namespaces if each.type == kind)),
            differences=subject.under((*_PLACE, f"[{kind}]")),
        )
    for what, member in _MAPS:
        maps, before = (each.uid_mappings if what == "users" else each.gid_mappings for each in (config, baseline))
        differing = subject.under(("/linux", f"/{member}"))
        if maps or differing:
            yield Row(
                what=f"{what} outside",
                value=_mapped(maps),
                baseline=_mapped(before),
                note="which ids of the machine those of the container are",
                set_by=subject.set_by(f"/linux/{member}"),
                differences=differing,
            )


def _mapped(maps: tuple[IdMapping, ...]) -> str:
    ranges = [f"{each.container_id} is {each.host_id}, {each.size} ids" for each in maps]
    return listed(ranges) or "the same as inside"
