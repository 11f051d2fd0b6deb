"""Where podman's inspect says what podman does by itself: Docker's own defaults take the place of that."""

from collections.abc import Iterator
from typing import Final

from bundler.origins import Json
from bundler.overrides.docker_inspect.container import Container, Draft, positive, size, ulimits

_DOCKERS_SHM: Final = 64 << 20  # bytes
_PODMANS_SHM: Final = 65536000
_PODMANS_PIDS: Final = 2048
_SCRATCH: Final = ("/run", "/tmp", "/var/tmp")  # noqa: S108  (in the container)
# Flag → the field that some podmans leave empty all the same, and the key that says it here.
_UNSAID: Final = {
    "--sysctl": ("Sysctls", "sysctls"),
    "--device-cgroup-rule": ("DeviceCgroupRules", "device_cgroup_rules"),
    "--blkio-weight": ("BlkioWeight", "blkio_config"),
    "--memory-swap": ("MemorySwap", "memswap_limit"),
    "--memory-swappiness": ("MemorySwappiness", "mem_swappiness"),
}


def given(container: Container, flag: str) -> Iterator[str]:
    """The values of a flag on the line that made the container, which podman keeps."""
    words = container.config("CreateCommand").texts()
    for index, word in enumerate(words):
        if word == flag:
            yield words[index + 1] if index + 1 < len(words) else ""
        elif word.startswith(f"{flag}="):
            yield word.partition("=")[2]


def _asked(container: Container, flag: str) -> bool:
    return next(given(container, flag), None) is not None


def pids(container: Container, draft: Draft) -> None:
    value = container.host("PidsLimit")
    podmans = container.is_podmans and value.number() == _PODMANS_PIDS and not _asked(container, "--pids-limit")
    if positive(value) and not podmans:
        draft.say("pids_limit", value.number(), value)


def shared_memory(container: Container, draft: Draft) -> None:
    value = container.host("ShmSize")
    podmans = container.is_podmans and value.number() == _PODMANS_SHM and not _asked(container, "--shm-size")
    if size(value) and value.number() != _DOCKERS_SHM and not podmans:
        draft.say("shm_size", size(value), value)


def limits(container: Container, draft: Draft) -> None:
    """Podman adds two of its own, which are its machine's."""
    value = container.host("Ulimits")
    asked: dict[str, Json] = ulimits(value) or {}
    if container.is_podmans and container.config("CreateCommand").items():
        names = [word.partition("=")[0] for word in given(container, "--ulimit")]
        asked = {name: limit for name, limit in asked.items() if name in names}
    if asked:
        draft.say("ulimits", asked, value)


def unsaid(container: Container, draft: Draft) -> None:
    """What was asked for and the inspect keeps to itself, of which versions and machines differ."""
    if not container.is_podmans:
        return
    for flag, (field, key) in _UNSAID.items():
        if container.host(field).says_nothing and _asked(container, flag):
            _remark_unsaid(draft, flag, key)
    if any(_limits_access(value) for value in given(container, "--device")):
        _remark_unsaid(draft, "the permissions of --device", "devices")


def _limits_access(device: str) -> bool:
    last = device.rpartition(":")[2]
    return bool(last) and set(last) < set("rwm")


def _remark_unsaid(draft: Draft, what: str, key: str) -> None:
    draft.remarks.append(f"podman's inspect says nothing of {what}: give {key} in an overrides file")


def scratch(container: Container, draft: Draft) -> None:
    """The places to write to that podman gives a container of --read-only: inspect of podman 5 has none of them."""
    if not (container.is_podmans and container.host("ReadonlyRootfs").flag()):
        return
    if any(path in _SCRATCH for path, _ in container.host("Tmpfs").members()):
        return
    asked = [word.lower() for flag in ("--read-only", "--read-only-tmpfs") for word in _words(container, flag)]
    if asked and "false" not in asked:
        draft.say("read_only_tmpfs", value=True, where=container.host("ReadonlyRootfs"))


def _words(container: Container, flag: str) -> Iterator[str]:
    """The values of a switch on the line that made the container; one that stands alone is true."""
    for word in container.config("CreateCommand").texts():
        if word == flag or word.startswith(f"{flag}="):
            yield word.partition("=")[2] or "true"
