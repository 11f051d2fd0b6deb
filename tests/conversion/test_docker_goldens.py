"""What dockerd 28.5.2 wrote to config.json for a docker run line, in every leaf (recorded by scripts/record-golden)."""

import json
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.target import Target
from bundler.errors import ImageError, RequestError
from tests.support.goldens import cases, inputs, recorded
from tests.support.runtime_leaves import ANY, Leaves, differences, leaves

CASES = cases()
RECORDED = recorded("28.5.2")
HOST = Target(kernel=(6, 1), cgroup="v2", apparmor=True)  # the machine that dockerd ran on

# What Docker refuses for a reason that only its machine or the root filesystem knows.
NOT_KNOWN_HERE = {
    "err-bind-rshared-on-private": "how the source is mounted on the target",
    "err-workdir-is-file": "bundler build refuses it when the root filesystem is there",
}
# What dockerd writes down and runc then refuses: here it is refused before.
REFUSED_BY_RUNC = {"err-sysctl-net-host"}

ANSWERED = [name for name, answer in RECORDED.items() if isinstance(answer, dict) and name not in REFUSED_BY_RUNC]
REFUSED = [name for name, answer in RECORDED.items() if isinstance(answer, str)] + sorted(REFUSED_BY_RUNC)


def answer(name: str) -> Leaves:
    found = RECORDED[name]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ANSWERED)
def test_config_json_is_dockers_in_every_leaf(name: str) -> None:
    ours = convert(inputs(CASES[name], HOST)).document
    assert differences(answer(name), leaves(ours, of_docker=False)) == {}


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in NOT_KNOWN_HERE])
def test_what_docker_refuses_is_refused(name: str) -> None:
    with pytest.raises((RequestError, ImageError)):
        convert(inputs(CASES[name], HOST))


@pytest.mark.parametrize("name", NOT_KNOWN_HERE)
def test_what_only_the_target_or_the_rootfs_knows_is_taken(name: str) -> None:
    assert convert(inputs(CASES[name], HOST)).document


def test_every_case_was_recorded() -> None:
    assert set(CASES) == set(RECORDED)
    assert len(ANSWERED) > 150


def config() -> dict[str, Any]:
    return convert(inputs(CASES["default-full"], HOST)).document


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("process/user/additionalGids", "/process/user/additionalGids"),
        ("process/capabilities/bounding", "/process/capabilities/bounding"),
        ("process/env", "/process/env/LANG"),
        ("linux/seccomp/syscalls", "/linux/seccomp/syscalls/chroot"),
        ("linux/maskedPaths", "/linux/maskedPaths"),
        ("linux/namespaces", "/linux/namespaces/cgroup"),
    ],
)
def test_the_comparison_sees_what_is_missing(pointer: str, place: str) -> None:
    damaged = json.loads(json.dumps(config()))
    *parents, last = pointer.split("/")
    holder = damaged
    for parent in parents:
        holder = holder[parent]
    holder[last].pop()
    found = differences(leaves(config(), of_docker=False), leaves(damaged, of_docker=False))
    assert place in found


def test_the_comparison_sees_mounts_in_the_wrong_order() -> None:
    damaged = json.loads(json.dumps(config()))
    damaged["mounts"].reverse()
    assert "/mounts" in differences(leaves(config(), of_docker=False), leaves(damaged, of_docker=False))


def test_the_comparison_sees_a_rule_too_many() -> None:
    damaged = json.loads(json.dumps(config()))
    damaged["linux"]["resources"]["devices"].append({"allow": True, "access": "rwm"})
    found = differences(leaves(config(), of_docker=False), leaves(damaged, of_docker=False))
    assert found["/linux/resources/devices"] == ("deny", "allow")


def test_a_star_agrees_with_anything_and_with_nothing() -> None:
    assert differences({"/mounts//etc/hosts": ANY}, {"/mounts//etc/hosts/type": "bind"}) == {}
    assert differences({"/hostname": ANY}, {}) == {}


@pytest.mark.parametrize("name", ["bare-uid-0", "default", "default-full", "default-numeric", "default-weird"])
def test_the_lowest_version_is_one_that_debian_12s_runtimes_take(name: str) -> None:
    assert convert(inputs(CASES[name], HOST)).document["ociVersion"] == "1.1.0"
