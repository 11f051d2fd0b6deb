"""Whether the process may start its program: modes, owners, and the capabilities that override them."""

from collections.abc import Iterator, Sequence
from typing import Final

from bundler.doctor.bundle_facts import BundleFacts
from bundler.doctor.program import AccessRights
from bundler.runtime_spec.parts import IdMapping, machine_ids

# Bits of one of the three digits of a mode; a directory that may be executed may be entered.
_READ: Final = 0o4
_EXECUTE: Final = 0o1
# capabilities(7): what lets any user execute a file that has an execute bit at all, and what lets him read and enter.
_TO_EXECUTE: Final = frozenset(("CAP_DAC_OVERRIDE",))
_TO_READ: Final = frozenset(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"))


def permission(subject: BundleFacts) -> Iterator[str]:
    """execve(2) by a user who may not override modes. A script is opened once more, by its interpreter: that has only
    what is left of the capabilities then, the ambient ones of an ordinary user, and those within the bounds of root.
    """
    chain = subject.program
    if chain is None or chain.first is None or chain.fault:
        return
    uid = subject.process.uid
    file, held = chain.first, _held(subject, "effective")
    left = _held(subject, "ambient" if uid else "bounding") if chain.script else held
    for folder in chain.folders:
        if not _allows(subject, folder, _EXECUTE, held & left & _TO_READ):
            yield f"{folder.path} has mode {folder.mode:04o}, and user {uid} may not enter it"
            return
    if not _allows(subject, file, _EXECUTE, held & _TO_EXECUTE):
        yield f"{file.path} has mode {file.mode:04o}, and user {uid} may not execute it"
    elif chain.script and not _allows(subject, file, _READ, left & _TO_READ):
        yield f"{file.path} has mode {file.mode:04o}, and user {uid} may not read it, as a script's interpreter has to"


def _held(subject: BundleFacts, kind: str) -> set[str]:
    """One set of the process's capabilities; without any word of them a runtime gives what it has itself."""
    sets = subject.process.capabilities
    return set(_TO_READ) if sets is None else set(sets.get(kind, ()))


def _allows(subject: BundleFacts, place: AccessRights, wanted: int, overriding: frozenset[str] | set[str]) -> bool:
    """Whether the mode, or one of the capabilities, lets the process do it; the ids are those of the machine."""
    config = subject.config
    (uid,) = outside(config.uid_mappings, [config.process.uid])
    groups = outside(config.gid_mappings, config.process.gids)
    digit = 6 if uid == place.uid else 3 if place.gid in groups else 0
    return bool(overriding or place.mode >> digit & wanted)


def outside(mappings: Sequence[IdMapping], numbers: Sequence[int]) -> Sequence[int | None]:
    """The machine's ids for those of the container; None where the map has none."""
    return machine_ids(mappings, numbers) if mappings else numbers
