"""What dockerd 20.10.24 wrote for the same lines, on a machine with cgroup v1 (recorded by scripts/capture-docker).

It differs from what bundler writes in what Docker changed since, listed here, and in nothing else.
"""

import re
from functools import cache
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.target import Target
from bundler.errors import ImageError, RequestError
from tests.support.goldens import cases, inputs, recorded
from tests.support.runtime_leaves import differences as all_differences
from tests.support.runtime_leaves import leaves

CASES = cases()
RECORDED = recorded("20.10.24")
HOST = Target(kernel=(6, 18), cgroup="v1")

NEW_CALLS = (
    *("cachestat", "clock_settime64", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat"),
    *("listmount", "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack"),
    *("mseal", "name_to_handle_at", "pkey_alloc", "pkey_free", "pkey_mprotect", "removexattrat", "riscv_hwprobe"),
    *("set_mempolicy_home_node", "setxattrat", "statmount", "uretprobe", "process_vm_readv", "process_vm_writev"),
)
# Place → what changed since 20.10, or what the machine it ran on lacks.
CHANGED_SINCE = {
    r"/linux/seccomp/syscalls/(io_uring_(enter|register|setup)|socket.*)": "io_uring and AF_VSOCK are blocked",
    rf"/linux/seccomp/syscalls/({'|'.join(NEW_CALLS)})": "newer calls are allowed",
    r"/linux/seccomp/flags": "the flags of one's own profile are kept",
    r"/linux/maskedPaths": "/proc/interrupts and powercap are hidden",
    r"/linux/resources/(cpu/shares|blockIO/weight)": "a limit of 0 is not written",
    r"/linux/resources/blockIO/weightDevice/.*": "this machine has no weights, and the daemon left them out",
    r"/process/capabilities/(effective|permitted)": "all three sets are written for any user",
    r"/process/consoleSize/.*": "the size of the terminal is written",
    r"/linux/namespaces/network": "the machine's network is no namespace with a path",
    r"/linux/rootfsPropagation|/mounts//dr/options": "the daemon's own folder was elsewhere",
}
# A daemon without a capability of its own cannot give it; a client of Go's takes -e in the order of chance.
OF_THE_MACHINE = {"privileged-user": "/process/capabilities/bounding", "env-override-image-order": "/process/env"}
ANSWERED = [name for name, answer in RECORDED.items() if isinstance(answer, dict) and name != "err-sysctl-net-host"]


@cache
def all_of(name: str) -> dict[str, tuple[Any, Any]]:
    """All differences of a case, which most tests here look through."""
    golden = RECORDED[name]
    assert isinstance(golden, dict)
    return all_differences(golden, leaves(convert(inputs(CASES[name], HOST)).document, of_docker=False))


def since(name: str) -> dict[str, object]:
    """The differences that Docker's changes do not explain."""
    return {
        place: (docker, ours)
        for place, (docker, ours) in all_of(name).items()
        if not any(re.fullmatch(pattern, place) for pattern in CHANGED_SINCE)
        and OF_THE_MACHINE.get(name) != place
        # Read-only binds have become recursively so.
        and not (isinstance(ours, list) and docker == sorted("ro" if option == "rro" else option for option in ours))
    }


@pytest.mark.parametrize("name", ANSWERED)
def test_config_json_differs_in_what_docker_changed_since(name: str) -> None:
    assert since(name) == {}


@pytest.mark.parametrize("pattern", CHANGED_SINCE)
def test_every_change_is_seen_in_some_case(pattern: str) -> None:
    def differs(name: str) -> bool:
        return any(re.fullmatch(pattern, place) for place in all_of(name))

    assert any(map(differs, ANSWERED))


def test_what_both_refuse_is_refused() -> None:
    refused = [name for name, answer in RECORDED.items() if isinstance(answer, str) and name.startswith("err-")]
    taken = []
    for name in refused:
        try:
            convert(inputs(CASES[name], HOST))
        except (RequestError, ImageError):
            continue
        taken.append(name)
    assert taken == ["err-bind-rshared-on-private", "err-workdir-is-file"]
